"""A plan with one file of our own making, rehearsed on a copy of the customer's database."""

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from migrations_portal import wiring
from migrations_portal.plans import queries
from migrations_portal.plans import services as plans
from migrations_portal.plans.models import MigrationPlan
from migrations_portal.rehearsals import services
from migrations_portal.rehearsals.models import Rehearsal
from migrations_portal.rehearsals.verdict import STANDARD
from migrations_portal.runbooks import rehearsal
from tests.factories.plans import AnyScript
from tests.integration.rehearsals.files import script


def now() -> datetime:
    return datetime.now(UTC)


@pytest.fixture
def plan_of(cast, school) -> Callable[..., MigrationPlan]:
    def make(*bodies: tuple[str, str], tables: tuple[str, ...] = ("public.students",)):
        plan = plans.create(title="Rehearse me", target=school.target, by=cast["ana"], now=now())
        uploads = [
            plans.Upload(name=f"2025110{number}000000-change.js", content=script(up, down))
            for number, (up, down) in enumerate(bodies, start=1)
        ]
        plans.put_files(
            plan_id=plan.pk, by=cast["ana"], uploads=uploads, checker=AnyScript(), now=now()
        )
        assessment = queries.current_assessment(plan)
        assert assessment is not None
        plans.store_assessment(
            assessment_id=assessment.pk,
            level="LOW",
            phi=True,
            tables=list(tables),
            result={},
            problem="",
            now=now(),
        )
        return plan

    return make


@pytest.fixture
def rehearsed(plan_of, cast) -> Callable[..., Rehearsal]:
    def rehearse(*bodies, tools=None, limits=STANDARD, **more) -> Rehearsal:
        plan = plan_of(*bodies, **more)
        row = services.ask(plan=plan, revision=None, by=cast["ana"], now=now())
        rehearsal.execute(
            rehearsal_id=row.pk,
            worker="tests",
            tools=tools or wiring.tools(),
            clock=now,
            limits=limits,
        )
        row.refresh_from_db()
        return row

    return rehearse
