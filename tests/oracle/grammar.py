"""Random statements over the oracle's schema, from a small grammar: what nobody thought of writing down."""

import random

from migrations_portal.risk import Schema
from migrations_portal.risk.objects import Relation

TYPES = (
    "integer", "bigint", "smallint", "text", "varchar", "varchar(20)", "varchar(50)", "varchar(300)", "char(5)", "numeric",
    "numeric(10,2)", "numeric(12,2)", "numeric(12,4)", "date", "timestamp", "timestamptz", "timestamp(3)", "boolean", "json",
    "jsonb", "uuid", "inet", "cidr", "text[]", "positive_int", "nested_domain", "plain_text", "short_code", "visit_status",
    "bytea", "double precision", "interval", "bit varying(16)",
)  # fmt: skip
DEFAULTS = (
    "NULL", "1", "'1'", "now()", "clock_timestamp()", "random()", "gen_random_uuid()", "one_sql()", "roll_sql()",
    "one_plpgsql()", "stable_plpgsql()", "CURRENT_DATE", "lower('X')", "nextval('free_seq')", "(1 + 2)",
)  # fmt: skip
INLINE = (
    "", "", "NOT NULL", "UNIQUE", "PRIMARY KEY", "CHECK ({new} IS NOT NULL)", "REFERENCES doctors (id)", "REFERENCES patients",
    "GENERATED ALWAYS AS IDENTITY", "GENERATED ALWAYS AS (1) STORED",
)  # fmt: skip
CONDITIONS = ("", "", "{column} IS NULL", "true", "1 = 1", "{column} IS NOT NULL AND true")
COMMANDS = (
    "ADD COLUMN {new} {type} DEFAULT {default} {inline}",
    "ADD COLUMN {new} {type} {inline}",
    "ADD COLUMN {new} {type} {inline}",
    "DROP COLUMN {column}",
    "DROP COLUMN {column} CASCADE",
    "ALTER COLUMN {column} TYPE {type}",
    "ALTER COLUMN {column} TYPE {type}",
    "ALTER COLUMN {column} TYPE {type} USING {column}::{type}",
    "ALTER COLUMN {column} SET NOT NULL",
    "ALTER COLUMN {column} DROP NOT NULL",
    "ALTER COLUMN {column} SET DEFAULT {default}",
    "ALTER COLUMN {column} DROP DEFAULT",
    "ALTER COLUMN {column} SET STATISTICS 77",
    "ADD CONSTRAINT {new} CHECK ({column} IS NOT NULL)",
    "ADD CONSTRAINT {new} CHECK ({column} IS NOT NULL) NOT VALID",
    "ADD CONSTRAINT {new} UNIQUE ({column})",
    "ADD CONSTRAINT {new} PRIMARY KEY ({column})",
    "ADD CONSTRAINT {new} FOREIGN KEY ({column}) REFERENCES {other}",
    "ADD CONSTRAINT {new} FOREIGN KEY ({column}) REFERENCES {other} ON DELETE CASCADE NOT VALID",
    "DROP CONSTRAINT {constraint}",
    "DROP CONSTRAINT {constraint} CASCADE",
    "VALIDATE CONSTRAINT {constraint}",
    "SET (fillfactor = 60)",
    "SET UNLOGGED",
    "SET LOGGED",
    "REPLICA IDENTITY FULL",
    "ENABLE ROW LEVEL SECURITY",
    "DISABLE TRIGGER USER",
    "SET WITHOUT CLUSTER",
)
STATEMENTS = (
    "CREATE INDEX {new} ON {table} ({column})",
    "CREATE UNIQUE INDEX {new} ON {table} ({column})",
    "CREATE INDEX {new} ON {table} ({column}) WHERE {column} IS NOT NULL",
    "CREATE INDEX {new} ON ONLY {table} ({column})",
    "CREATE INDEX {new} ON {table} (({column} IS NULL))",
    "DROP INDEX {index}",
    "DROP INDEX {index} CASCADE",
    "REINDEX TABLE {table}",
    "REINDEX INDEX {index}",
    "ALTER INDEX {index} RENAME TO {new}",
    "DROP TABLE {table}",
    "DROP TABLE {table} CASCADE",
    "TRUNCATE {table}",
    "TRUNCATE {table}, {other}",
    "TRUNCATE {table} CASCADE",
    "ALTER TABLE {table} RENAME TO {new}",
    "ALTER TABLE {table} RENAME COLUMN {column} TO {new}",
    "ALTER TABLE {table} RENAME CONSTRAINT {constraint} TO {new}",
    "ALTER TABLE {table} SET SCHEMA archive",
    "CREATE TABLE {new} (LIKE {table} INCLUDING ALL)",
    "CREATE TABLE {new} (LIKE {table})",
    "CREATE TABLE {new} () INHERITS ({table})",
    "CREATE TABLE {new} AS SELECT {column} FROM {table}",
    "CREATE TABLE {new} (a bigint REFERENCES {table})",
    "CREATE VIEW {new} AS SELECT {column} FROM {table}",
    "CREATE MATERIALIZED VIEW {new} AS SELECT {column} FROM {table}",
    "CREATE TRIGGER {new} BEFORE UPDATE ON {table} FOR EACH ROW EXECUTE FUNCTION touch_row()",
    "CREATE TRIGGER {new} AFTER DELETE ON {table} EXECUTE FUNCTION audit_row()",
    "CREATE POLICY {new} ON {table} USING (true)",
    "CREATE STATISTICS {new} ON {column}, {column2} FROM {table}",
    "CREATE PUBLICATION {new} FOR TABLE {table}",
    "ALTER PUBLICATION feed ADD TABLE {table}",
    "COMMENT ON COLUMN {table}.{column} IS 'x'",
    "LOCK TABLE {table} IN SHARE ROW EXCLUSIVE MODE",
    "LOCK TABLE ONLY {table} IN ACCESS SHARE MODE",
    "ANALYZE {table}",
    "CLUSTER {table} USING {index}",
    "SELECT {column} FROM {table} WHERE {column2} IS NULL",
    "SELECT {column} FROM {table} FOR SHARE",
    "DELETE FROM {table}",
    "DELETE FROM ONLY {table} WHERE coalesce({column}::text, '') >= ''",
    "UPDATE {table} SET {column} = NULL",
    "UPDATE {table} SET {column} = {column} WHERE coalesce({column2}::text, '') >= ''",
    "INSERT INTO {table} SELECT * FROM {table}",
    "INSERT INTO {table} ({column}) VALUES (NULL)",
    "ALTER DOMAIN positive_int ADD CONSTRAINT {new} CHECK (VALUE < 1000000000)",
    "ALTER DOMAIN nested_domain SET NOT NULL",
    "ALTER TYPE visit_status ADD VALUE '{new}'",
    "GRANT UPDATE ({column}) ON {table} TO PUBLIC",
    "ALTER TABLE events ATTACH PARTITION {table} FOR VALUES FROM ('2031-01-01') TO ('2032-01-01')",
    "ALTER TABLE {table} INHERIT {other}",
    "DO $$ BEGIN ALTER TABLE {table} ALTER COLUMN {column} SET NOT NULL; END $$",
)  # fmt: skip


class Grammar:
    """Draws statements whose names exist in the schema; many of them the server refuses."""

    def __init__(self, schema: Schema, *, seed: int) -> None:
        self._random = random.Random(seed)
        self._tables = [r for r in schema.relations.values() if r.kind in "rp" and r.columns]

    def script(self) -> str:
        """Give a few statements for one transaction, most of them on the same table."""
        draw = self._random
        table = draw.choice(self._tables)
        statements: list[str] = []
        while len(statements) < draw.choice((2, 2, 3)):
            statement = self.statement(None if draw.random() < 0.3 else table)
            # What empties a table takes away the rows that the next statement needs to be seen at work.
            if not statement.startswith(("TRUNCATE", "DELETE")):
                statements.append(statement)
        return " |> ".join(statements)

    def statement(self, table: Relation | None = None) -> str:
        draw = self._random
        table = table or draw.choice(self._tables)
        if draw.random() < 0.5:
            return self._filled(draw.choice(STATEMENTS), table)
        count = draw.choice((1, 1, 1, 2, 3))
        commands = ", ".join(draw.choice(COMMANDS) for _ in range(count))
        only = "ONLY " if draw.random() < 0.05 else ""
        return self._filled(f"ALTER TABLE {only}{{table}} {commands}", table)

    def _filled(self, pattern: str, table: Relation) -> str:
        draw = self._random
        names = {
            "table": table.qualified,
            "other": draw.choice(self._tables).qualified,
            "column": draw.choice(list(table.columns)),
            "column2": draw.choice(list(table.columns)),
            "constraint": draw.choice(list(table.constraints) or ["nothing"]),
            "index": draw.choice(
                [f"{table.schema}.{name}" for name in table.indexes] or ["nothing"]
            ),
            "new": f"z{draw.randrange(1000)}",
        }
        choices = {"type": TYPES, "default": DEFAULTS, "inline": INLINE}
        while any(f"{{{key}}}" in pattern for key in choices):
            for key, values in choices.items():
                pattern = pattern.replace(f"{{{key}}}", draw.choice(values), 1)
        return " ".join(pattern.format(**names).split())
