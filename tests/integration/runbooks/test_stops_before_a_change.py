"""What keeps a run from starting: it ends before any change and says what to do."""

import hashlib
import re
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest
from django.db import connection

from migrations_portal import wiring
from migrations_portal.adapters.pg_dump import PgDumpTool
from migrations_portal.approvals.services import BACKUP_POLICY
from migrations_portal.demo.customer.examples import CONSENT_TRACKING
from migrations_portal.execution import services as execution
from migrations_portal.incidents.models import Incident
from migrations_portal.plans import queries
from migrations_portal.plans.models import PlanAssessment, PlanFile, PlanRevision
from migrations_portal.runbooks import standard
from migrations_portal.targets.models import Target
from tests.customer import ADMIN, URL
from tests.factories.plans import scheduled_run

pytestmark = pytest.mark.django_db(transaction=True)


OTHER = b"module.exports = {up() {}};"
SHA256 = hashlib.sha256(OTHER).hexdigest()


class AncientTools(PgDumpTool):
    """pg_dump of a version that no server has any more."""

    def client_version(self) -> int:
        """Say 9."""
        return 9


def unreachable(tools):
    Target.objects.filter(name="production").update(port=1)
    return tools


def tampered(tools):
    PlanFile.objects.update(content=OTHER, sha256="0" * 64)
    return tools


def as_superuser(sql, *values):
    """Change what PostgreSQL keeps from everybody else: a revision and its files are frozen by triggers."""
    portal = connection.settings_dict["NAME"]
    with psycopg.connect(ADMIN, dbname=portal, autocommit=True) as admin:
        admin.execute("SET session_replication_role = replica")
        admin.execute(sql, values)


def swap_frozen_files():
    as_superuser("UPDATE plans_frozen_file SET content = %s, sha256 = %s", OTHER, SHA256)


def files_swapped(tools):
    """The revision's own copy of the file, which is what runs, is another one; its hash is right."""
    swap_frozen_files()
    return tools


def signed_for_something_else(tools):
    """Plan, frozen files and revision agree with each other, and no signature with them."""
    PlanFile.objects.update(content=OTHER, sha256=SHA256)
    swap_frozen_files()
    revision = PlanRevision.objects.select_related("plan__target").get()
    content = queries.content(
        revision.plan, level=revision.level, phi=revision.phi, backup_policy=BACKUP_POLICY
    )
    as_superuser(
        "UPDATE plans_revision SET digest = %s, content = %s",
        content.digest(),
        content.canonical().decode(),
    )
    return tools


def riskier(tools):
    PlanAssessment.objects.update(level="CRITICAL")
    return tools


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (riskier, "critical risk and touches PHI, but revision 1 was signed as low risk"),
        (unreachable, "does not answer|reach|connect"),
        (tampered, "its content has another digest"),
        (files_swapped, "the files of the run are not those of the plan"),
        (signed_for_something_else, "a signature on it stands under another digest"),
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


def test_a_run_whose_packages_are_not_those_of_the_assessment_stops_and_says_what_to_do(
    school, cast
):
    run = scheduled_run(
        cast=cast, target=school.target, example=CONSENT_TRACKING, packages="0" * 64
    )
    fence = execution.claim(run_id=run.pk, worker="tests", now=datetime.now(UTC), public_url=URL)

    standard.execute(
        run_id=run.pk,
        fence=fence,
        tools=wiring.tools(),
        clock=lambda: datetime.now(UTC),
        public_url=URL,
    )

    run.refresh_from_db()
    assert (run.status, run.outcome) == ("FAILED", "NOTHING_CHANGED")
    assert "packages of white-cross-api on this worker" in run.problem
    assert not run.steps.exists()
