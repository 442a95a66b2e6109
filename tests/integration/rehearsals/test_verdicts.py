"""Each kind of file gets the right verdict, in words an engineer can act on; measured on a real copy."""

from dataclasses import replace

import pytest

from migrations_portal.backups.models import Backup, RestoredCopy
from migrations_portal.rehearsals.verdict import STANDARD
from tests.integration.rehearsals.files import sql

pytestmark = pytest.mark.django_db(transaction=True)

ADDS = (
    sql("ALTER TABLE students ADD COLUMN nickname text"),
    sql("ALTER TABLE students DROP COLUMN nickname"),
)


def verdict(row):
    assert row.status == "DONE", row.problem
    return {each["key"]: each["passed"] for each in row.result["verdicts"]}


def said(row, key):
    (found,) = [each for each in row.result["verdicts"] if each["key"] == key]
    return found["sentence"]


def findings(row):
    assert row.status == "DONE", row.problem
    return {each["key"]: each for each in row.result["findings"]}


def test_a_good_file_passes_all_four_classes_on_the_customers_rows(rehearsed, school):
    history, schema = school.history(), school.schema()

    row = rehearsed(ADDS)

    assert verdict(row) == dict.fromkeys(
        ("STRUCTURE", "APPLICATION", "ROLLBACK", "IDEMPOTENCY"), True
    )
    assert row.copy == "BACKUP"
    assert row.backup.proven
    assert row.result["copy"]["rows"] == row.backup.rows > 500
    assert any("nickname" in line for line in row.result["difference"])
    assert not row.result["left_after_down"]
    assert not row.result["findings"]
    assert [each["key"] for each in row.result["phases"]] == [
        "status", "up", "verify", "down", "compare", "up-again", "nothing-left",
    ]  # fmt: skip
    assert (school.history(), school.schema()) == (history, schema)
    copy = RestoredCopy.objects.get(purpose="rehearsal")
    assert copy.dropped_at is not None


def test_a_file_without_down_cannot_be_undone(rehearsed):
    row = rehearsed((ADDS[0], ""))

    assert verdict(row) == {
        "STRUCTURE": False, "APPLICATION": True, "ROLLBACK": False, "IDEMPOTENCY": None,
    }  # fmt: skip
    assert "has no “down”" in said(row, "STRUCTURE")
    assert "only a restore leads back" in said(row, "ROLLBACK")


def test_a_wrong_down_is_told_by_what_it_leaves(rehearsed):
    row = rehearsed((ADDS[0], sql("SELECT 1")))

    assert verdict(row)["ROLLBACK"] is False
    assert "nickname" in said(row, "ROLLBACK")


def test_a_file_whose_down_leaves_a_type_behind_does_not_run_twice(rehearsed):
    row = rehearsed((sql("CREATE TYPE mood AS ENUM ('fine')"), sql("SELECT 1")))

    assert verdict(row)["ROLLBACK"] is False
    assert verdict(row)["IDEMPOTENCY"] is False
    assert "runs once, but not again" in said(row, "IDEMPOTENCY")
    assert "42710" in said(row, "IDEMPOTENCY")


def test_a_file_that_puts_rows_in_again_each_time_is_told_by_the_table(rehearsed):
    row = rehearsed(
        (sql("CREATE TABLE IF NOT EXISTS colours (name text)") + sql("INSERT INTO colours VALUES ('green')"),
         sql("ALTER TABLE colours SET (fillfactor = 90)") + sql("ALTER TABLE colours RESET (fillfactor)")),
    )  # fmt: skip

    assert verdict(row)["IDEMPOTENCY"] is False
    assert "public.colours has 2 rows instead of 1" in said(row, "IDEMPOTENCY")


def test_a_file_that_fails_names_the_error(rehearsed):
    row = rehearsed((sql("ALTER TABLE nowhere ADD COLUMN x int"), sql("SELECT 1")))

    assert verdict(row)["APPLICATION"] is False
    assert "42P01" in said(row, "APPLICATION")
    assert verdict(row)["ROLLBACK"] is None


def test_a_slow_file_that_locks_a_table_gets_both_findings(rehearsed):
    limits = replace(STANDARD, long_seconds=0.8)
    up = (
        "await together(async (transaction) => {"
        " await run('ALTER TABLE students ADD COLUMN nickname text', {transaction});"
        " await run('SELECT pg_sleep(1)', {transaction}); });"
    )
    row = rehearsed((up, ADDS[1]), limits=limits)

    found = findings(row)
    assert "split it into phases" in found["split"]["title"]
    assert "public.students is locked for 1." in found["window"]["title"]
    assert "reads and writes" in found["window"]["advice"]
    held = [each for each in row.result["locks"] if each["table"] == "public.students"]
    (lock,) = [each for each in held if each["mode"] == "AccessExclusiveLock"]
    assert 1.0 <= lock["end"] - lock["start"] < 1.6


def test_a_down_that_loses_the_data_is_told(rehearsed):
    row = rehearsed(
        (sql('ALTER TABLE students DROP COLUMN "firstName" CASCADE'),
         sql('ALTER TABLE students ADD COLUMN "firstName" varchar(100) NOT NULL DEFAULT $$?$$')),
    )  # fmt: skip

    assert verdict(row)["APPLICATION"] is True
    assert "public.students" in str(row.result["findings"]) or verdict(row)["ROLLBACK"] is False


def test_the_next_rehearsal_uses_the_same_proven_backup(rehearsed):
    first = rehearsed(ADDS)
    second = rehearsed(ADDS)

    assert first.backup_id == second.backup_id
    assert Backup.objects.count() == 1


def test_where_data_may_not_be_copied_the_schema_alone_is_used(rehearsed, school):
    school.target.copies_may_hold_data = False
    school.target.save()

    row = rehearsed(ADDS)

    assert row.copy == "SCHEMA"
    assert set(verdict(row).values()) == {True}
    assert "no-rows" in findings(row)
    assert not Backup.objects.exists()
