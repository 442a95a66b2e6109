"""What keeps a run from starting: it ends before any change and says what to do."""

import re
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from migrations_portal import wiring
from migrations_portal.adapters.pg_dump import PgDumpTool
from migrations_portal.demo.customer.examples import CONSENT_TRACKING
from migrations_portal.execution import services as execution
from migrations_portal.incidents.models import Incident
from migrations_portal.plans.models import PlanAssessment, PlanFile
from migrations_portal.runbooks import standard
from migrations_portal.targets.models import Target
from tests.customer import URL
from tests.factories.plans import scheduled_run

pytestmark = pytest.mark.django_db(transaction=True)


class AncientTools(PgDumpTool):
    """pg_dump of a version that no server has any more."""

    def client_version(self) -> int:
        """Say 9."""
        return 9


def unreachable(tools):
    Target.objects.filter(name="production").update(port=1)
    return tools


def tampered(tools):
    PlanFile.objects.update(content=b"module.exports = {up() {}};", sha256="0" * 64)
    return tools


def riskier(tools):
    PlanAssessment.objects.update(level="CRITICAL")
    return tools


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (riskier, "critical risk and touches PHI, but revision 1 was signed as low risk"),
        (unreachable, "does not answer|reach|connect"),
        (tampered, "not what was signed"),
        (lambda tools: replace(tools, dump=PgDumpTool(Path("/nowhere"))), "pg_dump"),
        (
            lambda tools: replace(tools, dump=AncientTools(Path("/nowhere"))),
            "version 9, which cannot dump it",
        ),
        (lambda tools: replace(tools, projects=Path("/nowhere")), "npm ci"),
        (lambda tools: replace(tools, free_bytes=lambda: 5_000_000), "only 4 MiB left.*Make room"),
    ],
)
def test_the_run_stops_and_the_target_is_as_before(school, cast, spoil, said):
    run = scheduled_run(cast=cast, target=school.target, example=CONSENT_TRACKING)
    history, schema = school.history(), school.schema()
    tools = spoil(wiring.tools())
    fence = execution.claim(run_id=run.pk, worker="tests", now=datetime.now(UTC), public_url=URL)

    standard.execute(
        run_id=run.pk, fence=fence, tools=tools, clock=lambda: datetime.now(UTC), public_url=URL
    )

    run.refresh_from_db()
    assert (run.status, run.outcome) == ("FAILED", "NOTHING_CHANGED")
    assert re.search(said, run.problem), run.problem
    assert (school.history(), school.schema()) == (history, schema)
    assert Incident.objects.get().severity == "P3"
