"""What was ticked speaks of one content and one day: another content, or another day, is ticked anew (A4)."""

from datetime import timedelta

from migrations_portal.approvals import services
from migrations_portal.approvals.models import ChainStage
from migrations_portal.audit.models import Entry
from migrations_portal.plans import checklist
from migrations_portal.plans.models import ChecklistItem
from tests.factories.plans import assess_privacy, rehearse, tick_all


def ticked(told):
    rows = ChecklistItem.objects.filter(plan=told.plan, done_at__isnull=False)
    return set(rows.values_list("key", flat=True))


def test_an_edit_opens_every_item_again(story):
    told = story("HIGH", phi=True)
    told.to_approved()
    before = ticked(told)
    assert before > {*checklist.GATES, "approval-obtained"} - {"tested-in-staging"}

    told.do(services.revise, "ana", reason="Other files")

    assert ticked(told) == set()
    items = ChecklistItem.objects.filter(plan=told.plan)
    assert {each.key for each in items if each.by_portal} == {
        each.key for each in items if checklist.BY_KEY[each.key].by_portal
    }
    entry = Entry.objects.get(kind="PLAN_REOPENED")
    assert all(key in str(entry.canonical) for key in before)


def test_the_next_revision_waits_for_its_own_ticks_and_its_own_assessment(story):
    told = story("HIGH", phi=True)
    told.do(services.revise, "ana", reason="Other files")
    told.do(services.submit, "ana")
    assert ticked(told) == {"rollback-documented"}  # in the plan that was just submitted

    told.sign_stage("REVIEW")
    told.sweep()
    assert told.seat("SECURITY", "SECURITY_OFFICER").opened_at is None

    rehearse(told.plan, now=told.now)
    tick_all(told.plan, by=told.cast["ana"], privacy=False)
    told.sweep()
    told.sign_stage("SECURITY")
    told.sweep()
    stage = ChainStage.objects.filter(
        revision__plan=told.plan, revision__number=2, stage="SECURITY"
    )
    assert stage.get().completed_at is None

    assess_privacy(told.plan, by=told.cast["ana"])  # the same answers, given anew
    told.sweep()
    assert stage.get().completed_at is not None


def test_a_plan_that_is_postponed_is_not_approved_any_more(story):
    told = story("HIGH").to_approved()
    assert "approval-obtained" in ticked(told)

    told.do(
        services.postpone,
        "dan",
        to=told.plan.scheduled_for + timedelta(days=1),
        reason="The clinic is open longer",
    )

    assert "approval-obtained" not in ticked(told)
    assert "tested-in-development" in ticked(told)
