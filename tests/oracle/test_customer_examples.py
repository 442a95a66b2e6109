"""The customer's own migrations, run by sequelize-cli on an empty copy of the schema: the SQL they send gets the level it should."""

import os
import secrets
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from migrations_portal import risk, wiring
from migrations_portal.demo.customer import examples
from migrations_portal.demo.customer.examples import Example
from migrations_portal.demo.databases import MIGRATOR, drop_database, ensure_database
from migrations_portal.demo.environment import CREDENTIAL
from migrations_portal.execution.ports import Bundle
from migrations_portal.execution.recording import recorded_sql
from migrations_portal.targets.ports import Endpoint
from tests.driver_kit import LIMITS, approved

ADMIN = os.environ["WCO_TEST_PG_DSN"]
PHI = (
    "students",
    "health_records",
    "medications",
    "patients",
    "public.consents",
    "appointments",
    "immunization_events",
)


@pytest.fixture(scope="module")
def schema_text(template: str) -> str:
    return wiring.tools().dump.schema(_endpoint(template))


def _endpoint(database: str) -> Endpoint:
    from psycopg.conninfo import conninfo_to_dict

    where = conninfo_to_dict(ADMIN)
    password = wiring.tools().credentials.fetch(CREDENTIAL).password
    return Endpoint(str(where["host"]), int(str(where["port"])), database, MIGRATOR, password)


@pytest.fixture
def assess(schema_text: str, customer_project: Path) -> Callable[[Example], risk.Assessment]:
    def run(example: Example) -> risk.Assessment:
        tools = wiring.tools()
        name = f"empty_{secrets.token_hex(4)}"
        ensure_database(ADMIN, name=name, owner=MIGRATOR)
        try:
            with tools.server.session(_endpoint(name), application_name="tests") as session:
                session.run_script(f"SET check_function_bodies = off;\n{schema_text}")
            file = approved(example.name, example.content.decode())
            bundle = Bundle(customer_project, (file,))
            limits = replace(LIMITS, keep_values=True)
            up = tools.driver.up(_endpoint(name), bundle, name=file.name, limits=limits)
            assert up.exit_code == 0, up.output
            down = tools.driver.down(_endpoint(name), bundle, name=file.name, limits=limits)
            assert down.exit_code == 0, down.output
        finally:
            drop_database(ADMIN, name=name)
        scripts = [
            [risk.ScriptFile(file.name, ";\n".join(sent.statements) + ";", sent.one_transaction)]
            for sent in (recorded_sql(up), recorded_sql(down))
        ]
        return risk.assess(
            scripts[0], down=scripts[1], schema=risk.schema_from_dump(schema_text), phi_tables=PHI
        )

    return run


def _rules(assessed: risk.Assessment) -> set[str]:
    found = [*assessed.findings, *(f for s in assessed.statements for f in s.findings)]
    return {finding.rule for finding in found}


def test_the_schema_of_the_customer_is_read_completely(schema_text: str) -> None:
    schema = risk.schema_from_dump(schema_text)

    assert schema.complete
    assert not [r.qualified for r in schema.relations.values() if r.assumed]
    assert schema.get("public", "patients") is not None


def test_nullable_columns_and_an_index_are_low_and_phi(assess) -> None:
    assessed = assess(examples.CONSENT_TRACKING)

    assert (assessed.level, assessed.phi, assessed.pattern) == (
        risk.Level.LOW,
        True,
        "additive changes",
    )
    assert {"public.patients", "public.consents"} <= set(assessed.tables)
    assert _rules(assessed) == {"create-index"}
    locks = [statement.locks for statement in assessed.statements if statement.locks]
    assert locks == [
        {"public.patients": "AccessExclusiveLock"},
        {"public.patients": "AccessExclusiveLock"},
        {"public.patients": "AccessExclusiveLock"},
        {"public.consents": "AccessExclusiveLock"},
        {"public.consents": "ShareLock"},
    ]


def test_set_not_null_is_medium(assess) -> None:
    assessed = assess(examples.APPOINTMENT_REASON)

    assert (assessed.level, assessed.phi) == (risk.Level.MEDIUM, True)
    assert _rules(assessed) == {"set-not-null"}


def test_statements_that_do_not_share_a_transaction_are_said(assess) -> None:
    assessed = assess(examples.MEDICATION_REVIEW)

    assert (assessed.level, assessed.phi) == (risk.Level.MEDIUM, True)
    assert _rules(assessed) == {"add-check", "not-one-transaction"}


def test_a_column_and_its_backfill_in_one_transaction_are_critical(assess) -> None:
    assessed = assess(examples.PREFERRED_LANGUAGE)

    assert (assessed.level, assessed.phi) == (risk.Level.CRITICAL, True)
    assert _rules(assessed) == {"update-rows", "ddl-and-data-in-one-transaction"}


def test_a_program_that_acts_on_rows_is_high_though_an_empty_copy_shows_no_change(assess) -> None:
    assessed = assess(examples.IMMUNIZATION_CODES)

    assert (assessed.level, assessed.phi) == (risk.Level.HIGH, True)
    assert _rules(assessed) == {"program-reads-rows"}
