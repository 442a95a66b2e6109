"""A calibration of the real server, and predictions with its rates held against what the server then does."""

import secrets
import sys
import time
from datetime import UTC, datetime

import pytest

from migrations_portal import risk, wiring
from migrations_portal.risk.catalogue import TableSize
from migrations_portal.risk.prediction import Work, predict
from migrations_portal.runbooks import calibration
from migrations_portal.runbooks.catalogue import SIZES
from migrations_portal.runbooks.explaining import rates_of
from migrations_portal.targets import queries
from migrations_portal.targets.models import MeasuredRate

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]
TABLES = (
    "CREATE TABLE parents (id integer PRIMARY KEY)",
    "INSERT INTO parents SELECT generate_series(1, 2000)",
    "CREATE TABLE big (id integer PRIMARY KEY, parent integer, kind integer, code text, body text)",
    """INSERT INTO big SELECT n, mod(n, 2000) + 1, mod(n, 9), md5(n::text), repeat('x', mod(n, 300))
        FROM generate_series(1, 400000) n""",
    "CREATE INDEX big_code ON big (code)",
    "VACUUM (ANALYZE) big",
    "ANALYZE parents",
)
STATEMENTS = (
    "ALTER TABLE big ADD CONSTRAINT positive CHECK (id > 0)",
    "ALTER TABLE big ALTER COLUMN body SET NOT NULL",
    "CREATE INDEX big_parent ON big (parent)",
    "ALTER TABLE big ADD CONSTRAINT has_parent FOREIGN KEY (parent) REFERENCES parents (id)",
    "ALTER TABLE big ALTER COLUMN kind TYPE bigint",
    "ALTER TABLE big ADD COLUMN note text",
    "UPDATE big SET note = 'seen'",
)


@pytest.fixture
def measured(school):
    calibration.measure(
        target_id=school.target.pk, tools=wiring.tools(), clock=lambda: datetime.now(UTC)
    )
    return school.target


@pytest.fixture
def scratch(school):
    tools = wiring.tools()
    endpoint = tools.scratch(school.target, name=f"predicted_{secrets.token_hex(4)}")
    tools.server.create_database(endpoint)
    with tools.server.session(endpoint, application_name="tests") as session:
        for each in TABLES:
            session.rows(each)
        yield endpoint, session
    tools.server.drop_database(endpoint)


def test_a_calibration_keeps_each_rate_with_its_interval_place_and_date(measured):
    rows = queries.newest_rates(target=measured)

    assert {row.work for row in rows} == {str(each) for each in Work}
    assert all(0 < row.slow < row.usual < row.fast for row in rows)
    assert {row.measured_on for row in rows} == {"staging"}
    assert all(len(row.samples) == calibration.REPEATS for row in rows)
    assert queries.rates_due(now=datetime.now(UTC)) == [measured.drill_target_id]
    assert MeasuredRate.objects.count() == len(Work)


def test_what_really_happens_lies_within_the_predicted_interval(measured, scratch):
    endpoint, session = scratch
    rates = rates_of(queries.newest_rates(target=measured))
    outside = []
    for sql in STATEMENTS:
        rows = session.rows(SIZES)
        schema = risk.schema_from_dump(wiring.tools().dump.schema(endpoint))
        files = [risk.ScriptFile("a.sql", sql)]
        sizes = {each["name"]: TableSize(each["rows"], each["heap"], each["indexes"]) for each in rows}  # fmt: skip
        assessed = risk.assess(files, schema=schema)
        (said,) = predict(assessed.statements, files=files, sizes=sizes, rates=rates)
        begun = time.perf_counter()
        session.rows(sql)
        took = time.perf_counter() - begun
        sys.stdout.write(f"{sql}: predicted {said.work.as_json()}, took {took:.3f} s\n")
        if not said.work.holds(took):
            outside.append((sql, said.work.as_json(), round(took, 3)))

    assert len(outside) <= 1, outside
