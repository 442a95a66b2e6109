"""The spec's own numbers in real time: 90 s, and a table locked for 20 s (`make chaos`). WCO_SCREENSHOTS keeps pictures of the pages."""

import pytest

from tests import pictures
from tests.integration.rehearsals.files import sql

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.chaos,
    pytest.mark.timeout(900),
]
LOCKS_20_SECONDS = (
    "await together(async (transaction) => {"
    " await run('ALTER TABLE students ADD COLUMN nickname text', {transaction});"
    " await run('SELECT pg_sleep(20)', {transaction}); });"
)
REST = sql("CREATE INDEX students_nickname ON students (nickname)") + sql("SELECT pg_sleep(70)")


def test_a_minute_and_a_lock_of_twenty_seconds(rehearsed, cast):
    row = rehearsed((LOCKS_20_SECONDS + REST, sql("ALTER TABLE students DROP COLUMN nickname")))

    assert row.status == "DONE", row.problem
    found = {each["key"]: each["title"] for each in row.result["findings"]}
    assert found["split"].startswith("The way up took 90.")
    assert found["window"].startswith("public.students is locked for 20.")
    assert all(each["passed"] for each in row.result["verdicts"])
    pictures.take(
        {"rehearsal": f"/rehearsals/{row.pk}/", "backup-proof": f"/backups/{row.backup_id}/"},
        person=cast["dan"],
    )
