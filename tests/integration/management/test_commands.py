"""`run_plan` and `doctor`, as somebody at a terminal uses them."""

import io

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from tests.factories.plans import scheduled_run
from tests.runs_kit import ADD_COLUMN, Written

pytestmark = pytest.mark.django_db(transaction=True)


def run_plan(plan):
    out = io.StringIO()
    call_command("run_plan", plan, stdout=out)
    return out.getvalue()


def test_run_plan_carries_out_a_due_run_once(school, cast):
    run = scheduled_run(cast=cast, target=school.target, example=ADD_COLUMN)

    said = run_plan(run.plan.number)

    assert f"Run {run.pk}: SUCCEEDED APPLIED" in said
    assert "Prove the backup" in said
    with pytest.raises(CommandError, match="was run already") as refused:
        run_plan(run.plan.number)
    assert refused.value.returncode == 2


def test_run_plan_fails_with_the_run_and_refuses_what_is_not_approved(school, cast):
    broken = Written(up="await run('SELECT 1 / 0');")
    run = scheduled_run(cast=cast, target=school.target, example=broken)

    with pytest.raises(CommandError) as failed:
        run_plan(f"wc-{run.plan_id}")
    assert failed.value.returncode == 1
    for name in ("WC-99999", "nonsense", "²", "9" * 30):
        with pytest.raises(CommandError, match="not approved") as refused:
            run_plan(name)
        assert refused.value.returncode == 2


def test_doctor_finds_a_healthy_portal_healthy_and_names_what_is_not(school, monkeypatch):
    out = io.StringIO()
    call_command("doctor", stdout=out)
    lines = out.getvalue().splitlines()
    assert not [line for line in lines if line.startswith("FAIL")]
    for part in (
        "database:",
        "broker:",
        "vault:",
        "mail:",
        "outbox:",
        "client tools:",
        "sandbox: Node v",
        "drills:",
        "recovery:",
    ):
        assert any(part in line for line in lines), part

    given = school.target.project
    school.target.port = 1
    school.target.project = "nowhere"
    school.target.save()
    out = io.StringIO()
    with pytest.raises(CommandError, match="2 things"):
        call_command("doctor", target="production", stdout=out)
    assert "npm ci --ignore-scripts" in out.getvalue()

    school.target.project = given
    school.target.save()
    with pytest.raises(CommandError, match=r"^1 thing has to be mended"):
        call_command("doctor", target="production", stdout=out)


@pytest.mark.parametrize("asked", ["run_plan WC-1", "rehearse WC-1", "verify_ledger"])
def test_a_database_without_tables_is_said_with_what_to_do(db, asked):
    with connection.cursor() as cursor:
        cursor.execute("SET search_path TO pg_catalog")
    try:
        with pytest.raises(CommandError, match=r"manage\.py migrate") as refused:
            call_command(*asked.split(), stdout=io.StringIO())
    finally:
        with connection.cursor() as cursor:
            cursor.execute("RESET search_path")
    assert refused.value.returncode == 2
    assert "\n" not in str(refused.value)
