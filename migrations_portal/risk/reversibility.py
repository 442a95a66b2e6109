"""How far a statement can be undone: by its opposite, only with what was there before, or only from the backup.

The grades and the rule that destroyed data is at least HIGH are those of the safety rules (level rule, "irreversibility"). What
counts as the captured image of the data is the proven backup that every run takes before it changes anything.
"""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING

from migrations_portal.risk.rulebook import RULES

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from migrations_portal.risk.findings import Finding
    from migrations_portal.risk.parser import Node


class Reversibility(enum.StrEnum):
    """How far a change can be undone, the best first."""

    GREEN = "GREEN"
    """Nothing to undo, or the opposite statement undoes it: CREATE and DROP, ADD and DROP, RENAME and RENAME back."""
    YELLOW = "YELLOW"
    """No value is destroyed, but undoing takes what the statement does not say: a definition, a former setting, which rows."""
    UNKNOWN = "UNKNOWN"
    """What it does cannot be seen before it runs."""
    RED = "RED"
    """It destroys data: only the backup brings the values back."""

    __hash__ = str.__hash__

    @property
    def title(self) -> str:  # type: ignore[override]  # a word of the product, not str.title
        """The grade as people read it."""
        return _TITLES[self]

    @property
    def rank(self) -> int:
        """The place in the order: 0 for GREEN to 3 for RED."""
        return _RANK[self]


GREEN, YELLOW, UNKNOWN, RED = Reversibility
_TITLES = {
    GREEN: "Can be undone",
    YELLOW: "Can be undone with care",
    UNKNOWN: "Not known whether it can be undone",
    RED: "Cannot be undone without the backup",
}
_RANK = {GREEN: 0, YELLOW: 1, UNKNOWN: 2, RED: 3}

_OPPOSITE = frozenset({
    "CreateStmt", "CreateForeignTableStmt", "CreateTableAsStmt", "ViewStmt", "IndexStmt", "CreateEnumStmt",
    "CreateDomainStmt", "CompositeTypeStmt", "CreateRangeStmt", "CreateCastStmt", "CreateFunctionStmt", "CreateTrigStmt",
    "RuleStmt", "CreatePolicyStmt", "CreateStatsStmt", "CreatePublicationStmt", "CreateSubscriptionStmt", "CreateRoleStmt",
    "CreateSchemaStmt", "CreateSeqStmt", "CreateExtensionStmt", "CreateEventTrigStmt", "CreateFdwStmt",
    "CreateForeignServerStmt", "CreateUserMappingStmt", "CreateOpClassStmt", "CreateOpFamilyStmt", "CreateConversionStmt",
    "CreateAmStmt", "CreatePLangStmt", "CreateTransformStmt", "CreateTableSpaceStmt", "CreatedbStmt", "DefineStmt",
    "ImportForeignSchemaStmt", "RenameStmt", "AlterObjectSchemaStmt"
})  # fmt: skip
_NOTHING_TO_UNDO = frozenset({
    "SelectStmt", "ExplainStmt", "PrepareStmt", "ExecuteStmt", "DeclareCursorStmt", "FetchStmt", "ClosePortalStmt",
    "DeallocateStmt", "DiscardStmt", "VariableSetStmt", "VariableShowStmt", "TransactionStmt", "ConstraintsSetStmt",
    "ListenStmt", "UnlistenStmt", "NotifyStmt", "VacuumStmt", "LockStmt", "CheckPointStmt", "LoadStmt", "ReindexStmt",
    "ClusterStmt", "RefreshMatViewStmt"
})  # fmt: skip
_EASY = _OPPOSITE | _NOTHING_TO_UNDO
_REPLACED = frozenset(
    {"ViewStmt", "CreateFunctionStmt", "CreateTrigStmt", "RuleStmt", "DefineStmt"}
)
"""What can be CREATE OR REPLACE."""
_EASY_COMMANDS = frozenset({
    "AT_AddColumn", "AT_AddConstraint", "AT_AddIdentity", "AT_AddInherit", "AT_AddOf", "AT_AttachPartition",
    "AT_SetNotNull", "AT_DropNotNull", "AT_ValidateConstraint", "AT_SetLogged", "AT_SetUnLogged", "AT_EnableRowSecurity",
    "AT_DisableRowSecurity", "AT_ForceRowSecurity", "AT_NoForceRowSecurity", "AT_EnableTrig", "AT_DisableTrig",
    "AT_EnableTrigAll", "AT_DisableTrigAll", "AT_EnableTrigUser", "AT_DisableTrigUser", "AT_EnableRule", "AT_DisableRule"
})  # fmt: skip
_OPAQUE = frozenset(
    {"not-understood", "dynamic-sql", "do-block", "opaque-function", "opaque-execute"}
) | {rule.id for rule in RULES.values() if rule.unusable}


def graded(
    kind: str, node: Node, commands: Sequence[str], findings: Sequence[Finding]
) -> Reversibility:
    """Grade a statement that destroys nothing; one that changes rows is YELLOW besides. `commands` are what an ALTER TABLE says."""
    if findings and not _OPAQUE.isdisjoint([finding.rule for finding in findings]):
        return UNKNOWN
    if kind == "AlterTableStmt":
        return GREEN if _EASY_COMMANDS.issuperset(commands) else YELLOW
    if kind in _EASY:
        return YELLOW if kind in _REPLACED and node.get("replace") else GREEN
    return YELLOW


def worst(grades: Iterable[Reversibility]) -> Reversibility:
    """Return the worst of these grades; GREEN when there are none."""
    return max(grades, key=_RANK.__getitem__, default=GREEN)
