"""Nobody changes the ledger through the portal's own database role, nor as the owner of the tables without taking walls down."""

import os

import psycopg
import pytest
from django.conf import settings
from django.db import DatabaseError, connection, transaction

from migrations_portal.audit import queries, services
from migrations_portal.audit.models import Entry
from migrations_portal.audit.rules import PORTAL, Draft, EntryKind

BODY = '{"kind":"X","phi":false,"plan":null,"result":"success","what":"","where":{"target":""},"who":{"email":"x"},"why":""}'
ROW = "(seq, at, kind, actor, target, phi, result, canonical, prev_hash, hash) VALUES (99, now(), 'X', 'x', '', false, '', '{}', 'p', 'h')"
AS_THE_APP = {
    "update": "UPDATE audit_entry SET result = 'x'",
    "update through a join": "UPDATE audit_entry e SET result = 'x' FROM people_person p",
    "delete": "DELETE FROM audit_entry",
    "truncate": "TRUNCATE audit_entry",
    "truncate cascading": "TRUNCATE people_person CASCADE",
    "disable the trigger": "ALTER TABLE audit_entry DISABLE TRIGGER ALL",
    "drop the trigger": "DROP TRIGGER audit_entry_no_change ON audit_entry",
    "drop the table": "DROP TABLE audit_entry",
    "rename the table": "ALTER TABLE audit_entry RENAME TO old_entry",
    "replica role": "SET session_replication_role = replica",
    "insert with a chosen number": f"INSERT INTO audit_entry {ROW}",
    "insert or update": f"INSERT INTO audit_entry {ROW} ON CONFLICT (seq) DO UPDATE SET result = 'x'",
    "merge": "MERGE INTO audit_entry e USING (SELECT 1 AS seq) s ON e.seq = s.seq WHEN MATCHED THEN DELETE",
    "copy in": "COPY audit_entry (seq) FROM PROGRAM 'echo 99'",
    "lock": "LOCK TABLE audit_entry IN ACCESS EXCLUSIVE MODE",
    "select for update": "SELECT seq FROM audit_entry FOR UPDATE",
    "another append function": "CREATE OR REPLACE FUNCTION audit_append(body text) RETURNS bigint LANGUAGE sql RETURN 1",
    "alter the append function": "ALTER FUNCTION audit_append(text) SECURITY INVOKER",
    "become the owner": f"SET ROLE {settings.DATABASE_OWNER['USER']}",
    "become a superuser": "ALTER ROLE CURRENT_USER SUPERUSER",
    "take the table": "ALTER TABLE audit_entry OWNER TO CURRENT_USER",
    "a view over it": "CREATE VIEW v AS SELECT * FROM audit_entry",
    "a rule on it": "CREATE RULE r AS ON INSERT TO audit_entry DO INSTEAD NOTHING",
    "a foreign key with cascade": "CREATE TABLE t (seq bigint REFERENCES audit_entry ON DELETE CASCADE)",
    "an inheriting table": "CREATE TABLE t () INHERITS (audit_entry)",
    "delete a checkpoint": "DELETE FROM audit_checkpoint",
    "rewrite a checkpoint": "UPDATE audit_checkpoint SET content = ''",
    "forget a migration": "DELETE FROM django_migrations",
}


def write(count: int = 1) -> None:
    for number in range(count):
        services.append(
            Draft(kind=EntryKind.PLAN_CREATED, actor=PORTAL, sentence=f"Entry {number}")
        )


def refused(sql: str) -> bool:
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql)
    return True


def test_the_tests_themselves_run_as_the_apps_role(db):
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_user, session_user")

        assert set(cursor.fetchone()) == {settings.DATABASE_APP}
    assert settings.DATABASE_OWNER["USER"] != settings.DATABASE_APP


@pytest.mark.parametrize("attempt", AS_THE_APP)
def test_the_app_role_is_refused(db, attempt):
    write(2)
    before = list(Entry.objects.values_list())

    with (
        pytest.raises(DatabaseError) as refusal,
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(AS_THE_APP[attempt])

    assert refusal.value.__cause__.sqlstate in {"42501", "42809"}, refusal.value
    assert list(Entry.objects.values_list()) == before


def test_a_shell_can_change_no_entry_through_the_model(db):
    write()
    entry = Entry.objects.get()

    for act in (entry.delete, entry.save, lambda: Entry.objects.update(result="x")):
        with pytest.raises(DatabaseError, match="permission denied"), transaction.atomic():
            act()
    with pytest.raises(DatabaseError, match="permission denied"), transaction.atomic():
        Entry.objects.bulk_create([Entry(seq=7, at=entry.at, prev_hash="p", hash="h")])


def test_the_app_role_cannot_grant_itself_more(db):
    with connection.cursor() as cursor:
        cursor.execute("GRANT ALL ON audit_entry TO CURRENT_USER WITH GRANT OPTION")
        cursor.execute(
            "SELECT privilege_type FROM information_schema.table_privileges"
            " WHERE table_name = 'audit_entry' AND grantee = CURRENT_USER"
        )

        assert cursor.fetchall() == [("SELECT",)]


def test_there_is_no_admin_that_could_show_the_ledger():
    assert "django.contrib.admin" not in settings.INSTALLED_APPS


def test_a_temporary_table_does_not_stand_in_for_the_ledger(db):
    write()

    with connection.cursor() as cursor:
        try:
            with transaction.atomic():
                cursor.execute("CREATE TEMPORARY TABLE audit_entry (LIKE public.audit_entry)")
        except DatabaseError as refusal:
            assert "permission denied" in str(refusal)  # noqa: PT017  # the app may make none: even better
        else:
            cursor.execute("SELECT audit_append(%s)", [BODY])
            cursor.execute("SELECT count(*) FROM pg_temp.audit_entry")
            assert cursor.fetchone() == (0,)
    assert queries.verify_chain().intact


@pytest.mark.parametrize(
    "body",
    ["[1]", "1", '{"a":1},"seq":9', '{"a":1,\n"b":2}', ' {"a":1}', "", "null", '{"a":1}{"b":2}'],
)
def test_the_function_takes_one_canonical_object_only(db, body):
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT audit_append(%s)", [body])

    assert not Entry.objects.exists()


@pytest.mark.parametrize("sql", ["UPDATE audit_entry SET result = 'x'", "DELETE FROM audit_entry", "TRUNCATE audit_entry"])  # fmt: skip
@pytest.mark.parametrize("role", ["owner", "superuser", "superuser as a replica"])
@pytest.mark.django_db(transaction=True)
def test_the_triggers_refuse_owner_and_superuser(role, sql):
    with transaction.atomic():
        write()
    name = connection.settings_dict["NAME"]
    login = settings.DATABASE_OWNER if role == "owner" else {}
    named = {"user": login["USER"], "password": login["PASSWORD"]} if login else {}

    with psycopg.connect(os.environ["WCO_TEST_PG_DSN"], dbname=name, **named) as session:
        if "replica" in role:
            session.execute("SET session_replication_role = replica")
        with pytest.raises(psycopg.Error, match="append-only"):
            session.execute(sql)

    assert Entry.objects.count() == 1
