"""What two people decide after a run is carried out: rolled back by name, recorded as applied; traffic is diverted meanwhile."""

import contextlib
import hashlib
import hmac
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from migrations_portal import wiring
from migrations_portal.backups.models import Backup
from migrations_portal.demo.customer.examples import MEDICATION_REVIEW
from migrations_portal.execution import deciding
from migrations_portal.execution.models import MigrationRun
from migrations_portal.execution.rules import Choice, NotDecidable
from migrations_portal.notifications.models import Notice
from migrations_portal.tasks import runs
from tests.customer import URL
from tests.factories.plans import scheduled_run
from tests.runs_kit import ADD_COLUMN, Written, claimed, execute, now, story, told

pytestmark = pytest.mark.django_db(transaction=True)


def two_choose(run, cast, choice):
    for who in ("dan", "tess"):
        complete = deciding.decide(
            run_id=run.pk, choice=choice, by=cast[who], reason="Agreed", now=now(), public_url=URL
        )
    assert complete
    runs.restore(run_id=run.pk)
    run.refresh_from_db()
    run.plan.refresh_from_db()


def done(school, cast, example=ADD_COLUMN):
    run = scheduled_run(cast=cast, target=school.target, example=example)
    execute(run, fence=claimed(run))
    run.refresh_from_db()
    return run


@contextlib.contextmanager
def load_balancer(*, says=""):
    """A receiver of the traffic hook; yields its address and what it was told. `says`: what it answers whatever it was told."""
    told = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            secret = wiring.tools().credentials.fetch("white-cross-migrator").password
            good = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
            assert self.headers["X-Wcops-Signature"] == f"sha256={good}"
            told.append(json.loads(body)["state"])
            self.answer({})

        def do_GET(self):
            self.answer({"state": says or told[-1]})

        def answer(self, said):
            body = json.dumps(said).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            """Stay silent."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}/traffic", told
    finally:
        server.shutdown()
        server.server_close()


def test_a_success_is_rolled_back_by_two_people_with_traffic_diverted(school, cast):
    history, schema = school.history(), school.schema()
    run = done(school, cast)
    assert run.status == "SUCCEEDED"
    with pytest.raises(NotDecidable):
        deciding.decide(
            run_id=run.pk, choice=Choice.KEEP, by=cast["dan"], reason="x", now=now(), public_url=URL
        )

    with load_balancer() as (address, told):
        school.target.traffic_hook = address
        school.target.save()
        two_choose(run, cast, Choice.ROLL_BACK)

    assert (run.status, run.outcome, run.plan.status) == ("ROLLED_BACK", "UNDONE", "ROLLED_BACK"), (
        story(run)
    )
    assert run.problem.startswith("Two people decided to roll back.")
    assert "Agreed" not in run.problem + str(list(Notice.objects.values_list("context")))  # A11
    assert (school.history(), school.schema()) == (history, schema)
    assert told == ["maintenance", "normal"]
    assert Backup.objects.filter(run=run, purpose="pre-rollback").exists()


def test_a_success_is_restored_by_two_people_though_its_hook_does_not_obey(school, cast):
    history, schema = school.history(), school.schema()
    run = done(school, cast)

    with load_balancer(says="normal") as (address, _):
        school.target.traffic_hook = address
        school.target.save()
        two_choose(run, cast, Choice.RESTORE)

    assert (run.status, run.plan.status) == ("RESTORED", "RESTORED"), story(run)
    assert (school.history(), school.schema()) == (history, schema)
    assert run.lines.filter(text__contains="asked again it does not say 'maintenance'").exists()


def test_an_older_success_is_not_undone_under_a_newer_one(school, cast):
    first = done(school, cast)
    second = Written(
        up='await run(\'ALTER TABLE "students" ADD COLUMN "second" text\');',
        name="20260102000000-second.js",
    )
    later = done(school, cast, second)

    with pytest.raises(NotDecidable, match=f"Run {later.pk} has worked"):
        deciding.decide(
            run_id=first.pk,
            choice=Choice.ROLL_BACK,
            by=cast["dan"],
            reason="x",
            now=now(),
            public_url=URL,
        )


@pytest.mark.parametrize(
    ("status", "stands"),
    [
        ("POSTPONED", False),
        ("FAILED", False),
        ("ROLLED_BACK", False),
        ("RESTORED", False),
        ("RUNNING", True),
        ("NEEDS_DECISION", True),
        ("SUCCEEDED", True),
    ],
)
def test_only_a_later_run_whose_work_stands_keeps_an_older_one_from_being_undone(
    cast, production, status, stands
):
    first = scheduled_run(cast=cast, target=production, example=ADD_COLUMN)
    claimed(first)
    MigrationRun.objects.filter(pk=first.pk).update(status="SUCCEEDED", finished_at=now())
    first.refresh_from_db()
    later = scheduled_run(cast=cast, target=production, example=ADD_COLUMN, minutes=2)
    claimed(later)
    way = ["SUCCEEDED", "RESTORING", "RESTORED"] if status == "RESTORED" else [status]
    for each in way:
        MigrationRun.objects.filter(pk=later.pk).update(status=each)

    assert deciding.later_run(first) == (later if stands else None)


def test_a_file_finished_by_hand_is_recorded_and_verified(school, cast):
    run = done(school, cast, MEDICATION_REVIEW)
    assert run.status == "NEEDS_DECISION"

    two_choose(run, cast, Choice.MARK_APPLIED)  # the check of the plan says that it is not finished
    assert (run.status, run.outcome) == ("NEEDS_DECISION", "UNKNOWN"), story(run)
    assert "a check failed" in run.problem
    assert MEDICATION_REVIEW.name in school.history()

    _finish_by_hand(school)
    two_choose(run, cast, Choice.MARK_APPLIED)
    assert (run.status, run.outcome, run.plan.status) == ("SUCCEEDED", "MARKED", "SUCCEEDED"), (
        story(run)
    )
    assert told(run) == ("marked_applied", "marked_applied", {"run_marked"})


def _finish_by_hand(school):
    import psycopg

    from tests.customer import ADMIN

    with psycopg.connect(
        psycopg.conninfo.make_conninfo(ADMIN, dbname=school.target.database), autocommit=True
    ) as session:
        session.execute('UPDATE medications SET "endsOn" = NULL WHERE "endsOn" < "startsOn"')
        session.execute(
            'ALTER TABLE medications ADD CONSTRAINT medications_end_after_start CHECK ("endsOn" >= "startsOn")'
        )


def test_nobody_claims_a_recovery_twice(school, cast):
    run = done(school, cast)
    for who in ("dan", "tess"):
        deciding.decide(
            run_id=run.pk,
            choice=Choice.ROLL_BACK,
            by=cast[who],
            reason="Agreed",
            now=now(),
            public_url=URL,
        )
    assert deciding.recoveries_waiting() == [run.pk]

    first = deciding.claim_recovery(run_id=run.pk, worker="one")
    assert first == run.fence + 1
    assert deciding.claim_recovery(run_id=run.pk, worker="two") is None
    assert deciding.claim_recovery(run_id=99_999, worker="forged") is None
    assert MigrationRun.objects.get(pk=run.pk).status == "RECOVERING"
