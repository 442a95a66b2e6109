"""The pattern that a change should follow, as a series of plans with the SQL of each, ready to copy.

The strategy's three patterns: additive changes; rename or type change in phases; large data migrations. Between the plans of a
series the application is deployed; that is a phase without SQL.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from migrations_portal.risk.naming_words import short
from migrations_portal.risk.parser import parse
from migrations_portal.risk.patterns import ADDITIVE, LARGE_DATA, PHASED
from migrations_portal.risk.render import ident

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from migrations_portal.risk.catalogue import Catalogue
    from migrations_portal.risk.findings import Assessment, Finding

PLAN, DEPLOY, BACKFILL = "plan", "deploy", "backfill"
WHEN = {
    ADDITIVE: "Adding nullable columns, indexes and tables: old and new code work on the same schema.",
    PHASED: "Renaming or retyping a column or table that code uses: no step may break the code that runs.",
    LARGE_DATA: "Changing many rows: in batches, never in one transaction.",
}
"""What each pattern is for (strategy, "Zero-Downtime Deployment Patterns")."""


@dataclass(frozen=True, slots=True)
class Phase:
    """One step of a series: a plan of its own, a backfill, or a deployment of the application."""

    title: str
    kind: str
    sql: str = ""

    def as_json(self) -> dict[str, str]:
        """The shape that is stored and that the API shows."""
        return {"title": self.title, "kind": self.kind, "sql": self.sql}


@dataclass(frozen=True, slots=True)
class Advice:
    """The pattern by name, what it is for, and the series that it asks for; no phases when the file follows it already."""

    pattern: str = ""
    when: str = ""
    phases: tuple[Phase, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """The shape that is stored and that the API shows."""
        return {
            "pattern": self.pattern,
            "when": self.when,
            "phases": [phase.as_json() for phase in self.phases],
        }


def advice(assessed: Assessment, *, catalogue: Catalogue) -> Advice:
    """Name the pattern for the change and write its series from the first finding that asks for one."""
    for risk in assessed.statements:
        for finding in risk.findings:
            if finding.rule in _SERIES:
                pattern, write = _SERIES[finding.rule]
                phases = tuple(write(_Names(finding, catalogue, sql=risk.sql)))
                return Advice(pattern, WHEN[pattern], phases)
    if not assessed.pattern:
        return Advice()
    plain = tuple(Phase(title, PLAN) for title in assessed.series)
    return Advice(assessed.pattern, WHEN.get(assessed.pattern, ""), plain)


class _Names:
    """The names of a finding, quoted where SQL needs it, with what the catalogue adds."""

    def __init__(self, finding: Finding, catalogue: Catalogue, *, sql: str) -> None:
        self.sql = sql.strip().rstrip(";")
        values: Mapping[str, object] = finding.values
        self.safe_sql = finding.safe_sql
        self.table_name = str(values.get("table", ""))
        self.table = ".".join(map(ident, self.table_name.split(".")))
        self.spoken = short(self.table_name)
        self.column_name = str(values.get("column", ""))
        self.column = ident(self.column_name)
        self.new_name = str(values.get("new", f"{self.column_name}_new"))
        self.new = ident(self.new_name)
        self.constraint = ident(str(values.get("constraint", "")))
        self.condition = str(values.get("condition", ""))
        item = catalogue.items.get(self.table_name)
        known = item.columns.get(self.column_name, "") if item else ""
        self.type = str(values.get("type", known or "<type>"))
        self.old_type = known or str(values.get("old", "<type>"))
        given = str(values.get("default", "NULL"))
        self.default = "" if given == "NULL" else given
        self.required = bool(values.get("required"))

    def named(self, ending: str) -> str:
        """Return a name for something that belongs to the column."""
        return ident(f"{self.table_name.rpartition('.')[2]}_{self.column_name}_{ending}")


def _batches(names: _Names, change: str, left: str) -> Phase:
    return Phase(
        f"Fill the rows of {names.spoken} in batches (a backfill plan)", BACKFILL,
        f"-- a backfill plan: keyset batches, one short transaction each\n"
        f"UPDATE {names.table} SET {change} WHERE {left};",
    )  # fmt: skip


def _progress(names: _Names, left: str) -> Phase:
    return Phase(
        f"Verify that no row of {names.spoken} is left", PLAN,
        f"SELECT count(*) FILTER (WHERE {left}) AS remaining, count(*) AS total FROM {names.table};",  # noqa: S608 - for people
    )  # fmt: skip


def _proven_not_null(names: _Names) -> Iterator[Phase]:
    check = names.named("set")
    yield Phase(
        f"Forbid new empty values of {names.column_name}, without reading the rows", PLAN,
        f"ALTER TABLE {names.table} ADD CONSTRAINT {check} CHECK ({names.column} IS NOT NULL) NOT VALID;",
    )  # fmt: skip
    yield Phase(
        "Prove it for the rows that are there; reads and writes go on", PLAN,
        f"ALTER TABLE {names.table} VALIDATE CONSTRAINT {check};",
    )  # fmt: skip
    yield Phase(
        f"Make {names.column_name} NOT NULL: the proof spares the scan", PLAN,
        f"ALTER TABLE {names.table} ALTER COLUMN {names.column} SET NOT NULL;\n"
        f"ALTER TABLE {names.table} DROP CONSTRAINT {check};",
    )  # fmt: skip


def _new_column(names: _Names) -> Iterator[Phase]:
    """The column with its default, which new rows get at once, and NOT NULL last, where the change asks for it."""
    add = f"ALTER TABLE {names.table} ADD COLUMN {names.column} {names.type};"
    default = f"ALTER TABLE {names.table} ALTER COLUMN {names.column} SET DEFAULT {names.default};"
    if names.default:
        title = f"Add {names.column_name} as nullable, with its default for new rows only"
        yield Phase(title, PLAN, f"{add}\n{default}")
    else:
        yield Phase(f"Add {names.column_name} as nullable", PLAN, add)
        yield Phase(f"Deploy the application that fills {names.column_name}", DEPLOY)
    left = f"{names.column} IS NULL"
    yield _batches(names, f"{names.column} = {names.default or '…'}", left)
    if names.required:
        yield from _proven_not_null(names)
    else:
        yield _progress(names, left)


def _not_null(names: _Names) -> Iterator[Phase]:
    yield Phase(f"Deploy the application that always fills {names.column_name}", DEPLOY)
    yield _batches(names, f"{names.column} = …", f"{names.column} IS NULL")
    yield from _proven_not_null(names)


_SYNC = """CREATE FUNCTION {function}() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'INSERT' THEN
        NEW.{new} := coalesce(NEW.{new}, NEW.{old}{to_new});
        NEW.{old} := coalesce(NEW.{old}, NEW.{new}{to_old});
    ELSIF NEW.{new} IS DISTINCT FROM OLD.{new} THEN
        NEW.{old} := NEW.{new}{to_old};
    ELSIF NEW.{old} IS DISTINCT FROM OLD.{old} THEN
        NEW.{new} := NEW.{old}{to_new};
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER {trigger} BEFORE INSERT OR UPDATE ON {table} FOR EACH ROW EXECUTE FUNCTION {function}();"""


def _two_columns(names: _Names, *, new_type: str, cast: bool) -> Iterator[Phase]:
    """Both columns side by side, kept the same by a trigger, until nobody uses the old one."""
    function = names.named("sync")
    schema = names.table_name.partition(".")[0]
    function = f"{ident(schema)}.{function}" if schema else function
    to_new, to_old = (f"::{new_type}", f"::{names.old_type}") if cast else ("", "")
    yield Phase(
        f"Add {names.new_name} beside {names.column_name} and keep both the same", PLAN,
        f"ALTER TABLE {names.table} ADD COLUMN {names.new} {new_type};\n"
        + _SYNC.format(
            function=function, trigger=names.named("sync"), table=names.table,
            new=names.new, old=names.column, to_new=to_new, to_old=to_old,
        ),
    )  # fmt: skip
    left = f"{names.new} IS NULL AND {names.column} IS NOT NULL"
    yield _batches(names, f"{names.new} = {names.column}{to_new}", left)
    yield _progress(names, left)
    yield Phase(
        f"Give {names.new_name} what {names.column_name} has: default, indexes, keys, NOT NULL",
        PLAN,
    )
    yield Phase(f"Deploy the application that reads and writes {names.new_name} only", DEPLOY)
    yield Phase(
        f"Remove the trigger and {names.column_name} (its own plan: this cannot be undone)", PLAN,
        f"DROP TRIGGER {names.named('sync')} ON {names.table};\nDROP FUNCTION {function}();\n"
        f"ALTER TABLE {names.table} DROP COLUMN {names.column};",
    )  # fmt: skip


def _renamed_column(names: _Names) -> Iterator[Phase]:
    return _two_columns(names, new_type=names.old_type, cast=False)


def _retyped_column(names: _Names) -> Iterator[Phase]:
    return _two_columns(names, new_type=names.type, cast=True)


def _renamed_table(names: _Names) -> Iterator[Phase]:
    schema = names.table_name.partition(".")[0]
    new = f"{ident(schema)}.{names.new}" if schema else names.new
    yield Phase(
        f"Rename {names.spoken} and leave a view of the old name behind, in one transaction", PLAN,
        f"ALTER TABLE {names.table} RENAME TO {names.new};\n"  # noqa: S608 - for people
        f"CREATE VIEW {names.table} AS SELECT * FROM {new};\n"
        f"-- a view has rights of its own: GRANT those that the table has",
    )  # fmt: skip
    yield Phase(f"Deploy the application that uses {names.new_name}", DEPLOY)
    yield Phase("Remove the view", PLAN, f"DROP VIEW {names.table};")


def _rows(names: _Names) -> Iterator[Phase]:
    yield Phase(
        f"Change the rows of {names.spoken} in batches (a backfill plan)", BACKFILL,
        f"-- as a backfill plan: keyset batches, one short transaction each\n{names.sql};",
    )  # fmt: skip
    if names.condition:
        yield _progress(names, names.condition)
    yield Phase("Add what rests on the new values, such as NOT NULL, when no row is left", PLAN)


def _from_rule(*titles: str) -> Callable[[_Names], Iterator[Phase]]:
    """A series whose statements the rule itself gives: one phase per statement of its safe form."""

    def write(names: _Names) -> Iterator[Phase]:
        for title, statement in zip(titles, parse(names.safe_sql), strict=False):
            yield Phase(title.format(table=names.spoken), PLAN, f"{statement.sql};")

    return write


_KEY = _from_rule(
    "Build the unique index without blocking anybody (not inside a transaction)",
    "Turn the ready index into the constraint; no row is read",
)
_CHECK = _from_rule(
    "Add the rule for new rows only; the rows that are there are not read",
    "Validate the rows that are there, in a plan of its own; reads and writes go on",
)

_SERIES: dict[str, tuple[str, Callable[[_Names], Iterator[Phase]]]] = {
    "rename-column": (PHASED, _renamed_column),
    "type-change-rewrite": (PHASED, _retyped_column),
    "rename-table": (PHASED, _renamed_table),
    "add-required-column": (ADDITIVE, _new_column),
    "add-not-null-column": (ADDITIVE, _new_column),
    "add-volatile-default": (ADDITIVE, _new_column),
    "set-not-null": (ADDITIVE, _not_null),
    "add-foreign-key": (ADDITIVE, _CHECK),
    "add-check": (ADDITIVE, _CHECK),
    "add-unique": (ADDITIVE, _KEY),
    "update-all-rows": (LARGE_DATA, _rows),
    "update-rows": (LARGE_DATA, _rows),
}
"""Rule → its pattern and what writes the series."""
