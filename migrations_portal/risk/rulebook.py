"""The rules by id, read once from `data/rules.toml`: floor level, words, and the safe way to write it.

Levels follow the strategy's risk table; hazards, locks and their sources are listed in docs/reference/risk-rules.md.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path

from migrations_portal.risk.levels import Level


@dataclass(frozen=True, slots=True)
class Rule:
    """One hazard. `message`, `safe_way` and `safe_sql` hold {names} that a finding fills in."""

    id: str
    area: str
    level: Level
    title: str
    message: str
    why: str
    safe_way: str
    safe_sql: str
    unusable: bool = False
    """The input could not be read as SQL at all."""


def _read() -> dict[str, Rule]:
    text = Path(__file__).with_name("data").joinpath("rules.toml").read_text("utf-8")
    return {
        name: Rule(id=name, **(fields | {"level": Level(fields["level"])}))
        for name, fields in tomllib.loads(text).items()
    }


RULES = _read()
