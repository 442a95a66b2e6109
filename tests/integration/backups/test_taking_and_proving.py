"""A backup is one snapshot, hashed, locked, and proven by a restore; divided or not, the copy is the same."""

import threading

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from migrations_portal.audit import queries as ledger
from migrations_portal.audit.models import Entry
from migrations_portal.backups import services
from migrations_portal.backups.models import Backup, RestoredCopy
from migrations_portal.backups.rules import CopyRefused, folder
from tests.integration.backups.conftest import ADMIN, now

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_small_backup_is_one_archive_and_proven(small):
    backup = small.take()
    proof = small.prove(backup)

    backup.refresh_from_db()
    assert (backup.status, backup.proven) == ("PROVEN", True)
    assert [part["archive"] for part in backup.parts] == ["FULL"]
    assert (
        backup.key
        == f"{folder(now=backup.taken_at, target='production', owner=backup.key.split('production-')[1].rsplit('-', 1)[0])}.dump"
    )
    assert backup.counts["public.students"] == 4000
    assert proof.rows == backup.rows
    assert backup.facts["lock_mode"] == "COMPLIANCE"
    assert backup.facts["encryption"] == "AES256"
    assert (backup.retain_until - backup.taken_at).days == 2557
    assert backup.drill["shape"]["validated foreign keys"] == 1
    assert small.left_behind() == 0


def test_a_divided_backup_restores_to_the_same_schema_and_rows(small):
    backup = small.take(tools=small.divided())
    tools = small.divided()

    assert [part["name"] for part in backup.parts] == ["schema", "data-1", "data-2"]
    with services.held(
        small.endpoint.on(small.scratch), home=small.target, purpose="test", made_by="tests",
        tools=tools, clock=now,
    ):  # fmt: skip
        copy = small.endpoint.on(small.scratch)
        services.restore_into(backup, into=copy, tools=tools)
        assert small.tools.dump.schema(copy) == small.tools.dump.schema(small.endpoint)
        assert small.value("SELECT n FROM notes", database=copy.database) == 4000
        assert small.value("SELECT last_value FROM students_id_seq", database=copy.database) == 4000
    small.prove(backup, tools=tools)
    assert Backup.objects.get(pk=backup.pk).proven


@pytest.mark.parametrize(("quick", "compressed"), [(True, "lz4"), (False, "pglz")])
@pytest.mark.parametrize("divided", [True, False])
def test_a_quick_restore_compresses_large_values_by_lz4_and_holds_the_same(
    small, divided, quick, compressed
):
    with small.tools.server.session(small.endpoint, application_name="tests") as source:
        source.run_script("CREATE TABLE letters AS SELECT repeat('dear nurse ', 2000) AS body")
    tools = small.divided() if divided else small.tools
    backup = small.take(tools=tools)
    copy = small.endpoint.on(small.scratch)

    with services.held(
        copy, home=small.target, purpose="test", made_by="tests", tools=tools, clock=now
    ):
        services.restore_into(backup, into=copy, tools=tools, quick=quick)

        how, body = (
            small.value(f"SELECT {what} FROM letters", database=copy.database)  # noqa: S608  # ours
            for what in ("pg_column_compression(body)", "body")
        )
        assert (how, body) == (compressed, "dear nurse " * 2000)


def test_rows_that_come_in_meanwhile_are_not_part_of_it(small):
    """One snapshot for all archives and for the counts, however many writers there are."""
    over = threading.Event()

    def write():
        with psycopg.connect(
            make_conninfo(ADMIN, dbname=small.target.database), autocommit=True
        ) as connection:
            while not over.is_set():
                connection.execute(
                    "WITH one AS (INSERT INTO students (name) VALUES ('new') RETURNING id)"
                    " INSERT INTO consents (student) SELECT id FROM one"
                )

    writer = threading.Thread(target=write)
    writer.start()
    try:
        backup = small.take(tools=small.divided())
    finally:
        over.set()
        writer.join()

    small.prove(backup, tools=small.divided())
    assert backup.counts["public.students"] == backup.counts["public.consents"]
    assert small.value("SELECT count(*) FROM students", database=small.target.database) > 4000


def test_progress_is_told_and_stored(small):
    told = []
    backup = small.take(on_progress=told.append)

    assert Backup.objects.get(pk=backup.pk).progress == ""
    assert all(each.tables == 4 for each in told)


@pytest.mark.parametrize("name", ["own", "postgres"])
def test_a_drill_never_touches_a_live_name(small, name):
    database = small.target.database if name == "own" else name
    backup = small.take()

    with pytest.raises(CopyRefused):
        services.prove(
            backup, drill=small.endpoint.on(database), tools=small.tools,
            application_name="wcops-test", clock=now,
        )  # fmt: skip

    assert small.value("SELECT count(*) FROM students", database=small.target.database) == 4000


def test_a_target_that_has_a_name_of_ours_is_refused_too(small):
    backup = small.take()
    small.target.database = small.scratch
    small.target.save()

    with pytest.raises(CopyRefused, match="never restored over"):
        services.prove(
            backup, drill=small.endpoint.on(small.target.database), tools=small.tools,
            application_name="wcops-test", clock=now,
        )  # fmt: skip


def test_making_and_dropping_a_copy_are_in_the_ledger_and_nobody_else_may_connect(small):
    with services.held(
        small.endpoint.on(small.scratch), home=small.target, purpose="test", made_by="tests",
        tools=small.tools, clock=now,
    ):  # fmt: skip
        open_to_all = small.value(
            f"SELECT has_database_privilege('pg_monitor', '{small.scratch}', 'CONNECT')"
        )
        assert open_to_all is False

    kinds = [ledger.body(each)["kind"] for each in Entry.objects.order_by("seq")]
    assert kinds[-2:] == ["COPY_MADE", "COPY_DROPPED"]
    assert RestoredCopy.objects.get().dropped_at is not None
    assert ledger.verify_chain().intact


def test_two_processes_cannot_use_one_copy(small):
    with services.held(
        small.endpoint.on(small.scratch), home=small.target, purpose="test", made_by="tests",
        tools=small.tools, clock=now,
    ), pytest.raises(CopyRefused, match="another process"), services.held(
        small.endpoint.on(small.scratch), home=small.target, purpose="test", made_by="tests",
        tools=small.tools, clock=now,
    ):  # fmt: skip
        pass
