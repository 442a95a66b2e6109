"""Every state, every wish, every role: what is allowed stands in the table below, written by hand from the design."""

import pytest
from django.db import transaction

from migrations_portal.approvals import services
from migrations_portal.approvals.models import Seat
from migrations_portal.approvals.rules import Decision
from migrations_portal.kernel.errors import Refused
from migrations_portal.people import access
from migrations_portal.people.models import Person
from migrations_portal.people.rules import Role
from migrations_portal.plans.models import MigrationPlan
from migrations_portal.plans.rules import PlanStatus
from tests.factories.chain import Story
from tests.factories.plans import draft

AUTHOR = "author"
NOBODY = "nobody"
ROOT = "superuser"
ACTORS = (AUTHOR, NOBODY, ROOT, *Role)
COURSE = {AUTHOR, "DBA", "TECH_LEAD", "CTO", "EXECUTIVE", "INCIDENT_RESPONDER"}

ALLOWED: dict[tuple[str, str], set[str]] = {
    ("DRAFT", "SUBMITTED"): {AUTHOR},
    ("DRAFT", "WITHDRAWN"): {AUTHOR},
    ("SUBMITTED", "APPROVED"): {"DBA"},  # the last seat of this plan is the go of the DBA
    ("SUBMITTED", "REJECTED"): {"DBA"},
    ("SUBMITTED", "WITHDRAWN"): {AUTHOR},
    ("SUBMITTED", "DRAFT"): {AUTHOR},
    ("REJECTED", "WITHDRAWN"): {AUTHOR},
    ("REJECTED", "DRAFT"): {AUTHOR},
    ("APPROVED", "CANCELLED"): COURSE,
    ("APPROVED", "DRAFT"): {AUTHOR},
    ("APPROVED", "SUBMITTED"): COURSE,  # postponed: the go is asked anew
    ("SCHEDULED", "CANCELLED"): COURSE,
    ("SCHEDULED", "DRAFT"): {AUTHOR},
    ("SCHEDULED", "SUBMITTED"): COURSE,
}
"""(from, to) → who may. Everything else is for nobody: runs, their ends and expiry are the portal's own."""


@pytest.fixture
def actors(story, cast, production):
    """One person per role, who is nothing else; the cast's holders keep theirs."""
    people = {AUTHOR: cast["ana"], NOBODY: cast["mallory"]}
    people[ROOT] = Person.objects.create_superuser("root@whitecross.example", "Root Second")
    for role in Role:
        person = Person.objects.create_user(f"{role.lower()}@whitecross.example", f"{role} Second")
        access.grant(person=person, role=role, group=production.group)
        people[str(role)] = person
    return people


RUNS = ("APPROVED", "SCHEDULED", "RUNNING")
PATHS = {
    "SUBMITTED": (),
    "APPROVED": ("APPROVED",),
    "SCHEDULED": ("APPROVED", "SCHEDULED"),
    "RUNNING": RUNS,
    "SUCCEEDED": (*RUNS, "SUCCEEDED"),
    "FAILED": (*RUNS, "FAILED"),
    "ROLLED_BACK": (*RUNS, "ROLLED_BACK"),
    "NEEDS_DECISION": (*RUNS, "NEEDS_DECISION"),
    "RESTORED": (*RUNS, "NEEDS_DECISION", "RESTORED"),
    "CANCELLED": ("APPROVED", "SCHEDULED", "CANCELLED"),
    "REJECTED": ("REJECTED",),
    "WITHDRAWN": ("WITHDRAWN",),
    "EXPIRED": ("EXPIRED",),
}
"""How a plan under review comes to each status; PostgreSQL lets nothing else pass."""


def in_state(status, *, story, cast, production) -> Story:
    """Return a plan whose last open seat is the go, put into `status`."""
    if status == "DRAFT":
        return Story(cast, draft(by=cast["ana"], target=production, level="LOW"))
    told = story()
    told.sign_stage("REVIEW")
    told.sign_stage("SECURITY")
    told.before(hours=20)
    path = PATHS[status]
    if "APPROVED" in path:
        told.sign_stage("GO")
    for step in path:
        told.plan.refresh_from_db()
        if told.plan.status != step:
            MigrationPlan.objects.filter(pk=told.plan.pk).update(status=step)
    return told


def wish(told: Story, target: str, person: Person) -> None:
    """Do what a person does who wants the plan to become `target`, through the verb that leads there."""
    given = {"plan_id": told.plan.pk, "by": person, "now": told.now, **told.door}
    if target in {"APPROVED", "REJECTED"}:
        decision = Decision.APPROVE if target == "APPROVED" else Decision.REJECT
        told.cast["actor"] = person
        told.sign("GO", "DBA", by="actor", decision=decision)
    elif target == "SUBMITTED" and told.fresh.status == "DRAFT":
        services.submit(**given)
    elif target == "SUBMITTED":
        later = told.plan.scheduled_for + told.door["day"]
        services.postpone(**given, to=later, reason="because")
    else:
        verbs = {
            "WITHDRAWN": services.withdraw,
            "CANCELLED": services.cancel,
            "DRAFT": services.revise,
        }
        verbs[target](**given, reason="because")


WISHES = ("DRAFT", "SUBMITTED", "APPROVED", "REJECTED", "WITHDRAWN", "CANCELLED")


@pytest.mark.parametrize("source", PlanStatus)
def test_only_the_table_moves_a_plan(source, actors, story, cast, production):
    told = in_state(str(source), story=story, cast=cast, production=production)
    wrong = []
    for target in WISHES:
        for actor in ACTORS:
            moved = tried(told, target, actors[str(actor)])
            expected = str(actor) in ALLOWED.get((str(source), target), set())
            if moved is not expected:
                wrong.append(f"{source} -> {target} by {actor}: {moved}, expected {expected}")

    assert not wrong


def tried(told, target, person) -> bool:
    """Say whether the wish came true; whatever happened is taken back."""
    before = told.fresh.status
    with transaction.atomic():
        try:
            with transaction.atomic():
                wish(told, target, person)
        except (Refused, Seat.DoesNotExist):  # a draft has no seat to sign
            assert told.fresh.status == before
            moved = False
        else:
            moved = told.fresh.status == target and before != target
        transaction.set_rollback(True)
    return moved
