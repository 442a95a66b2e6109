"""The rules as pages: for each an example, and what the engine itself says of it on every supported server version.

Nothing on a rule's page is written twice: words come from `data/rules.toml`, examples from `data/rule_examples.toml`, locks,
rewrites and the safe form from running the engine on the example.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any

from migrations_portal.risk.dump import schema_from_dump
from migrations_portal.risk.engine import NEWEST_VERSION, OLDEST_VERSION, assess
from migrations_portal.risk.rulebook import RULES
from migrations_portal.risk.scripts import ScriptFile
from migrations_portal.risk.sizes import RelationSize
from migrations_portal.risk.words import in_general, lock_sentences, work_sentences

if TYPE_CHECKING:
    from collections.abc import Iterator

    from migrations_portal.risk.findings import Assessment, Finding
    from migrations_portal.risk.rulebook import Rule
    from migrations_portal.risk.schema import Schema

VERSIONS = range(OLDEST_VERSION, NEWEST_VERSION + 1)
USUAL_VERSION = 17
EXAMPLE_SIZE = RelationSize(rows=4_200_000, bytes=1_900_000_000)
"""How large every table of the examples is."""


@dataclass(frozen=True, slots=True)
class Example:
    """SQL that raises a rule, and how it is run."""

    sql: str
    """As it is shown; an ellipsis stands for `filler`, `times` times over, and ␀ for a NUL byte."""
    down: str = ""
    file: str = "migration.sql"
    together: bool | None = None
    """Whether one transaction holds all of it; None when the tool decides."""
    pg: int = USUAL_VERSION
    schema: bool = True
    """Whether the schema of the target is known to the assessment."""
    filler: str = ""
    times: int = 0

    @property
    def text(self) -> str:
        """The SQL as the engine gets it."""
        return self.sql.replace("…", self.filler * self.times).replace("␀", "\0")


@dataclass(frozen=True, slots=True)
class Effect:
    """What the example does on some server versions."""

    versions: tuple[int, ...]
    raised: bool
    sentences: tuple[str, ...]

    @property
    def label(self) -> str:
        """The versions in words: "PostgreSQL 13 to 18", "PostgreSQL 13, 14 and 18"."""
        first, last = self.versions[0], self.versions[-1]
        if len(self.versions) == 1:
            return f"PostgreSQL {first}"
        if last - first == len(self.versions) - 1:
            return f"PostgreSQL {first} to {last}"
        return f"PostgreSQL {', '.join(map(str, self.versions[:-1]))} and {last}"


@dataclass(frozen=True, slots=True)
class RulePage:
    """Everything that a rule's page shows."""

    rule: Rule
    example: Example | None
    message: str
    """What the assessment says of the example; of anything, when there is no example."""
    advice: str
    safe_sql: str
    effects: tuple[Effect, ...]


def _text(name: str) -> str:
    return resources.files("migrations_portal.risk").joinpath(f"data/{name}").read_text("utf-8")


@cache
def examples() -> dict[str, Example]:
    """The examples by rule; what nobody knows yet has none."""
    return {name: Example(**said) for name, said in tomllib.loads(_text("rule_examples.toml")).items()}  # fmt: skip


@cache
def _schema() -> Schema:
    schema = schema_from_dump(_text("example_schema.sql"))
    schema.sizes = {oid: EXAMPLE_SIZE for oid, each in schema.relations.items() if each.kind in "rpm"}  # fmt: skip
    return schema


def assessed(example: Example, *, version: int | None = None) -> Assessment:
    """Let the engine judge an example."""
    return assess(
        [ScriptFile(example.file, example.text, example.together)],
        down=[ScriptFile(example.file, example.down)] if example.down else [],
        schema=_schema() if example.schema else None,
        server_version=version or example.pg,
    )


def _of_rule(said: Assessment, rule: str) -> Finding | None:
    statements = (*said.statements, *said.down)
    found = [*said.findings, *(each for one in statements for each in one.findings)]
    return next((each for each in found if each.rule == rule), None)


@cache
def page(rule_id: str) -> RulePage:
    """Return a rule's page; raises `KeyError` for an id that there is not."""
    rule = RULES[rule_id]
    example = examples().get(rule_id)
    if example is None:
        return RulePage(rule, None, in_general(rule.message), in_general(rule.safe_way), "", ())
    found = _of_rule(assessed(example), rule_id)
    if found is None:
        return RulePage(rule, example, in_general(rule.message), in_general(rule.safe_way), "", ())
    return RulePage(
        rule, example, found.message, found.advice, found.safe_sql, tuple(_effects(example, rule_id))
    )  # fmt: skip


def _effects(example: Example, rule_id: str) -> Iterator[Effect]:
    """What it does on each version; neighbours that do the same are told together."""
    same: dict[tuple[bool, tuple[str, ...]], list[int]] = {}
    for version in VERSIONS:
        said = assessed(example, version=version)
        raised = _of_rule(said, rule_id) is not None
        same.setdefault((raised, tuple(_sentences(said, rule_id))), []).append(version)
    for (raised, sentences), versions in same.items():
        yield Effect(tuple(versions), raised, sentences)


def _sentences(said: Assessment, rule_id: str) -> Iterator[str]:
    """What the statement does that raises the rule; what all of them do when the rule is about the whole."""
    own = [s for s in said.statements if any(f.rule == rule_id for f in s.findings)]
    for each in own or said.statements:
        shown: dict[str, Any] = {
            "rewrites": each.rewrites, "scans": each.scans,
            "table_rows": dict.fromkeys((*each.rewrites, *each.scans), EXAMPLE_SIZE.rows),
        }  # fmt: skip
        yield from lock_sentences(each.locks)
        yield from work_sentences(shown)


def found(text: str) -> list[Rule]:
    """The rules in which all words of a search occur, in the order of the rule book."""
    words = text.lower().split()
    return [rule for rule in RULES.values() if all(word in _searchable(rule) for word in words)]


@cache
def _searchable(rule: Rule) -> str:
    example = examples().get(rule.id)
    parts = (rule.id, rule.area, rule.level, rule.title, rule.message, rule.why, rule.safe_way)
    return " ".join([*parts, example.sql if example else ""]).lower()
