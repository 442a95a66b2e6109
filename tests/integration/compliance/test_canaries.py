"""No PHI in the portal: a real migration fails with a patient's value in PostgreSQL's own message; nothing of ours keeps it."""

import os
from dataclasses import dataclass

import psycopg
import pytest
from django.db import connection

from migrations_portal import wiring
from migrations_portal.audit.queries import LedgerFilter
from migrations_portal.audit.rules import EntryKind
from migrations_portal.compliance import evidence, exports
from migrations_portal.compliance.rules import ExportForm
from migrations_portal.demo.customer.examples import Example, Outcome

pytestmark = pytest.mark.django_db(transaction=True)

CANARY = "Kanarienvogel-7731"
FILE = b"""'use strict';
module.exports = {
  up: (queryInterface) => queryInterface.addIndex('students', ['lastName'], { unique: true, name: 'students_last_name' }),
  down: (queryInterface) => queryInterface.removeIndex('students', 'students_last_name'),
};
"""


@dataclass(frozen=True)
class UniqueLastName(Example):
    """Fails: PostgreSQL answers `Key ("lastName")=(…) is duplicated`."""

    @property
    def content(self) -> bytes:
        return FILE


UNIQUE = UniqueLastName(name="20251208000000-unique-last-name.js", outcome=Outcome.FAILS_WHOLE, question="Is it there?", query="SELECT 1", expected=1)  # fmt: skip


def tables_with(word: str) -> list[str]:
    found = []
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
        )
        for (table,) in cursor.fetchall():
            cursor.execute(
                f'SELECT count(*) FROM "{table}" t WHERE t::text LIKE %s',  # noqa: S608  # a table of ours
                [f"%{word}%"],
            )
            if cursor.fetchone() != (0,):
                found.append(table)
    return sorted(found)


def test_a_value_of_a_patient_in_an_error_reaches_no_table_and_no_evidence(
    run_example, school, cast
):
    with psycopg.connect(os.environ["WCO_TEST_PG_DSN"], dbname=school.target.database) as admin:
        admin.execute('UPDATE students SET "lastName" = %s', [CANARY])
        admin.commit()
        with pytest.raises(psycopg.Error, match=CANARY):
            admin.execute('CREATE UNIQUE INDEX students_last_name ON students ("lastName")')

    run = run_example(UNIQUE, check=False)

    assert run.status == "FAILED"
    assert "students_last_name" in "".join(line.text for line in run.lines.all())
    assert tables_with(UNIQUE.name)
    assert tables_with(CANARY) == []
    row = exports.ask(
        by=cast["cleo"],
        form=ExportForm.EVIDENCE,
        targets=[run.target.name],
        wanted=LedgerFilter(plan=run.plan_id),
        purpose="Audit",
        now=wiring.clock(),
        plan=run.plan,
    )
    pack = evidence.files(row, run.plan_id)
    assert {"index.html", f"runs/{run.pk}/log.txt", "files/" + UNIQUE.name} <= set(pack)
    assert CANARY.encode() not in b"".join(pack.values())
    assert row.through
    assert (
        str(EntryKind.MIGRATION_RECORD) in pack["index.html"].decode()
        or b"Audit record" in pack["index.html"]
    )
