"""What keeps a signed stage from passing: the checklist, the privacy assessment, a rehearsal that did not pass."""

import pytest

from migrations_portal.approvals import services
from migrations_portal.approvals.models import ChainStage
from migrations_portal.plans import services as plans
from migrations_portal.plans.services import NotTicked
from migrations_portal.rehearsals.models import Rehearsal
from tests.clock import DAY
from tests.factories.chain import Story
from tests.factories.plans import PASSED, assess_privacy, draft, rehearse, tick_all


def test_t_5_of_a_plan_on_phi_waits_for_the_privacy_assessment(cast, production):
    plan = draft(by=cast["ana"], target=production, level="LOW", phi=True)
    told = Story(cast, plan)
    told.do(services.submit, "ana")
    for key in ("tested-in-development", "performance-assessed"):
        plans.tick(plan_id=plan.pk, key=key, by=cast["ana"], note="CI", now=told.now)
    told.sign_stage("REVIEW")
    told.sign_stage("SECURITY")

    assert not ChainStage.objects.get(revision__plan=plan, stage="SECURITY").completed_at
    with pytest.raises(NotTicked):
        plans.tick(
            plan_id=plan.pk, key="privacy-assessment", by=cast["ana"], note="x", now=told.now
        )
    assess_privacy(plan, by=cast["ana"], now=told.now)
    told.sweep()
    assert ChainStage.objects.get(revision__plan=plan, stage="SECURITY").completed_at
    item = plan.checklist.get(key="privacy-assessment")
    assert (item.done_by, item.evidence) == (None, f"/plans/{plan.pk}/dpia/")


def test_a_rehearsal_that_did_not_pass_keeps_t_1_closed_and_one_that_fails_later_keeps_it_from_passing(
    cast, production
):
    plan = draft(by=cast["ana"], target=production, level="LOW")
    told = Story(cast, plan)
    told.do(services.submit, "ana")
    failed = {**PASSED, "verdicts": [{**each, "passed": False} for each in PASSED["verdicts"]]}
    rehearse(plan, now=told.now + DAY, result=failed)
    tick_all(plan, by=cast["ana"])
    told.sign_stage("REVIEW")
    told.sign_stage("SECURITY")
    told.before(hours=20)
    go = told.seat("GO", "DBA")

    assert go.opened_at is None
    Rehearsal.objects.filter(plan=plan).update(result=PASSED)
    told.sweep()
    assert told.seat("GO", "DBA").opened_at is not None
    Rehearsal.objects.filter(plan=plan).update(result=failed)
    told.sign("GO", "DBA")
    assert told.status == "SUBMITTED"
    Rehearsal.objects.filter(plan=plan).update(result=PASSED)
    told.sweep()
    assert told.status == "APPROVED"


def test_a_tick_in_the_browser_lets_the_chain_go_on_at_once(cast, production, client):
    plan = draft(by=cast["ana"], target=production, level="LOW")
    told = Story(cast, plan)
    told.do(services.submit, "ana")
    told.sign_stage("REVIEW")
    client.force_login(cast["ana"], backend="django.contrib.auth.backends.ModelBackend")
    page = client.get(f"/plans/{plan.pk}/").content.decode()
    assert "the checklist: Migration tested in development" in page

    client.post(f"/plans/{plan.pk}/checklist/tested-in-development/", {"note": "CI run 4711"})

    assert ChainStage.objects.get(revision__plan=plan, stage="REVIEW").completed_at
    assert told.seat("SECURITY", "SECURITY_OFFICER").opened_at
