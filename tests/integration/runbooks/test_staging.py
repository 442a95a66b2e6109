"""The stage before production: the same revision runs on staging first, with its smoke checks, and production waits for it."""

import contextlib
import http.server
import secrets
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta

import pytest
from django.db import DatabaseError, transaction
from psycopg.conninfo import conninfo_to_dict

from migrations_portal.approvals import services as approvals
from migrations_portal.approvals.models import Seat
from migrations_portal.approvals.rules import Decision
from migrations_portal.audit import queries as ledger
from migrations_portal.audit.models import Entry
from migrations_portal.demo.customer import customer
from migrations_portal.demo.databases import MIGRATOR, drop_database
from migrations_portal.demo.environment import CREDENTIAL
from migrations_portal.execution import services as execution
from migrations_portal.execution import staging
from migrations_portal.execution.models import MigrationRun, RunStep
from migrations_portal.incidents.models import Incident
from migrations_portal.notifications.models import Notice
from migrations_portal.plans import queries as plan_queries
from migrations_portal.plans import services as plans
from migrations_portal.plans.models import MigrationPlan
from migrations_portal.plans.rules import PlanStatus
from migrations_portal.plans.smoke import SmokeCheck
from migrations_portal.targets.models import Target
from migrations_portal.verification.models import VerificationResult
from tests import pictures
from tests.customer import ADMIN, Customer
from tests.factories.plans import COMPLETE, AnyScript, rehearse, tick_all
from tests.runs_kit import ADD_COLUMN, URL, Written, claimed, execute, now, story

pytestmark = pytest.mark.django_db(transaction=True)

DAY = timedelta(milliseconds=1)
DOOR = {"day": DAY, "public_url": URL}
SIGNERS = {
    "DBA": "dan",
    "SECURITY_OFFICER": "sam",
    "COMPLIANCE_OFFICER": "cleo",
    "PRIVACY_OFFICER": "petra",
}
FAILS = Written(up='await run(\'ALTER TABLE "no_such_table" ADD COLUMN "x" text\');', down="")


class Application(http.server.BaseHTTPRequestHandler):
    """Stands in for the customer's application on staging."""

    healthy = True

    def do_GET(self) -> None:  # the name that http.server calls
        if self.path == "/moved":
            self.send_response(302)
            self.send_header("Location", "/health")
            self.end_headers()
            return
        self.send_response(200 if self.healthy else 500)
        self.end_headers()
        self.wfile.write(b"status: all is well")

    def log_message(self, *_words: object) -> None:
        """Say nothing."""


@pytest.fixture
def application() -> Iterator[str]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Application)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    Application.healthy = True


@pytest.fixture
def partner(template: str, school: Customer, application: str) -> Iterator[Customer]:
    """A staging database with the customer's schema, as the stage before `school`."""
    name = f"staging_{secrets.token_hex(4)}"
    customer.copy_target(ADMIN, template=template, database=name, owner=MIGRATOR)
    where = conninfo_to_dict(ADMIN)
    row = Target.objects.create(
        name="white_cross_staging", group=school.target.group, environment="STAGING",
        host=str(where["host"]), port=int(str(where["port"])), database=name, credential=CREDENTIAL,
        project=customer.PROJECT, watch_seconds=0, smoke_addresses=[f"{application}/"],
    )  # fmt: skip
    school.target.staging_target = row
    school.target.save()
    yield Customer(row)
    drop_database(ADMIN, name=name)


@dataclass
class Road:
    """One plan on its way over staging to production."""

    cast: dict
    target: Target
    smoke: tuple[SmokeCheck, ...] = ()
    plan: MigrationPlan = field(init=False)

    def draft(self, file: Written) -> "Road":
        self.plan = plans.create(
            title="Add a nickname", target=self.target, by=self.cast["ana"], now=now()
        )
        return self.put(file)

    def put(self, file: Written) -> "Road":
        for each in list(self.plan.files.all()):
            plans.remove_file(plan_id=self.plan.pk, by=self.cast["ana"], name=each.name, now=now())
        upload = plans.Upload(name=file.name, content=file.content)
        plans.put_files(
            plan_id=self.plan.pk, by=self.cast["ana"], uploads=[upload], checker=AnyScript(), now=now()
        )  # fmt: skip
        assessment = plan_queries.current_assessment(self.plan)
        plans.store_assessment(
            assessment_id=assessment.pk, level="LOW", phi=False, tables=["public.students"],
            result={}, problem="", now=now(),
        )  # fmt: skip
        self.plan.refresh_from_db()
        plans.edit(
            plan_id=self.plan.pk, by=self.cast["ana"], title=self.plan.title,
            scheduled_for=now() + timedelta(seconds=1), documentation=COMPLETE, checks=[],
            version=self.plan.version, now=now(), smoke=self.smoke,
        )  # fmt: skip
        return self

    def submit(self) -> "Road":
        approvals.submit(plan_id=self.plan.pk, by=self.cast["ana"], now=now(), **DOOR)
        rehearse(self.plan, now=now())
        self.plan.refresh_from_db()
        return self

    def sign(self, stage: str) -> "Road":
        rows = Seat.objects.filter(
            revision__plan=self.plan, revision__number=self.plan.revision, stage=stage, voided_at=None
        )  # fmt: skip
        for seat in rows.select_related("revision").order_by("position"):
            approvals.sign_off(
                seat_id=seat.pk, by=self.cast[SIGNERS[seat.role]], decision=Decision.APPROVE,
                reason="Read", digest=seat.revision.digest, now=now() + timedelta(seconds=2),
                evidence=approvals.Evidence(ip="127.0.0.1", user_agent="tests", factors="password"),
                **DOOR,
            )  # fmt: skip
        approvals.go_on(plan_id=self.plan.pk, now=now() + timedelta(seconds=2), **DOOR)
        return self

    def tick(self) -> "Road":
        tick_all(self.plan, by=self.cast["ana"], now=now())
        return self

    @property
    def revision(self):
        return plan_queries.newest_revision(MigrationPlan.objects.get(pk=self.plan.pk))

    @property
    def standing(self) -> staging.Standing:
        found = staging.standing(self.revision)
        assert found is not None
        return found

    def on_staging(self) -> MigrationRun:
        """Let the sweep make the run, and carry it out."""
        execution.schedule_approved(now=now())
        run = MigrationRun.objects.get(plan=self.plan, staging=True, status="DUE")
        execute(run, fence=claimed(run))
        run.refresh_from_db()
        return run

    def to_scheduled(self) -> MigrationRun:
        """Let the chain end after everybody has signed; return production's run, due now."""
        approvals.sweep(now=now() + timedelta(seconds=3), **DOOR)
        execution.schedule_approved(now=now())
        run = MigrationRun.objects.get(plan=self.plan, staging=False)
        MigrationRun.objects.filter(pk=run.pk).update(due_at=now())
        return run

    def item(self):
        return self.plan.checklist.get(key="tested-in-staging")


@pytest.fixture
def road(cast, school, partner, application) -> Road:
    smoke = (SmokeCheck("The application is up", f"{application}/health", text="all is well"),)
    return Road(cast, school.target, smoke=smoke)


def claim(run):
    return execution.claim(run_id=run.pk, worker="tests", now=now(), public_url=URL)


def test_staging_first_then_production(road, school, partner):
    before = school.history()
    road.draft(ADD_COLUMN).submit()

    assert execution.schedule_approved(now=now()) == []  # nobody has reviewed it yet
    assert "technical review (T-7)" in road.standing.sentence
    road.tick().sign("REVIEW")
    run = road.on_staging()

    assert (run.status, run.outcome) == ("SUCCEEDED", "APPLIED"), story(run)
    assert ADD_COLUMN.name in partner.history()
    assert school.history() == before
    (asked,) = VerificationResult.objects.filter(run=run, phase="smoke")
    assert asked.passed
    assert "answered 200" in asked.sentence
    road.plan.refresh_from_db()
    assert road.plan.status == PlanStatus.SUBMITTED
    assert road.item().evidence == f"/runs/{run.pk}/"
    assert road.item().done_by is None
    # The checklist of production is not ticked by staging.
    assert road.plan.checklist.get(key="migration-executed").done_at is None
    record = ledger.body(Entry.objects.get(kind="MIGRATION_RECORD"))["record"]
    assert (record["environment"], record["database"]) == ("staging", partner.target.database)
    assert {each.recipient for each in Notice.objects.filter(template="run_succeeded", channel="MAIL")} == {
        "ana@whitecross.example"
    }  # fmt: skip

    road.sign("SECURITY").sign("GO")
    pictures.take(
        {"staging-plan": f"/plans/{road.plan.pk}/", "staging-run": f"/runs/{run.pk}/"},
        person=road.cast["dan"],
    )
    production = road.to_scheduled()
    execute(production, fence=claimed(production))
    production.refresh_from_db()

    assert (production.status, production.outcome) == ("SUCCEEDED", "APPLIED"), story(production)
    assert ADD_COLUMN.name in school.history()
    assert road.plan.checklist.get(key="migration-executed").done_at is not None


def test_production_does_not_start_before_staging_has_succeeded(road, school):
    road.draft(ADD_COLUMN).submit().tick().sign("REVIEW")
    execution.schedule_approved(now=now())
    waiting = MigrationRun.objects.get(plan=road.plan, staging=True)
    road.sign("SECURITY").sign("GO")
    # The go is signed, but the checklist still lacks the proof, so the plan is not approved.
    approvals.sweep(now=now() + timedelta(seconds=3), **DOOR)
    assert MigrationPlan.objects.get(pk=road.plan.pk).status == PlanStatus.SUBMITTED

    # Whoever gets past that finds the claim closed, and the database itself.
    plans.prove(plan=road.plan, key="tested-in-staging", note="forged", evidence="/", now=now())
    production = road.to_scheduled()
    assert claim(production) is None
    assert str(waiting.pk) in staging.waits_for(production.revision)
    with pytest.raises(DatabaseError, match="has not succeeded on staging"), transaction.atomic():
        MigrationRun.objects.filter(pk=production.pk).update(
            status="RUNNING", claimed_at=now(), fence=99, lease_until=now()
        )

    execute(waiting, fence=claimed(waiting))
    assert claim(production) is not None
    assert ADD_COLUMN.name not in school.history()


def test_what_fails_on_staging_never_reaches_production(road, school, partner):
    before = school.history()
    road.draft(FAILS).submit().tick().sign("REVIEW")

    run = road.on_staging()

    assert (run.status, run.outcome) == ("FAILED", "NOTHING_CHANGED"), story(run)
    assert "Production does not start" in run.advice
    assert "did not succeed" in road.standing.sentence
    assert road.standing.may_ask
    assert not Incident.objects.exists()
    pictures.take({"staging-failed-plan": f"/plans/{road.plan.pk}/"}, person=road.cast["ana"])
    assert road.item().done_at is None
    assert execution.schedule_approved(now=now()) == []  # not tried again by itself
    again = staging.ask_again(plan_id=road.plan.pk, by=road.cast["ana"], now=now())
    assert again.staging
    with pytest.raises(staging.StagingRefused):
        staging.ask_again(plan_id=road.plan.pk, by=road.cast["ana"], now=now())
    assert school.history() == before
    assert FAILS.name not in partner.history()


def test_a_smoke_check_that_fails_takes_the_migration_back(road, partner):
    before = partner.history()
    Application.healthy = False
    road.draft(ADD_COLUMN).submit().tick().sign("REVIEW")

    run = road.on_staging()

    assert (run.status, run.outcome) == ("ROLLED_BACK", "UNDONE"), story(run)
    assert "answered 500" in run.problem
    assert partner.history() == before
    assert not VerificationResult.objects.get(run=run, phase="smoke").passed
    Application.healthy = True
    staging.ask_again(plan_id=road.plan.pk, by=road.cast["dan"], now=now())
    assert road.on_staging().status == "SUCCEEDED"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        pytest.param(
            {"text": "another text"}, "without the text “another text”", marks=pytest.mark.chaos
        ),
        ({"url": "/moved"}, "answered 302"),  # a redirect is an answer, never followed
        ({"url": ":1/health"}, "is not below an address of this target any more"),
    ],
)
def test_every_wrong_answer_is_told(road, partner, application, change, said):
    wanted = {**change}
    if url := wanted.pop("url", ""):
        wanted["url"] = f"{application}{url}" if url.startswith("/") else f"http://127.0.0.1{url}"
    if said.startswith("is not below"):
        partner.target.smoke_addresses = ["http://127.0.0.1:1/"]
        partner.target.save()
    road.smoke = (replace(road.smoke[0], **wanted),)
    road.draft(ADD_COLUMN)
    if said.startswith("is not below"):  # the list changes after the plan was written
        partner.target.smoke_addresses = []
        partner.target.save()
    run = road.submit().tick().sign("REVIEW").on_staging()

    assert run.status == "ROLLED_BACK", story(run)
    assert said in run.problem


def reopened_after_staging(road):
    """Leave a plan whose revision is on staging, and which its author has opened for changes."""
    road.draft(ADD_COLUMN).submit().tick().sign("REVIEW")
    first = road.on_staging()
    assert first.status == "SUCCEEDED", story(first)
    approvals.revise(
        plan_id=road.plan.pk, by=road.cast["ana"], reason="Another type", now=now(), **DOOR
    )
    road.plan.refresh_from_db()


def test_a_changed_plan_runs_on_staging_again_after_the_earlier_revision_is_taken_back(
    road, partner
):
    reopened_after_staging(road)
    changed = replace(ADD_COLUMN, up=ADD_COLUMN.up.replace(" text", " varchar(80)"))
    road.put(changed).submit()
    assert road.item().done_at is None  # proven for the earlier revision only
    assert not road.standing.passed
    road.tick().sign("REVIEW")

    run = road.on_staging()

    assert (run.status, run.outcome) == ("SUCCEEDED", "APPLIED"), story(run)
    assert RunStep.objects.get(run=run, key="staging-clear").status == "OK"
    kind = "SELECT data_type FROM information_schema.columns WHERE column_name = 'nickname'"
    assert partner.value(kind) == "character varying"
    assert road.item().evidence == f"/runs/{run.pk}/"


def test_a_revision_that_fails_after_the_earlier_one_was_taken_back_does_not_say_nothing_changed(
    road, partner
):
    reopened_after_staging(road)
    road.put(replace(ADD_COLUMN, up="throw new Error('broken');")).submit()
    road.tick().sign("REVIEW")

    run = road.on_staging()

    assert (run.status, run.outcome) == ("FAILED", "CLEARED"), story(run)
    assert "as before" not in run.problem
    columns = "SELECT count(*) FROM information_schema.columns WHERE column_name = 'nickname'"
    assert partner.value(columns) == 0


def test_a_withdrawn_plan_takes_its_waiting_run_on_staging_with_it(road):
    road.draft(ADD_COLUMN).submit().tick().sign("REVIEW")
    execution.schedule_approved(now=now())
    run = MigrationRun.objects.get(plan=road.plan)
    approvals.withdraw(
        plan_id=road.plan.pk, by=road.cast["ana"], reason="A better way", now=now(), **DOOR
    )

    assert claim(run) is None
    execution.schedule_approved(now=now())
    run.refresh_from_db()
    assert run.status == "CANCELLED"


def test_two_people_keeping_staging_as_it_is_proves_nothing(road, partner):
    half = Written(
        up='await run(\'ALTER TABLE "students" ADD COLUMN "nickname" text\'); throw new Error("half way");'
    )
    road.draft(half).submit().tick().sign("REVIEW")
    run = road.on_staging()
    if run.status == "NEEDS_DECISION":
        MigrationRun.objects.filter(pk=run.pk).update(status="SUCCEEDED", outcome="KEPT")

        assert not road.standing.passed
        assert road.standing.may_ask
    with contextlib.suppress(staging.StagingRefused):
        assert staging.ask_again(plan_id=road.plan.pk, by=road.cast["dan"], now=now()).staging
