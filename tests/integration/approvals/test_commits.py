"""Who wrote the commit of a plan signs nothing of it, and reads why; the commit is part of what is signed (A4, A6)."""

from datetime import timedelta

import pytest
from django.db import DatabaseError, transaction

from migrations_portal.approvals import queries, services
from migrations_portal.approvals.rules import OwnPlan, SeatUnfillable, SecondPersonNeeded
from migrations_portal.execution import deciding
from migrations_portal.execution.models import MigrationRun
from migrations_portal.people import access
from migrations_portal.people.rules import Role
from migrations_portal.plans.commit import NOT_GIVEN
from migrations_portal.plans.models import MigrationPlan, PlanRevision
from tests.clock import DAY, NOON
from tests.factories.chain import URL, Story, mails
from tests.factories.plans import draft

SHA = "0123456789abcdef0123456789abcdef01234567"
PROOF = {"password": "a long pass phrase"}


@pytest.fixture
def by_dan(cast, production):
    """A draft whose commit Dan wrote, and another DBA."""
    plan = draft(by=cast["ana"], target=production, level="LOW")
    MigrationPlan.objects.filter(pk=plan.pk).update(
        git_commit=SHA, commit_authors=["dan@whitecross.example", "elsewhere@x.example"]
    )
    plan.refresh_from_db()
    return Story(cast, plan)


@pytest.fixture
def submitted(by_dan):
    access.grant(person=by_dan.cast["tess"], role=Role.DBA, group=by_dan.plan.target.group)
    by_dan.do(services.submit, "ana")
    return by_dan


def test_a_plan_that_only_its_committer_could_sign_is_not_submitted(by_dan):
    with pytest.raises(SeatUnfillable, match="Database admin"):
        by_dan.do(services.submit, "ana")


def test_the_committer_is_not_asked_and_cannot_sign(submitted):
    dan, seat = submitted.cast["dan"], submitted.seat("REVIEW", "DBA")

    assert {each.recipient for each in mails("sign_off_requested")} == {"tess@whitecross.example"}
    assert queries.waiting_for(person=dan, now=NOON) == []
    assert queries.waiting_for(person=submitted.cast["tess"], now=NOON) == [seat]
    with pytest.raises(OwnPlan, match="commit"):
        submitted.sign("REVIEW", "DBA", by="dan")
    submitted.sign("REVIEW", "DBA", by="tess")


def test_a_committers_deputy_does_not_sign_for_them(submitted):
    dan, sam = submitted.cast["dan"], submitted.cast["sam"]
    services.delegate(
        group=submitted.plan.target.group,
        role=Role.DBA,
        by=dan,
        to=sam,
        starts_at=NOON,
        ends_at=NOON + DAY,
        reason="Away",
        now=NOON,
        public_url=URL,
    )

    assert queries.waiting_for(person=sam, now=NOON) == []
    with pytest.raises(OwnPlan):
        submitted.sign("REVIEW", "DBA", by="sam")


def test_the_page_says_why_the_committer_is_not_asked(submitted, browser):
    seat = submitted.seat("REVIEW", "DBA")
    page = browser("ana").get(f"/plans/{submitted.plan.pk}/").content.decode()
    assert "Waiting for Tess Lindqvist (not Dan Okafor, who wrote the commit)" in page
    assert f"{SHA[:12]} by dan@whitecross.example, elsewhere@x.example; not asked to sign" in page

    his = browser("dan").get(f"/sign-off/{seat.pk}/").content.decode()
    assert "wrote the commit that its files come from" in his
    hers = browser("tess").get(f"/sign-off/{seat.pk}/").content.decode()
    assert SHA[:12] in hers


def test_a_plan_without_a_commit_says_so_to_its_signers(story, browser):
    told = story()
    seat = told.seat("REVIEW", "DBA")

    page = browser("dan").get(f"/sign-off/{seat.pk}/").content.decode()

    assert NOT_GIVEN.replace("'", "&#x27;") in page


def test_another_commit_is_another_content(submitted):
    first = PlanRevision.objects.get(plan=submitted.plan)
    submitted.do(services.revise, "ana", reason="Rebased")
    other = SHA[:-1] + "8"
    MigrationPlan.objects.filter(pk=submitted.plan.pk).update(git_commit=other)
    submitted.do(services.submit, "ana")
    second = PlanRevision.objects.get(plan=submitted.plan, number=2)

    assert first.digest != second.digest
    assert first.content.replace(SHA, other) == second.content


def test_a_submitted_plan_keeps_its_commit(submitted):
    for column, value in (("git_commit", SHA[::-1]), ("commit_authors", ["x@y.example"])):
        with pytest.raises(DatabaseError, match="keeps its commit"), transaction.atomic():
            MigrationPlan.objects.filter(pk=submitted.plan.pk).update(**{column: value})


@pytest.mark.parametrize(
    "values", [{"git_commit": "abc"}, {"commit_authors": []}, {"git_commit": ""}]
)
def test_half_a_commit_is_not_stored(by_dan, values):
    with pytest.raises(DatabaseError, match="commit_whole"), transaction.atomic():
        MigrationPlan.objects.filter(pk=by_dan.plan.pk).update(**values)


def test_the_committer_confirms_no_emergency(by_dan):
    told = by_dan
    access.grant(person=told.cast["tess"], role=Role.DBA, group=told.plan.target.group)
    until = NOON + timedelta(hours=3)
    MigrationPlan.objects.filter(pk=told.plan.pk).update(scheduled_for=NOON + timedelta(hours=1))
    told.do(services.submit_emergency, "ana", until=until, reason="The clinic cannot work")

    with pytest.raises(SecondPersonNeeded):
        told.do(services.confirm_emergency, "dan", reason="True")


def test_the_committer_does_not_decide_about_the_run(submitted):
    run = MigrationRun(plan=submitted.plan, target=submitted.plan.target)

    assert "wrote the commit" in deciding.involved(run, person=submitted.cast["dan"])
    assert deciding.involved(run, person=submitted.cast["tess"]) == ""
