import hashlib
import json
import socket
import time

import hypothesis
import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from hypothesis import strategies as st

from migrations_portal.approvals import services as approvals
from migrations_portal.approvals.models import Seat
from migrations_portal.approvals.rules import Decision
from migrations_portal.audit.models import Entry
from migrations_portal.notifications.models import Notice
from migrations_portal.plans import queries, services
from migrations_portal.plans.models import MigrationPlan
from migrations_portal.plans.rules import DOCUMENTATION_ITEMS
from tests.clock import DAY, NOON
from tests.factories.plans import COMPLETE, draft, submitted
from tests.integration.api.caller import MIGRATION, SOURCE, soon_enough

NEW = {"title": "Add consent tracking", "target": "production"}
CHECK = {"name": "The column exists", "sql": "SELECT 1", "expected": "1"}


@pytest.fixture
def ana(program):
    return program("ana")


@pytest.fixture
def plan(ana, production):
    return ana.post("/plans/", NEW, status=201)


def assess(plan_id: int, **found) -> None:
    """Do what the worker does."""
    row = queries.current_assessment(MigrationPlan.objects.get(pk=plan_id))
    assert row is not None
    services.store_assessment(
        **{
            "assessment_id": row.pk,
            "level": "HIGH",
            "phi": True,
            "tables": ["public.patients"],
            "result": {"reason": "High, because it changes rows.", "statements": [{"line": 3}]},
            "problem": "",
            "now": NOON,
            **found,
        }
    )


def test_a_script_drives_a_plan_from_nothing_to_the_approvers(ana, plan, cast):
    url = f"/plans/{plan['id']}/"

    ana.upload(f"{url}files/", (MIGRATION, SOURCE))
    assess(plan["id"])
    change = {
        "version": plan["version"],
        "documentation": vars(COMPLETE),
        "scheduled_for": soon_enough(),
        "checks": [CHECK],
    }
    ready = ana.patch(url, change)
    done = ana.post(f"{url}submit/")

    assert ready["missing"] == {}
    assert (done["status"], done["level"], done["phi"]) == ("SUBMITTED", "HIGH", True)
    assert (done["revision"], len(done["digest"])) == (1, 64)
    assert [(seat["day"], seat["role"], seat["state"]) for seat in done["seats"]] == [
        ("T-7", "CTO", "open"),
        ("T-7", "DBA", "open"),
        ("T-5", "SECURITY_OFFICER", "later"),
        ("T-5", "COMPLIANCE_OFFICER", "later"),
        ("T-5", "PRIVACY_OFFICER", "later"),
        ("T-1", "DBA", "later"),
        ("T-1", "CTO", "later"),
    ]
    assert done["seats"][0]["waiting_for"] == ["Carla Moreno"]
    assert done["documentation"] == vars(COMPLETE)
    assert done["checks"] == [CHECK]
    (statement,) = done["assessment"]["statements"]
    assert (statement["line"], statement["said"]["locks"]) == (3, [])
    assert (
        done["activity"][0]["sentence"]
        == f"Ana Lopez submitted revision 1 of WC-{plan['id']} for review."
    )
    assert {row.recipient for row in Notice.objects.filter(template="sign_off_requested")} == {
        cast["carla"].email,
        cast["dan"].email,
    }


def test_a_new_plan_says_where_it_is_and_what_is_missing(ana, plan):
    assert plan["number"] == f"WC-{plan['id']}"
    assert plan["page"] == f"http://127.0.0.1:8000/plans/{plan['id']}/"
    assert set(plan["missing"]) == {*DOCUMENTATION_ITEMS, "files", "scheduled_for"}
    assert (plan["status"], plan["level"], plan["assessment"]) == ("DRAFT", "", None)
    assert len(plan["checklist"]) == 29
    assert ana.get(f"/plans/{plan['id']}/") == plan


def test_what_is_missing_is_named_one_by_one_when_a_plan_is_submitted_too_early(ana, plan):
    problem = ana.post(f"/plans/{plan['id']}/submit/", status=409)

    assert problem["type"] == "urn:wco:plan-incomplete"
    assert problem["title"] == "Something is still missing; `missing` names each thing."
    assert problem["missing"] == plan["missing"]
    assert ana.get(f"/plans/{plan['id']}/")["status"] == "DRAFT"


def test_a_change_leaves_alone_what_it_does_not_send(ana, plan):
    url = f"/plans/{plan['id']}/"
    first = ana.patch(
        url,
        {
            "version": 0,
            "documentation": {"purpose": "Track consent.", "expected_seconds": 45},
            "scheduled_for": soon_enough(),
            "checks": [CHECK],
        },
    )

    second = ana.patch(url, {"version": 1, "documentation": {"expected_seconds": None}})

    assert second["version"] == 2
    assert second["documentation"] == {**first["documentation"], "expected_seconds": None}
    assert second["documentation"]["purpose"] == "Track consent."
    for name in ("scheduled_for", "checks", "title"):
        assert second[name] == first[name]


def test_a_change_of_an_old_version_is_refused(ana, plan):
    url = f"/plans/{plan['id']}/"
    ana.patch(url, {"version": 0, "title": "One"})

    for version in (0, 2):
        problem = ana.patch(url, {"version": version, "title": "Two"}, status=409)
        assert problem["type"] == "urn:wco:edited-meanwhile"
    assert ana.get(url)["title"] == "One"


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({}, "#/version"),
        ({"version": "new"}, "#/version"),
        ({"version": 0, "scheduled_for": "2030-01-01T12:00:00"}, "#/scheduled_for"),
        ({"version": 0, "scheduled_for": "soon"}, "#/scheduled_for"),
        (
            {"version": 0, "documentation": {"expected_seconds": 0}},
            "#/documentation/expected_seconds",
        ),
        ({"version": 0, "documentation": {"purpose": "x" * 10_001}}, "#/documentation/purpose"),
        ({"version": 0, "documentation": {"purpose": "\x00"}}, "#/documentation/purpose"),
        ({"version": 0, "documentation": []}, "#/documentation"),
        ({"version": 0, "checks": [CHECK, {**CHECK, "sql": ""}]}, "#/checks/1/sql"),
        ({"version": 0, "checks": [CHECK] * 21}, "#/checks"),
        ({"version": 0, "title": " "}, "#/title"),
    ],
)
def test_a_wrong_field_is_named_by_its_place_in_the_body(ana, plan, change, pointer):
    problem = ana.patch(f"/plans/{plan['id']}/", change, status=400)

    assert problem["type"] == "urn:wco:request-invalid"
    assert [each["pointer"] for each in problem["errors"]] == [pointer]


def test_text_that_no_database_can_hold_is_refused_as_a_wrong_field(ana, plan):
    body = '{"version": 0, "title": "\\ud800"}'

    answer = ana.client.patch(
        f"/api/v1/plans/{plan['id']}/",
        body,
        content_type="application/json",
        headers=ana.headers,
    )

    assert answer.status_code == 400
    assert answer.json()["errors"][0]["pointer"] == "#/title"


def test_files_are_kept_byte_for_byte_and_in_the_order_in_which_they_run(ana, plan):
    url = f"/plans/{plan['id']}/files/"

    held = ana.upload(
        url, ("20251104-second.sql", b"SELECT 2;"), ("20251103-first.sql", b"SELECT 1;")
    )
    again = ana.upload(url, ("20251104-second.sql", b"SELECT 22;"))

    assert [each["name"] for each in held["files"]] == ["20251103-first.sql", "20251104-second.sql"]
    assert held["assessment"]["state"] == "running"
    second = again["files"][1]
    assert (second["size"], second["sha256"]) == (10, hashlib.sha256(b"SELECT 22;").hexdigest())
    answer = Client().get(second["url"], headers=ana.headers)
    assert answer.content == b"SELECT 22;"
    assert answer["Content-Type"] == "text/plain; charset=utf-8"
    assert answer["Content-Disposition"].startswith("attachment")


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("../../etc/passwd.js", SOURCE, "names a folder"),
        ("C:\\migrations\\one.js", SOURCE, "names a folder"),
        ("one.exe", SOURCE, "is not a name for a migration file"),
        ("one.js", b"  \n", "is empty"),
        ("one.js", b"x" * (1024 * 1024 + 1), "larger than 1 MiB"),
        ("one.js", b"// \xff", "not UTF-8"),
        ("one.js", b"// \x00", "NUL"),
        ("one.js", b"function (", "is not JavaScript"),
        ("one.sql", b"SELECT FROM WHERE", "is not SQL"),
    ],
)
def test_a_file_that_is_no_migration_is_refused_with_a_sentence(ana, plan, name, content, words):
    url = f"/plans/{plan['id']}/files/"

    problem = ana.upload(url, ("good.sql", b"SELECT 1;"), (name, content), status=409)

    assert problem["type"] == "urn:wco:file-refused"
    assert words in problem["detail"]
    assert ana.get(f"/plans/{plan['id']}/")["files"] == []


def test_a_file_is_taken_out_again(ana, plan):
    url = f"/plans/{plan['id']}/files/"
    ana.upload(url, ("one.sql", b"SELECT 1;"))

    ana.delete(f"{url}one.sql/")

    assert ana.delete(f"{url}one.sql/", status=409)["type"] == "urn:wco:file-refused"
    ana.get(f"{url}one.sql/", status=404)
    assert ana.get(f"/plans/{plan['id']}/")["files"] == []


def test_an_upload_without_files_says_how_to_send_them(ana, plan):
    url = f"/plans/{plan['id']}/files/"

    assert ana.upload(url, status=400)["type"] == "urn:wco:request-invalid"
    assert ana.post(url, {"files": []}, status=415)["type"] == "urn:wco:media-type-unsupported"


def test_an_assessment_that_failed_is_told_as_what_is_missing(ana, plan):
    ana.upload(f"/plans/{plan['id']}/files/", (MIGRATION, SOURCE))
    assess(plan["id"], level="", phi=False, tables=(), result={}, problem="It sent nothing.")

    told = ana.get(f"/plans/{plan['id']}/")

    assert told["assessment"]["state"] == "problem"
    assert told["missing"]["assessment"] == "It sent nothing."


def test_ana_withdraws_with_a_reason_and_the_ledger_has_it(ana, cast, production):
    row = submitted(by=cast["ana"], target=production)

    ana.post(f"/plans/{row.pk}/withdraw/", {"reason": " "}, status=400)
    done = ana.post(f"/plans/{row.pk}/withdraw/", {"reason": "Found a better way"})

    assert done["status"] == "WITHDRAWN"
    assert "Found a better way" in Entry.objects.get(kind="PLAN_WITHDRAWN").canonical
    ana.post(f"/plans/{row.pk}/withdraw/", {"reason": "Again"}, status=409)


def test_dan_reads_anas_plan_and_changes_nothing_of_it(ana, program, cast, production):
    dan, row = program("dan"), draft(by=cast["ana"], target=production)
    url = f"/plans/{row.pk}/"

    assert dan.get(url)["title"] == "Add consent tracking"
    for answer in (
        dan.patch(url, {"version": row.version, "title": "Mine"}, status=409),
        dan.post(f"{url}submit/", status=409),
        dan.post(f"{url}withdraw/", {"reason": "No"}, status=409),
        dan.upload(f"{url}files/", ("one.sql", b"SELECT 1;"), status=409),
        dan.delete(f"{url}files/{MIGRATION}/", status=409),
    ):
        assert answer["type"] == "urn:wco:not-your-plan"
    assert dan.post("/plans/", NEW, status=403)["type"] == "urn:wco:not-allowed"
    row.refresh_from_db()
    assert (row.title, row.status, row.files.count()) == ("Add consent tracking", "DRAFT", 1)


def test_for_mallory_the_plans_of_others_do_not_exist(program, cast, production):
    mallory, row = program("mallory"), draft(by=cast["ana"], target=production)
    url = f"/plans/{row.pk}/"

    answers = [
        mallory.get(url, status=404),
        mallory.patch(url, {"version": row.version}, status=404),
        mallory.post(f"{url}submit/", status=404),
        mallory.post(f"{url}withdraw/", {"reason": "No"}, status=404),
        mallory.upload(f"{url}files/", ("one.sql", b"SELECT 1;"), status=404),
        mallory.get(f"{url}files/{MIGRATION}/", status=404),
        mallory.delete(f"{url}files/{MIGRATION}/", status=404),
    ]

    nothing = mallory.get(f"/plans/{row.pk + 1}/", status=404)
    assert answers == [nothing] * len(answers)
    assert mallory.get("/plans/") == {"plans": [], "next": None}
    unseen = mallory.post("/plans/", NEW, status=400)
    assert unseen["errors"][0]["pointer"] == "#/target"
    assert unseen == mallory.post("/plans/", {**NEW, "target": "no such"}, status=400)


def test_a_list_is_read_in_pieces_and_none_is_lost_or_told_twice(ana, cast, production):
    made = [draft(by=cast["ana"], target=production).pk for _ in range(5)]
    late = submitted(by=cast["ana"], target=production)

    first = ana.get("/plans/?status=DRAFT&limit=2&mine=true")
    second = ana.get(first["next"].removeprefix("/api/v1"))
    third = ana.get(second["next"].removeprefix("/api/v1"))

    told = [each["id"] for piece in (first, second, third) for each in piece["plans"]]
    assert told == made[::-1]
    assert third["next"] is None
    (newest,) = ana.get("/plans/?limit=1")["plans"]
    assert (newest["id"], newest["level"]) == (late.pk, "HIGH")


def test_a_list_costs_the_same_however_long_it_is(ana, cast, production, django_assert_num_queries):
    submitted(by=cast["ana"], target=production)
    with CaptureQueriesContext(connection) as one:
        ana.get("/plans/")
    for _ in range(4):
        submitted(by=cast["ana"], target=production)

    with django_assert_num_queries(len(one)):
        assert len(ana.get("/plans/")["plans"]) == 5


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ("limit=0", "limit"),
        ("limit=101", "limit"),
        ("before=x", "before"),
        ("status=NEW", "status"),
    ],
)
def test_a_wrong_parameter_is_named(ana, query, parameter):
    problem = ana.get(f"/plans/?{query}", status=400)

    assert [each["parameter"] for each in problem["errors"]] == [parameter]


def test_a_plan_read_back_shows_who_signed_what(ana, cast, production):
    row = submitted(by=cast["ana"], target=production)
    seat = Seat.objects.select_related("revision").get(
        revision__plan=row, stage="REVIEW", role="DBA"
    )
    approvals.sign_off(
        seat_id=seat.pk,
        by=cast["dan"],
        decision=Decision.APPROVE,
        reason="Read it",
        digest=seat.revision.digest,
        evidence=approvals.Evidence(ip=None, user_agent="tests", factors="password"),
        now=NOON,
        day=DAY,
        public_url="http://127.0.0.1:8000",
    )

    told = next(each for each in ana.get(f"/plans/{row.pk}/")["seats"] if each["role"] == "DBA")

    assert told["state"] == "approved"
    assert told["decided_by"] == "Dan Okafor"
    assert told["reason"] == "Read it"
    assert told["signed_digest"] == seat.revision.digest
    assert told["waiting_for"] == []


def test_with_the_broker_away_ana_still_uploads_and_submits_without_waiting(
    ana, plan, monkeypatch, django_capture_on_commit_callbacks, caplog
):
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen(8)
        broker = f"redis://127.0.0.1:{silent.getsockname()[1]}/0"
        monkeypatch.setenv("CELERY_BROKER_WRITE_URL", broker)
        url, started = f"/plans/{plan['id']}/", time.monotonic()

        with django_capture_on_commit_callbacks(execute=True):
            ana.upload(f"{url}files/", (MIGRATION, SOURCE))
        assess(plan["id"])
        change = {"documentation": vars(COMPLETE), "scheduled_for": soon_enough()}
        ana.patch(url, {"version": 0, **change})
        with django_capture_on_commit_callbacks(execute=True):
            done = ana.post(f"{url}submit/")

    assert done["status"] == "SUBMITTED"
    assert time.monotonic() - started < 4  # Celery's own patience would make it 20
    assert "the sweep will do this instead: assessments.assess" in caplog.text
    assert "the sweep will do this instead: notices.deliver" in caplog.text


JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda below: st.lists(below, max_size=3) | st.dictionaries(st.text(), below, max_size=3),
)


@hypothesis.given(
    body=st.fixed_dictionaries(
        {"version": st.integers(0, 3) | JUNK},
        optional={
            "title": st.text() | JUNK,
            "scheduled_for": st.datetimes().map(str) | JUNK,
            "documentation": JUNK
            | st.dictionaries(st.sampled_from(list(DOCUMENTATION_ITEMS)), st.text() | JUNK),
            "checks": JUNK
            | st.lists(st.fixed_dictionaries({key: st.text() | JUNK for key in CHECK})),
        },
    )
    | JUNK
)
@hypothesis.settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture],
)
def test_no_body_whatever_makes_a_fault(ana, plan, body):
    answer = ana.client.patch(
        f"/api/v1/plans/{plan['id']}/",
        json.dumps(body),
        content_type="application/json",
        headers=ana.headers,
    )

    assert answer.status_code in {200, 400, 409}


def test_the_commit_of_the_files_and_who_wrote_it_are_part_of_a_plan(cast, production, program):
    ana, plan = program("ana"), draft(by=cast["ana"], target=production)
    path = f"/plans/{plan.pk}/"
    before = ana.get(path)
    given = {"sha": "A" * 40, "authors": ["Dan@whitecross.example", "ana@whitecross.example"]}

    told = ana.patch(path, {"version": before["version"], "commit": given})
    half = {"version": told["version"], "commit": {"sha": "a" * 40, "authors": []}}
    refused = ana.patch(path, half, status=409)
    kept = ana.patch(path, {"version": told["version"], "title": "Another"})
    none = {"sha": "", "authors": []}
    gone = ana.patch(path, {"version": kept["version"], "commit": none})

    assert before["commit"] is None
    assert told["commit"] == kept["commit"]
    assert told["commit"] == {
        "sha": "a" * 40,
        "authors": ["ana@whitecross.example", "dan@whitecross.example"],
    }
    assert refused["type"] == "urn:wco:commit-refused"
    assert gone["commit"] is None
