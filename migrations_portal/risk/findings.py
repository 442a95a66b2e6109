"""What the engine returns: findings, the judgement of each statement, and the assessment of the whole."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from migrations_portal.risk.levels import Level
from migrations_portal.risk.locks import MODES
from migrations_portal.risk.render import ident
from migrations_portal.risk.reversibility import Reversibility, worst
from migrations_portal.risk.rulebook import RULES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from migrations_portal.risk.forecast import Forecast
    from migrations_portal.risk.locks import Lock


class _Gap(str):
    """A place holder that has no value."""

    __slots__ = ()

    def __format__(self, ending: str) -> str:
        return "<" + str(self) + ending + ">"


class _Gaps(dict[str, object]):
    """Leaves a place holder that has no value visible as its own name, and remembers it."""

    gaps = 0

    def __missing__(self, key: str) -> str:
        self.gaps += 1
        return _Gap(key)


class _Name(str):
    """A name that writes itself quoted where SQL needs it; `{column:_set}` is the name with an ending."""

    __slots__ = ()

    def __format__(self, ending: str) -> str:
        return ".".join(ident(part) for part in (str(self) + ending).split("."))


class _Names(str):
    """A list of names, joined by commas."""

    __slots__ = ()

    def __format__(self, ending: str) -> str:
        return ", ".join(ident(str(part)) for part in self.split(", "))


_WRITTEN = dict.fromkeys(
    (
        "table",
        "target",
        "parent",
        "partition",
        "column",
        "constraint",
        "index",
        "name",
        "new",
        "view",
        "sequence",
        "key",
        "rule_name",
        "owner",
    ),
    _Name,
) | {"columns": _Names}


def _as_sql(values: Mapping[str, object]) -> _Gaps:
    return _Gaps(
        {key: _WRITTEN[key](value) if key in _WRITTEN else value for key, value in values.items()}
    )


def _filled(text: str, values: Mapping[str, object]) -> str:
    return text.format_map(_Gaps(values)) if "{" in text else text


class Finding(Struct, frozen=True):
    """One thing an approver should know, with the rule behind it. The words are written when they are asked for."""

    rule: str
    level: Level
    values: Mapping[str, object] = MappingProxyType({})
    line: int = 0
    column: int = 0

    @property
    def title(self) -> str:
        """The hazard in a few words."""
        return RULES[self.rule].title

    @property
    def message(self) -> str:
        """What this statement does, with its names filled in."""
        return _filled(RULES[self.rule].message, self.values)

    @property
    def advice(self) -> str:
        """What to do instead, in one or two sentences."""
        return _filled(RULES[self.rule].safe_way, self.values)

    @property
    def safe_sql(self) -> str:
        """The statements to write instead, ready to copy; empty when there are none or a part of them is not known."""
        text = RULES[self.rule].safe_sql
        if "{" not in text:
            return text
        values = _as_sql(self.values)
        text = text.format_map(values)
        return "" if values.gaps or "…" in text else text

    @property
    def url(self) -> str:
        """The page of the rule."""
        return f"/rules/{self.rule}/"

    def as_json(self) -> dict[str, Any]:
        """The shape of the API and of `manage.py assess --format json`."""
        return {
            "rule": self.rule,
            "level": self.level.value,
            "message": self.message,
            "advice": self.advice,
            "safe_sql": self.safe_sql,
        }


class StatementRisk(Struct, frozen=True):
    """The judgement of one statement: locks per table that existed before it, work, and findings."""

    file: str
    line: int
    column: int
    sql: str
    level: Level
    held: Mapping[str, Lock]
    rewrites: tuple[str, ...]
    scans: tuple[str, ...]
    findings: tuple[Finding, ...]
    tables: tuple[str, ...] = ()
    """Tables the statement works on, whether they are live or made by this migration."""
    forecast: Forecast | None = None
    reversibility: Reversibility = Reversibility.GREEN
    views: tuple[str, ...] = ()
    """Views that are locked or rebuilt with the statement."""

    @property
    def locks(self) -> dict[str, str]:
        """`schema.table` → the strongest mode taken, in the words of `pg_locks.mode`."""
        return {table: MODES[lock] for table, lock in self.held.items()}

    def as_json(self) -> dict[str, Any]:
        """The shape of the API and of `manage.py assess --format json`."""
        return {
            "file": self.file,
            "line": self.line,
            "sql": self.sql,
            "level": self.level.value,
            "locks": self.locks,
            "rewrites": list(self.rewrites),
            "scans": list(self.scans),
            "reversibility": self.reversibility.value,
            "findings": [finding.as_json() for finding in self.findings],
        }


class Assessment(Struct, frozen=True):
    """What static analysis says about a migration: one level, and why."""

    level: Level
    phi: bool
    pattern: str
    statements: tuple[StatementRisk, ...]
    findings: tuple[Finding, ...]
    """Findings about the whole: transactions, the way back, unusable input."""
    tables: tuple[str, ...]
    phi_tables: tuple[str, ...] = ()
    down: tuple[StatementRisk, ...] = ()
    series: tuple[str, ...] = ()
    """The plans that the pattern asks for, in order."""

    @property
    def reason(self) -> str:
        """One sentence: what makes the level."""
        level = self.level
        if level is Level.LOW:
            return f"{level}: no statement locks out reads or writes for longer than an instant, or takes data away."
        for statement in self.statements:
            for finding in statement.findings:
                if finding.level is level:
                    place = f"line {statement.line} of {statement.file}"
                    return f"{level} because of {place}. {finding.message}"
        [first, *_] = [finding for finding in self.findings if finding.level is level]
        return f"{level}: {first.message}"

    @property
    def reversibility(self) -> Reversibility:
        """How far the whole can be undone: as far as its worst statement."""
        return worst(statement.reversibility for statement in self.statements)

    @property
    def unusable(self) -> bool:
        """Whether some of the input could not be read as SQL at all."""
        found = [*self.findings, *(f for s in self.statements for f in s.findings)]
        return any(RULES[finding.rule].unusable for finding in found)

    def as_json(self) -> dict[str, Any]:
        """The shape of the API and of `manage.py assess --format json`."""
        return {
            "level": self.level.value,
            "phi": self.phi,
            "pattern": self.pattern,
            "reason": self.reason,
            "reversibility": self.reversibility.value,
            "tables": list(self.tables),
            "phi_tables": list(self.phi_tables),
            "statements": [statement.as_json() for statement in self.statements],
            "findings": [finding.as_json() for finding in self.findings],
            "down": [statement.as_json() for statement in self.down],
        }
