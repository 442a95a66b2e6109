"""Which of the strategy's three migration patterns the change belongs to, and the plans that the pattern asks for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from migrations_portal.risk.levels import LOW
from migrations_portal.risk.rulebook import RULES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from migrations_portal.risk.findings import Finding
    from migrations_portal.risk.judge import Step

ADDITIVE = "additive changes"
PHASED = "rename or type change in phases"
LARGE_DATA = "large data migration"
NONE = ""

_PHASED_RULES = frozenset({
    "rename-column", "rename-table", "rename-view", "set-schema", "rename-schema", "rename-enum-value", "rename-type",
    "type-change-rewrite", "type-change-free", "type-change-scan", "type-change-blocked",
})  # fmt: skip
_DATA_RULES = frozenset({
    "update-all-rows", "update-rows", "delete-rows", "delete-all-rows", "insert-select", "merge-rows", "copy-from",
    "insert-rows", "program-reads-rows",
})  # fmt: skip
_ADDING = frozenset({
    "CreateStmt", "CreateEnumStmt", "CreateDomainStmt", "CompositeTypeStmt", "IndexStmt", "CommentStmt", "CreateSeqStmt",
    "CreateSchemaStmt", "CreateStatsStmt", "ViewStmt", "VariableSetStmt", "TransactionStmt", "SelectStmt", "AlterTableStmt",
})  # fmt: skip
_STILL_ADDITIVE = frozenset({"foreign-key-on-new-table"})
_ADDITIVE_COMMANDS = frozenset(
    {"AT_AddColumn", "AT_AddConstraint", "AT_ValidateConstraint", "AT_ColumnDefault"}
)


def advise(steps: Sequence[Step]) -> tuple[str, tuple[str, ...]]:
    """Name the pattern and the plans of its series; both empty where the strategy has no pattern for the change."""
    data: Finding | None = None
    for step in steps:
        for finding in step.risk.findings:
            if finding.rule in _PHASED_RULES:
                return PHASED, _phases(finding)
            if data is None and finding.rule in _DATA_RULES:
                data = finding
    if data is not None:
        return LARGE_DATA, _batches(data)
    if steps and all(_adds(step) for step in steps):
        return ADDITIVE, ()
    return NONE, ()


def _adds(step: Step) -> bool:
    if any(
        f.rule not in _STILL_ADDITIVE and RULES[f.rule].level is not LOW for f in step.risk.findings
    ):
        return False
    if step.kind == "DoStmt":
        return True
    if step.kind not in _ADDING:
        return False
    return _ADDITIVE_COMMANDS.issuperset(step.commands)


def _phases(finding: Finding) -> tuple[str, ...]:
    values = finding.values
    table = values.get("table", values.get("name", "the table"))
    if "column" not in values:
        new = values.get("new", "the new name")
        return (
            f"Make {new} beside {table}, or leave a view of the old name behind",
            f"Deploy the application that uses {new}",
            f"Remove what is left of {table}",
        )
    column = values["column"]
    new = values.get("new", f"{column}_new")
    return (
        f"Add {new} to {table} and keep both columns the same with a trigger",
        f"Fill {new} in batches",
        f"Deploy the application that reads and writes {new}",
        f"Remove the trigger and {column} from {table}",
    )


def _batches(finding: Finding) -> tuple[str, ...]:
    table = finding.values.get("table") or finding.values.get("tables") or "the table"
    return (
        f"Change the schema of {table} alone, where it has to change",
        f"Change the rows of {table} with a backfill plan, in keyset batches",
        f"Verify that no row of {table} is left, then add what rests on it",
    )
