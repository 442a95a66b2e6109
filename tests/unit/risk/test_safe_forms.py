"""What a finding offers to copy can be copied: it is SQL, it is judged lower, and it does less work while others wait."""

import pytest
from msgspec.structs import replace

from migrations_portal.risk import RULES, Assessment, Level, ScriptFile, assess, schema_from_dump
from migrations_portal.risk.findings import Finding
from tests.oracle.compare import CLINIC, HERE

STEPS = {
    "add-check-not-valid": "ALTER TABLE plain ADD CHECK (a > 0) NOT VALID",
    "not-valid-and-validate-together": "ALTER TABLE plain ADD CONSTRAINT c CHECK (a > 0) NOT VALID",
    "add-foreign-key-not-valid": "ALTER TABLE plain ADD FOREIGN KEY (d) REFERENCES doctors (id) NOT VALID",
    "security-definer-search-path":
        "CREATE FUNCTION clinic.f() RETURNS integer LANGUAGE sql SECURITY DEFINER AS 'SELECT 1'",
}  # fmt: skip
"""Rules whose SQL goes on from what a statement has made: that statement."""

NOT_SQL = {"not-one-transaction"}
"""Advice in JavaScript."""

EXAMPLES = {
    "add-not-null-column": "ALTER TABLE plain ADD COLUMN z text NOT NULL DEFAULT ''",
    "add-required-column": "ALTER TABLE plain ADD COLUMN z varchar(20) NOT NULL",
    "add-volatile-default": "ALTER TABLE plain ADD COLUMN z uuid DEFAULT gen_random_uuid()",
    "add-serial-column": "ALTER TABLE plain ADD COLUMN z bigserial",
    "add-identity-column": "ALTER TABLE plain ADD COLUMN z bigint GENERATED ALWAYS AS IDENTITY",
    "add-generated-column": "ALTER TABLE plain ADD COLUMN z numeric(10,2) GENERATED ALWAYS AS (a * 2) STORED",
    "add-column-check": "ALTER TABLE plain ADD COLUMN z integer CHECK (z > 0 AND z <> 5) CONSTRAINT odd CHECK (z % 2 = 1)",
    "add-column-unique": "ALTER TABLE plain ADD COLUMN z integer UNIQUE",
    "rename-column": "ALTER TABLE patients RENAME COLUMN name TO full_name",
    "set-not-null": "ALTER TABLE patients ALTER COLUMN age SET NOT NULL",
    "type-change-rewrite": "ALTER TABLE plain ALTER COLUMN d TYPE bigint",
    "type-change-needs-utc": "ALTER TABLE patients ALTER COLUMN seen_at TYPE timestamp with time zone",
    "rename-enum-value": "ALTER TYPE visit_status RENAME VALUE 'done' TO 'it''s over'",
    "domain-check": "ALTER DOMAIN plain_text ADD CONSTRAINT short CHECK (length(VALUE) < 30)",
    "domain-not-null": "ALTER DOMAIN plain_text SET NOT NULL",
    "add-check": "ALTER TABLE plain ADD CHECK (a > 0 AND b IN ('x', 'y') OR c IS NULL)",
    "add-check-not-valid": "ALTER TABLE plain ADD CHECK (a > 0) NOT VALID",
    "not-valid-and-validate-together":
        "ALTER TABLE plain ADD CONSTRAINT c CHECK (a > 0) NOT VALID; ALTER TABLE plain VALIDATE CONSTRAINT c",
    "add-foreign-key": "ALTER TABLE plain ADD FOREIGN KEY (d) REFERENCES doctors ON DELETE CASCADE DEFERRABLE",
    "add-foreign-key-not-valid": "ALTER TABLE plain ADD FOREIGN KEY (d) REFERENCES doctors (id) NOT VALID",
    "foreign-key-without-index": "ALTER TABLE plain ADD FOREIGN KEY (d) REFERENCES doctors (id) NOT VALID",
    "add-unique": "ALTER TABLE plain ADD UNIQUE (b, c) INCLUDE (d) DEFERRABLE",
    "add-primary-key": "ALTER TABLE plain ADD PRIMARY KEY (a, b)",
    "create-index": "CREATE INDEX ON patients USING gin (tags) WHERE lower(name) <> 'x'",
    "create-index-on-partitioned": "CREATE INDEX ON events (kind text_pattern_ops, (who + 1))",
    "concurrent-if-not-exists": "CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS i ON plain (lower(b))",
    "drop-index": "DROP INDEX patients_phone_idx",
    "drop-unknown-index": "DROP INDEX nobody_knows",
    "index-of-constraint": "DROP INDEX bookings_during_excl",
    "index-tablespace": "ALTER INDEX patients_phone_idx SET TABLESPACE fast",
    "guard-changed": "SET lock_timeout = 0",
    "reindex": "REINDEX INDEX patients_phone_idx",
    "reindex-partitioned-concurrently": "REINDEX TABLE CONCURRENTLY events",
    "rename-table": "ALTER TABLE plain RENAME TO simple",
    "rename-view": "ALTER VIEW plain_view RENAME TO simple_view",
    "set-schema": "ALTER TABLE plain SET SCHEMA archive",
    "autovacuum-off": "ALTER TABLE plain SET (autovacuum_enabled = false)",
    "vacuum-full": "VACUUM FULL plain",
    "create-partition": "CREATE TABLE e PARTITION OF hashed FOR VALUES WITH (MODULUS 4, REMAINDER 3)",
    "attach-partition": "ALTER TABLE posts ATTACH PARTITION posts_west FOR VALUES IN ('west', 'far ''west''')",
    "detach-partition": "ALTER TABLE hashed DETACH PARTITION hashed_0",
    "refresh-view": "REFRESH MATERIALIZED VIEW visit_totals",
    "security-definer-search-path":
        "CREATE FUNCTION clinic.f() RETURNS integer LANGUAGE sql SECURITY DEFINER AS 'SELECT 1'",
    "delete-all-rows": "DELETE FROM doctors",
    "copy-into-new-table": "CREATE TABLE t AS SELECT name, count(*) FROM patients WHERE age > 5 GROUP BY name",
}  # fmt: skip

SCHEMA = schema_from_dump(
    (HERE / CLINIC.name / "schema.sql").read_text()
    + "CREATE TABLE public.posts (id integer, area text) PARTITION BY LIST (area);"
    "CREATE TABLE public.posts_west (id integer, area text);"
)


def _assessed(sql: str, *, known: bool, apart: bool = False) -> Assessment:
    script = ScriptFile("a.sql", sql, one_transaction=False if apart else None)
    return assess([script], schema=SCHEMA if known else None)


def _findings(assessed: Assessment) -> list[Finding]:
    return [finding for statement in assessed.statements for finding in statement.findings]


def _weight(assessed: Assessment) -> tuple[int, int]:
    """How bad the statements are: the level, then how many tables are written or read while their users wait."""
    work = sum(
        lock.blocks_writes and table in {*statement.rewrites, *statement.scans}
        for statement in assessed.statements
        for table, lock in statement.held.items()
    )
    return max(Level(s.level).rank for s in assessed.statements), work


def test_every_rule_that_offers_sql_has_an_example() -> None:
    assert set(EXAMPLES) == {rule.id for rule in RULES.values() if rule.safe_sql} - NOT_SQL


@pytest.mark.parametrize("rule", EXAMPLES)
def test_the_safe_form_parses_and_is_judged_lower(rule: str) -> None:
    known = rule != "drop-unknown-index"
    before = _assessed(EXAMPLES[rule], known=known)
    [found, *_] = [finding for finding in _findings(before) if finding.rule == rule]
    assert found.safe_sql, found.message

    first = STEPS.get(rule)
    whole = _assessed(
        f"{first};\n{found.safe_sql}" if first else found.safe_sql, known=known, apart=True
    )
    after = replace(whole, statements=whole.statements[bool(first) :])
    rules = {finding.rule for finding in _findings(after)}
    said = f"{found.safe_sql}\n{[f.message for f in _findings(after)]}"
    assert not after.unusable, said
    assert not {rule, "missing-object", "not-understood", "has-dependants"} & rules, said
    bar = (found.level.rank, _weight(before)[1])
    assert _weight(after) < bar or (found.level is Level.LOW and _weight(after) <= bar), said


@pytest.mark.parametrize(
    "sql",
    [
        "ALTER TABLE events ADD CONSTRAINT u UNIQUE (id, at)",
        "ALTER TABLE events ADD FOREIGN KEY (who) REFERENCES doctors",
        "ALTER TABLE events DETACH PARTITION events_2024",
        "ALTER TABLE events ATTACH PARTITION events_2025 DEFAULT",
        "DELETE FROM plain",
    ],
)
def test_where_there_is_no_safe_form_none_is_offered(sql: str) -> None:
    assert [
        f.safe_sql for f in _findings(_assessed(sql, known=True)) if f.level is not Level.LOW
    ] == [""]
