from datetime import UTC, datetime, timedelta

import pytest
from django.core.management import CommandError, call_command

from migrations_portal.demo.cast import CAST, EMERGENCY_ROLES, GROUP
from migrations_portal.demo.seed_story import seed
from migrations_portal.incidents import queries as incidents
from migrations_portal.people import access
from migrations_portal.people.models import Person
from migrations_portal.people.rules import Role
from migrations_portal.targets.models import Stakeholder, Target, TargetGroup, TargetGroupRole
from migrations_portal.targets.rules import PHI_TABLES_OF_THE_SPEC, StakeholderKind

PASSWORD = "maple-otter-quartz-river-4821"
pytestmark = pytest.mark.django_db


def counts() -> tuple[int, ...]:
    tables = (Person.objects, Target.objects, TargetGroup.objects, Stakeholder.objects)
    return tuple(table.count() for table in tables)


def test_the_story_begins_with_one_person_per_role_who_can_sign_in() -> None:
    seed(pg_host="127.0.0.1", pg_port=20_000, password=PASSWORD)

    group = TargetGroup.objects.get(name=GROUP)
    for role in Role:
        (person,) = access.holders(role=role, group=group)
        assert access.roles_in(person=person, group=group) == {role}
        assert not person.is_superuser
    assert all(person.check_password(PASSWORD) for person in Person.objects.all()[:2])
    assert Person.objects.values("password").distinct().count() == 1
    assert {player.email for player in CAST} == set(Person.objects.values_list("email", flat=True))


def test_the_production_target_practises_on_staging() -> None:
    seed(pg_host="127.0.0.1", pg_port=20_000, password=PASSWORD)

    production = Target.objects.get(name="white_cross_production")
    assert production.is_production
    assert production.drill_target is not None
    assert production.drill_target.name == "white_cross_staging"
    assert production.drill_target.environment == "STAGING"
    assert tuple(production.phi_tables) == PHI_TABLES_OF_THE_SPEC
    assert (production.host, production.port) == ("127.0.0.1", 20_000)


def test_everybody_whom_the_spec_names_can_be_told_and_called() -> None:
    seed(pg_host="127.0.0.1", pg_port=20_000, password=PASSWORD)

    production = Target.objects.get(name="white_cross_production")
    called = incidents.contacts(production)
    assert [contact.role for contact in called] == list(EMERGENCY_ROLES)
    assert all(contact.phone.startswith("+1 202-555-01") for contact in called)
    assert set(Stakeholder.objects.values_list("kind", flat=True)) == set(StakeholderKind)


def test_a_second_start_keeps_what_people_changed_and_the_sessions_but_learns_the_new_port() -> (
    None
):
    seed(pg_host="127.0.0.1", pg_port=20_000, password=PASSWORD)
    before = counts()
    Person.objects.filter(email="dan@whitecross.example").update(full_name="Daniel Okafor")
    Target.objects.filter(name="white_cross_production").update(phi_tables=["students"])
    ana = Person.objects.get(email="ana@whitecross.example")

    seed(pg_host="127.0.0.1", pg_port=20_001, password=PASSWORD)

    assert counts() == before
    assert Person.objects.get(email="dan@whitecross.example").full_name == "Daniel Okafor"
    production = Target.objects.get(name="white_cross_production")
    assert (production.port, production.phi_tables) == (20_001, ["students"])
    again = Person.objects.get(email="ana@whitecross.example")
    assert again.get_session_auth_hash() == ana.get_session_auth_hash()


def test_a_role_taken_away_stays_away() -> None:
    seed(pg_host="127.0.0.1", pg_port=20_000, password=PASSWORD)
    group = TargetGroup.objects.get(name=GROUP)
    dan = Person.objects.get(email="dan@whitecross.example")
    access.revoke(person=dan, role=Role.DBA, group=group)

    seed(pg_host="127.0.0.1", pg_port=20_000, password=PASSWORD)

    assert access.roles_in(person=dan, group=group) == set()


def test_a_new_password_reaches_everybody() -> None:
    seed(pg_host="127.0.0.1", pg_port=20_000, password=PASSWORD)

    seed(pg_host="127.0.0.1", pg_port=20_000, password="cedar-heron-sage-reef-1234")

    eve = Person.objects.get(email="eve@whitecross.example")
    assert eve.check_password("cedar-heron-sage-reef-1234")
    assert not eve.check_password(PASSWORD)


def test_the_command_is_refused_outside_the_demo() -> None:
    with pytest.raises(CommandError, match="for the demo only"):
        call_command("seed_demo", "--pg-port", "5432")

    assert Person.objects.count() == 0


def test_the_auditors_time_ends_in_some_days_counted_from_each_start() -> None:
    seed(pg_host="127.0.0.1", pg_port=20_000, password=PASSWORD)
    group = TargetGroup.objects.get(name=GROUP)
    TargetGroupRole.objects.filter(valid_until__isnull=False).update(
        valid_until=datetime(2026, 1, 1, tzinfo=UTC)
    )
    assert access.holders(role=Role.AUDITOR, group=group) == []

    seed(pg_host="127.0.0.1", pg_port=20_000, password=PASSWORD)

    (auda,) = access.holders(role=Role.AUDITOR, group=group)
    ends = access.ends(role=Role.AUDITOR, group=group)[auda.pk]
    assert timedelta(days=4) < ends - datetime.now(UTC) < timedelta(days=6)
