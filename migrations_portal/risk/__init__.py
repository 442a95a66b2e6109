"""The risk engine: SQL in, one level with reasons out. Pure Python on PostgreSQL's own parser; no database is touched.

    assessment = assess([ScriptFile("a.sql", "ALTER TABLE students ADD COLUMN nick text")], phi_tables=["students"])

`levels`, `locks`, `findings`, `rulebook` are the words; `parser` is the only door to the parser; `schema` and `dump` are the
context; `statements` and `handlers/` say what each kind of statement does; `engine` puts an assessment together.
"""

from migrations_portal.risk.dump import schema_from_dump
from migrations_portal.risk.engine import assess
from migrations_portal.risk.findings import Assessment, Finding, StatementRisk
from migrations_portal.risk.levels import Level
from migrations_portal.risk.reversibility import Reversibility
from migrations_portal.risk.rulebook import RULES, Rule
from migrations_portal.risk.schema import Schema
from migrations_portal.risk.scripts import ScriptFile
from migrations_portal.risk.sizes import RelationSize

__all__ = [
    "RULES",
    "Assessment",
    "Finding",
    "Level",
    "RelationSize",
    "Reversibility",
    "Rule",
    "Schema",
    "ScriptFile",
    "StatementRisk",
    "assess",
    "schema_from_dump",
]
