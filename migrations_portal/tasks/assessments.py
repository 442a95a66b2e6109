"""Assessing plans, away from the web server: the files are somebody's code and run in a sandbox."""

from celery import shared_task

from migrations_portal import wiring
from migrations_portal.plans import queries
from migrations_portal.runbooks import preview


@shared_task(name="assessments.assess")
def assess(*, assessment_id: int, **_newer: object) -> None:
    """Assess one set of files."""
    preview.assess_plan(assessment_id=assessment_id, tools=wiring.tools(), clock=wiring.clock)


@shared_task(name="assessments.assess_waiting")
def assess_waiting(**_newer: object) -> None:
    """Assess what waits although its doorbell was lost."""
    for assessment_id in queries.assessments_waiting(now=wiring.clock()):
        preview.assess_plan(assessment_id=assessment_id, tools=wiring.tools(), clock=wiring.clock)
