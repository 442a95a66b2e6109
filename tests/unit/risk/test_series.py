"""The series that a pattern asks for: safe by the engine's own judgement, whatever the names."""

import pytest

from migrations_portal.risk import ScriptFile, assess, schema_from_dump
from migrations_portal.risk.catalogue import catalogue_of
from migrations_portal.risk.locks import BY_MODE
from migrations_portal.risk.series import BACKFILL, DEPLOY, PLAN, advice

SCHEMA_SQL = """
CREATE TABLE public."Orders" (id integer NOT NULL, "statusOld" text, amount integer, school integer);
CREATE TABLE public.schools (id integer NOT NULL);
ALTER TABLE ONLY public.schools ADD CONSTRAINT schools_pkey PRIMARY KEY (id);
"""
SCHEMA = schema_from_dump(SCHEMA_SQL)
CATALOGUE = catalogue_of(SCHEMA, sizes={})
CHANGES = {
    'ALTER TABLE "Orders" RENAME COLUMN "statusOld" TO "statusNew"': "rename or type change in phases",
    'ALTER TABLE "Orders" ALTER COLUMN amount TYPE bigint': "rename or type change in phases",
    'ALTER TABLE "Orders" RENAME TO purchases': "rename or type change in phases",
    'ALTER TABLE "Orders" ADD COLUMN kind text NOT NULL DEFAULT \'new\'': "additive changes",
    'ALTER TABLE "Orders" ADD COLUMN token uuid DEFAULT gen_random_uuid()': "additive changes",
    'ALTER TABLE "Orders" ALTER COLUMN amount SET NOT NULL': "additive changes",
    'ALTER TABLE "Orders" ADD CONSTRAINT positive CHECK (amount > 0)': "additive changes",
    'ALTER TABLE "Orders" ADD CONSTRAINT f FOREIGN KEY (school) REFERENCES schools (id)': "additive changes",
    'ALTER TABLE "Orders" ADD CONSTRAINT u UNIQUE (amount)': "additive changes",
    'ALTER TABLE "Orders" ADD COLUMN kind text NOT NULL': "additive changes",
    "ALTER TABLE \"Orders\" ADD CONSTRAINT no_semicolon CHECK (\"statusOld\" <> ';')": "additive changes",
    'UPDATE "Orders" SET amount = 0 WHERE amount IS NULL': "large data migration",
}  # fmt: skip


def advised(sql):
    assessed = assess([ScriptFile("a.sql", sql)], schema=SCHEMA)
    return advice(assessed, catalogue=CATALOGUE)


@pytest.mark.parametrize(("sql", "pattern"), CHANGES.items(), ids=list(CHANGES))
def test_a_change_is_given_its_pattern_and_a_series(sql, pattern) -> None:
    said = advised(sql)

    assert said.pattern == pattern
    assert said.when
    assert len(said.phases) >= 2
    assert {phase.kind for phase in said.phases} <= {PLAN, DEPLOY, BACKFILL}
    assert all(phase.sql == "" for phase in said.phases if phase.kind == DEPLOY)


@pytest.mark.parametrize("sql", CHANGES, ids=list(CHANGES))
def test_no_plan_of_a_series_works_on_rows_while_others_wait(sql) -> None:
    files = [
        ScriptFile(f"{number}.sql", phase.sql, one_transaction="CONCURRENTLY" not in phase.sql)
        for number, phase in enumerate(advised(sql).phases)
        if phase.kind == PLAN and phase.sql
    ]
    said = assess(files, schema=SCHEMA)

    assert not [s.sql for s in said.statements if s.rewrites]
    for statement in said.statements:
        blocked = [name for name, mode in statement.locks.items() if BY_MODE[mode].blocks_writes]
        assert not set(statement.scans) & set(blocked), statement.sql
    assert not [f.message for s in said.statements for f in s.findings if f.rule in {"syntax-error", "missing-object"}]  # fmt: skip


def test_a_file_that_follows_its_pattern_is_told_so() -> None:
    said = advised('ALTER TABLE "Orders" ADD COLUMN note text')

    assert (said.pattern, said.phases) == ("additive changes", ())


def test_a_change_without_a_pattern_gets_none() -> None:
    assert advised("DROP TABLE schools").as_json() == {"pattern": "", "when": "", "phases": []}


def plans_of(sql):
    return "\n".join(phase.sql for phase in advised(sql).phases if phase.kind == PLAN)


def test_a_new_column_keeps_its_default_and_is_not_null_only_when_asked_for() -> None:
    token = plans_of('ALTER TABLE "Orders" ADD COLUMN token uuid DEFAULT gen_random_uuid()')
    kind = plans_of("ALTER TABLE \"Orders\" ADD COLUMN kind text NOT NULL DEFAULT 'new'")

    assert "SET DEFAULT gen_random_uuid()" in token
    assert "SET NOT NULL" not in token
    assert "SET DEFAULT 'new'" in kind
    assert "SET NOT NULL" in kind


def test_a_condition_with_a_semicolon_is_one_statement() -> None:
    phases = advised('ALTER TABLE "Orders" ADD CONSTRAINT c CHECK ("statusOld" <> \'a;b\')').phases

    assert "'a;b'" in phases[0].sql
    assert phases[1].sql.endswith("VALIDATE CONSTRAINT c;")
