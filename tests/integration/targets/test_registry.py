"""Targets are added and changed by an administrator of their group, and never moved under a plan that people signed."""

from dataclasses import replace

import pytest

from migrations_portal.audit.models import Entry
from migrations_portal.audit.rules import body_of
from migrations_portal.people import access
from migrations_portal.people.access import NotAllowed
from migrations_portal.people.models import Person
from migrations_portal.people.rules import Role
from migrations_portal.targets import registry
from migrations_portal.targets.models import Target
from migrations_portal.targets.rules import TargetForm, TargetRefused
from migrations_portal.targets.services import ReasonMissing
from tests.factories.plans import draft, submitted

STAGING = TargetForm(
    name="staging",
    environment="STAGING",
    host="db.whitecross.example",
    port=5432,
    database="school_staging",
    credential="staging",
    project="school-health",
    time_zone="America/New_York",
)
NOBODY = {"staging_target": None, "drill_target": None}


@pytest.fixture
def adam(cast, group) -> Person:
    person = Person.objects.create_user("adam@whitecross.example", "Adam Berg")
    access.grant(person=person, role=Role.ADMINISTRATOR, group=group)
    return person


def form_of(target: Target) -> TargetForm:
    values = {name: getattr(target, name) for name in TargetForm.__dataclass_fields__}
    return TargetForm(**values | {"smoke_addresses": tuple(target.smoke_addresses)})


def change(target, by, partners=NOBODY, reason="New server", **values):
    return registry.change(
        target_id=target.pk,
        form=replace(form_of(target), **values),
        partners=partners,
        by=by,
        reason=reason,
    )


def test_adam_adds_staging_and_names_it_as_partner(adam, group, production):
    staging = registry.add(group=group, form=STAGING, partners=NOBODY, by=adam, reason="New")
    changed = change(production, adam, {"staging_target": staging, "drill_target": staging})

    production.refresh_from_db()
    assert production.staging_target == staging
    assert changed == ["staging_target", "drill_target"]
    said = body_of(Entry.objects.get(kind="TARGET_CHANGED").canonical)
    assert said["facts"]["before"] == {"staging_target": "", "drill_target": ""}
    assert said["facts"]["after"] == {"staging_target": "staging", "drill_target": "staging"}
    assert said["why"] == "New server"


@pytest.mark.parametrize("name", ["ana", "dan", "cleo", "mallory"])
def test_nobody_else_adds_or_changes_one(cast, group, production, name):
    with pytest.raises(NotAllowed):
        registry.add(group=group, form=STAGING, partners=NOBODY, by=cast[name], reason="New")
    with pytest.raises(NotAllowed):
        change(production, cast[name], watch_seconds=60)

    assert Target.objects.count() == 1


@pytest.mark.parametrize(
    ("field", "value"),
    [("name", "prod"), ("environment", "STAGING")],
)
def test_name_and_environment_are_decided_once(adam, production, field, value):
    with pytest.raises(TargetRefused) as refused:
        change(production, adam, **{field: value})

    assert refused.value.field == field


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("host", "other.example"),
        ("port", 6432),
        ("database", "other"),
        ("credential", "other"),
        ("project", "other"),
    ],
)
def test_a_target_does_not_move_under_a_plan_that_waits(cast, adam, production, field, value):
    plan = submitted(by=cast["ana"], target=production, level="LOW")

    with pytest.raises(TargetRefused, match=plan.number):
        change(production, adam, **{field: value})

    assert change(production, adam, watch_seconds=60) == ["watch_seconds"]


def test_a_draft_keeps_no_target_where_it_is(cast, adam, production):
    draft(by=cast["ana"], target=production)

    assert change(production, adam, host="other.example") == ["host"]


def test_one_database_is_one_target(adam, group, production):
    twin = replace(STAGING, host=production.host.upper(), database=production.database)

    with pytest.raises(TargetRefused, match=production.name):
        registry.add(group=group, form=twin, partners=NOBODY, by=adam, reason="New")


def test_only_production_has_a_partner_and_only_staging_is_one(adam, group, production):
    partners = {"staging_target": production, "drill_target": None}
    with pytest.raises(TargetRefused):
        registry.add(group=group, form=STAGING, partners=partners, by=adam, reason="New")
    with pytest.raises(TargetRefused):
        change(production, adam, partners)


def test_nothing_and_no_reason_are_not_kept(adam, production):
    with pytest.raises(TargetRefused, match="Nothing"):
        change(production, adam)
    with pytest.raises(ReasonMissing):
        change(production, adam, reason=" ", watch_seconds=60)

    assert not Entry.objects.filter(kind="TARGET_CHANGED").exists()
