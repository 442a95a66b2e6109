"""Random statements over a schema, from a small grammar: what nobody thought of writing down."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from migrations_portal.risk.render import ident

if TYPE_CHECKING:
    from migrations_portal.risk import Schema
    from migrations_portal.risk.objects import Relation

TYPES = (
    "integer", "bigint", "smallint", "text", "varchar", "varchar(20)", "varchar(50)", "varchar(300)", "char(5)", "numeric",
    "numeric(10,2)", "numeric(12,2)", "numeric(12,4)", "date", "timestamp", "timestamptz", "timestamp(3)", "boolean", "json",
    "jsonb", "uuid", "inet", "cidr", "text[]", "bytea", "double precision", "interval", "bit varying(16)", "time", "real",
)  # fmt: skip
DEFAULTS = (
    "NULL", "1", "'1'", "now()", "clock_timestamp()", "random()", "gen_random_uuid()", "CURRENT_DATE", "lower('X')", "(1 + 2)",
)  # fmt: skip
INLINE = (
    "", "", "NOT NULL", "UNIQUE", "PRIMARY KEY", "CHECK ({new} IS NOT NULL)", "REFERENCES {other}",
    "REFERENCES {other} ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED", "GENERATED ALWAYS AS IDENTITY",
    "GENERATED ALWAYS AS (1) STORED",
)  # fmt: skip
COMMANDS = (
    "ADD COLUMN {new} {type} DEFAULT {default} {inline}",
    "ADD COLUMN {new} {type} {inline}",
    "ADD COLUMN {new} {type} {inline}",
    "ADD COLUMN IF NOT EXISTS {column} {type}",
    "DROP COLUMN {column}",
    "DROP COLUMN {column} CASCADE",
    "ALTER COLUMN {column} TYPE {type}",
    "ALTER COLUMN {column} TYPE {type}",
    "ALTER COLUMN {column} TYPE {type} USING {column}::{type}",
    "ALTER COLUMN {column} TYPE {type} USING NULL",
    "ALTER COLUMN {column} SET NOT NULL",
    "ALTER COLUMN {column} DROP NOT NULL",
    "ALTER COLUMN {column} SET DEFAULT {default}",
    "ALTER COLUMN {column} DROP DEFAULT",
    "ALTER COLUMN {column} DROP EXPRESSION IF EXISTS",
    "ALTER COLUMN {column} DROP IDENTITY IF EXISTS",
    "ALTER COLUMN {column} SET STATISTICS 77",
    "ALTER COLUMN {column} SET STORAGE EXTERNAL",
    "ALTER COLUMN {column} SET (n_distinct = 5)",
    "ADD CONSTRAINT {new} CHECK ({column} IS NOT NULL)",
    "ADD CONSTRAINT {new} CHECK ({column} IS NOT NULL) NOT VALID",
    "ADD CONSTRAINT {new} CHECK ({column} IS NOT NULL) NO INHERIT",
    "ADD CONSTRAINT {new} UNIQUE ({column})",
    "ADD CONSTRAINT {new} UNIQUE ({column}, {column2}) DEFERRABLE",
    "ADD CONSTRAINT {new} PRIMARY KEY ({column})",
    "ADD CONSTRAINT {new} EXCLUDE ({column} WITH =)",
    "ADD CONSTRAINT {new} FOREIGN KEY ({column}) REFERENCES {other}",
    "ADD CONSTRAINT {new} FOREIGN KEY ({column}) REFERENCES {other} ON DELETE CASCADE NOT VALID",
    "DROP CONSTRAINT {constraint}",
    "DROP CONSTRAINT {constraint} CASCADE",
    "VALIDATE CONSTRAINT {constraint}",
    "ALTER CONSTRAINT {constraint} DEFERRABLE",
    "SET (fillfactor = 60)",
    "SET UNLOGGED",
    "SET LOGGED",
    "REPLICA IDENTITY FULL",
    "REPLICA IDENTITY USING INDEX {bare_index}",
    "CLUSTER ON {bare_index}",
    "ENABLE ROW LEVEL SECURITY",
    "DISABLE TRIGGER USER",
    "ENABLE ALWAYS TRIGGER {trigger}",
    "DISABLE TRIGGER ALL",
    "ENABLE REPLICA TRIGGER {trigger}",
    "SET WITHOUT CLUSTER",
    "OWNER TO CURRENT_USER",
    "NO INHERIT {other}",
)
STATEMENTS = (
    "CREATE INDEX {new} ON {table} ({column})",
    "CREATE UNIQUE INDEX {new} ON {table} ({column})",
    "CREATE INDEX {new} ON {table} ({column}) WHERE {column} IS NOT NULL",
    "CREATE INDEX {new} ON ONLY {table} ({column})",
    "CREATE INDEX {new} ON {table} (({column} IS NULL))",
    "CREATE INDEX {new} ON {table} ({column}, {column2})",
    "DROP INDEX {index}",
    "DROP INDEX {index} CASCADE",
    "REINDEX TABLE {table}",
    "REINDEX INDEX {index}",
    "ALTER INDEX {index} RENAME TO {new}",
    "ALTER INDEX {index} SET (fillfactor = 70)",
    "DROP TABLE {table}",
    "DROP TABLE {table} CASCADE",
    "DROP TABLE {table}, {other} CASCADE",
    "TRUNCATE {table}",
    "TRUNCATE {table}, {other}",
    "TRUNCATE {table} CASCADE",
    "ALTER TABLE {table} RENAME TO {new}",
    "ALTER TABLE {table} RENAME COLUMN {column} TO {new}",
    "ALTER TABLE {table} RENAME CONSTRAINT {constraint} TO {new}",
    "ALTER TABLE {table} SET SCHEMA {schema}",
    "ALTER TRIGGER {trigger} ON {table} RENAME TO {new}",
    "DROP TRIGGER {trigger} ON {table}",
    "CREATE TABLE {new} (LIKE {table} INCLUDING ALL)",
    "CREATE TABLE {new} (LIKE {table})",
    "CREATE TABLE {new} () INHERITS ({table})",
    "CREATE TABLE {new} AS SELECT {column} FROM {table}",
    "CREATE TABLE {new} (a bigint REFERENCES {table})",
    "CREATE TABLE {new} PARTITION OF {parent} DEFAULT",
    "CREATE VIEW {new} AS SELECT {column} FROM {table}",
    "CREATE MATERIALIZED VIEW {new} AS SELECT {column} FROM {table}",
    "DROP VIEW {view}",
    "DROP VIEW {view} CASCADE",
    "CREATE TRIGGER {new} BEFORE UPDATE ON {table} FOR EACH ROW EXECUTE FUNCTION {trigger_function}()",
    "CREATE TRIGGER {new} AFTER DELETE ON {table} EXECUTE FUNCTION {trigger_function}()",
    "CREATE POLICY {new} ON {table} USING (true)",
    "CREATE STATISTICS {new} ON {column}, {column2} FROM {table}",
    "CREATE PUBLICATION {new} FOR TABLE {table}",
    "ALTER PUBLICATION {publication} ADD TABLE {table}",
    "ALTER PUBLICATION {publication} SET TABLE {table}",
    "COMMENT ON COLUMN {table}.{column} IS 'x'",
    "COMMENT ON CONSTRAINT {constraint} ON {table} IS 'x'",
    "LOCK TABLE {table} IN SHARE ROW EXCLUSIVE MODE",
    "LOCK TABLE ONLY {table} IN ACCESS SHARE MODE",
    "LOCK TABLE {view} IN ROW EXCLUSIVE MODE",
    "ANALYZE {table}",
    "CLUSTER {table} USING {bare_index}",
    "SELECT {column} FROM {table} WHERE {column2} IS NULL",
    "SELECT {column} FROM {table} FOR SHARE",
    "SELECT count(*) FROM {view}",
    "SELECT * FROM {table} WHERE (SELECT count(*) FROM {other}) > 0 FOR UPDATE",
    "DELETE FROM {table}",
    "DELETE FROM {view}",
    "DELETE FROM ONLY {table} WHERE coalesce({column}::text, '') >= ''",
    "UPDATE {table} SET {column} = NULL",
    "UPDATE {table} SET {column} = {column} WHERE coalesce({column2}::text, '') >= ''",
    "INSERT INTO {table} SELECT * FROM {table}",
    "INSERT INTO {table} ({column}) VALUES (NULL)",
    "ALTER DOMAIN {domain} ADD CONSTRAINT {new} CHECK (VALUE IS NOT NULL)",
    "ALTER DOMAIN {domain} ADD CONSTRAINT {new} CHECK (VALUE IS NOT NULL) NOT VALID",
    "ALTER DOMAIN {domain} SET NOT NULL",
    "DROP DOMAIN {domain} CASCADE",
    "DROP TYPE {enum} CASCADE",
    "DROP FUNCTION {trigger_function} CASCADE",
    "ALTER TYPE {enum} ADD VALUE '{new}'",
    "GRANT UPDATE ({column}) ON {table} TO PUBLIC",
    "ALTER TABLE {parent} ATTACH PARTITION {table} DEFAULT",
    "ALTER TABLE {parent} DETACH PARTITION {table}",
    "ALTER TABLE {table} INHERIT {other}",
    "ALTER SEQUENCE {sequence} OWNED BY {table}.{column}",
    "DROP SEQUENCE {sequence} CASCADE",
    "DO $$ BEGIN ALTER TABLE {table} ALTER COLUMN {column} SET NOT NULL; END $$",
    "DO $$ BEGIN EXECUTE format('ALTER TABLE %s ADD COLUMN {new} {type}', '{table}'); END $$",
    "SELECT {column} FROM {table} TABLESAMPLE SYSTEM (50)",
    "CREATE TABLE IF NOT EXISTS {other} AS SELECT {column} FROM {table}",
    "ALTER TABLE ONLY {table} DROP CONSTRAINT {constraint}",
    "ALTER TRIGGER {trigger} ON {table} DEPENDS ON EXTENSION plpgsql",
)  # fmt: skip


class Grammar:
    """Draws statements whose names exist in the schema; many of them the server refuses."""

    def __init__(self, schema: Schema, *, seed: int) -> None:
        self._random = random.Random(seed)
        relations = list(schema.relations.values())
        self._tables = [r for r in relations if r.kind in "rp" and r.columns]
        functions = [f for overloads in schema.functions.values() for f in overloads]
        plain = [_name(f.schema, f.name) for f in functions if not f.arguments and not _fires(f)]
        sequences = [_name(r.schema, r.name) for r in relations if r.kind == "S"]
        kinds = {
            kind: [_name(t.schema, t.name) for t in schema.types.values() if t.kind == kind]
            for kind in "edcr"
        }
        self._choices = {
            "type": [*TYPES, *(name for names in kinds.values() for name in names)],
            "default": [
                *DEFAULTS,
                *(f"{name}()" for name in plain),
                *(f"nextval('{name}')" for name in sequences),
            ],
            "inline": list(INLINE),
            "domain": kinds["d"],
            "enum": kinds["e"],
            "sequence": sequences,
            "view": [_name(r.schema, r.name) for r in relations if r.kind == "v"],
            "parent": [_name(r.schema, r.name) for r in relations if r.kind == "p"],
            "publication": [ident(name) for name in schema.publications],
            "schema": [ident(name) for name in sorted(schema.schemas) if name != "public"],
            "trigger_function": [_name(f.schema, f.name) for f in functions if _fires(f)],
        }

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
        while any(f"{{{key}}}" in pattern for key in self._choices):
            for key, values in self._choices.items():
                pattern = pattern.replace(f"{{{key}}}", draw.choice(values), 1)
        other = draw.choice(self._tables)
        index = ident(draw.choice(list(table.indexes) or ["nothing"]))
        names = {
            "table": _name(table.schema, table.name),
            "other": _name(other.schema, other.name),
            "column": ident(draw.choice(list(table.columns))),
            "column2": ident(draw.choice(list(table.columns))),
            "constraint": ident(draw.choice(list(table.constraints) or ["nothing"])),
            "trigger": ident(draw.choice(list(table.triggers) or ["nothing"])),
            "index": f"{ident(table.schema)}.{index}",
            "bare_index": index,
            "new": f"z{draw.randrange(1000)}",
        }
        return " ".join(pattern.format(**names).split())


def _fires(function) -> bool:
    return function.returns is not None and function.returns.name == "trigger"


def _name(schema: str, name: str) -> str:
    return f"{ident(schema)}.{ident(name)}"
