"""What no `down` brings back: values that a statement overwrites, or shortens to fit a new type."""

from __future__ import annotations

from typing import TYPE_CHECKING

from migrations_portal.risk.bounds import conjuncts
from migrations_portal.risk.handlers.changes import set_columns
from migrations_portal.risk.handlers.conditions import is_null_test
from migrations_portal.risk.trees import strings

if TYPE_CHECKING:
    from migrations_portal.risk.analysis import Analysis
    from migrations_portal.risk.objects import Relation, TypeRef
    from migrations_portal.risk.parser import Node

_CHANGES = frozenset({"CMD_UPDATE", "CMD_DELETE"})
_WHOLE = frozenset({"int2", "int4", "int8"})
_INSTANTS = frozenset({"timestamp", "timestamptz"})
_CLOCKS = _INSTANTS | {"time", "timetz", "interval"}
_TEXTS = frozenset({"text", "varchar", "bpchar"})
_FINEST = 6
"""Digits after the second where a type names none."""


def overwrites(
    analysis: Analysis, target: Relation, kind: str, body: Node, where: Node | None
) -> bool:
    """Whether rows go, or values that were there before this migration are written over."""
    if kind == "DeleteStmt":
        return True
    if kind == "UpdateStmt":
        names = _kept_before(analysis, target, body.get("targetList", []))
        facts = conjuncts(where) if where is not None else []
        return any(not any(is_null_test(fact, name) for fact in facts) for name in names)
    if kind == "InsertStmt":
        conflict = body.get("onConflictClause", {})
        return conflict.get("action") == "ONCONFLICT_UPDATE" and bool(
            _kept_before(analysis, target, conflict.get("targetList", []))
        )
    clauses = [item["MergeWhenClause"] for item in body.get("mergeWhenClauses", ())]
    return any(clause.get("commandType") in _CHANGES for clause in clauses)


def _kept_before(analysis: Analysis, target: Relation, targets: list[Node]) -> set[str]:
    """The columns that are set and that this migration has not added."""
    return {c for c in set_columns(targets) if (target.oid, c) not in analysis.new_columns}


def shortens(column: str, old: TypeRef | None, new: TypeRef, using: Node | None) -> bool:
    """Whether a change of type may lose a part of the values, so that the old type does not bring them back."""
    if using is not None and not _is_column(using.get("TypeCast", {}).get("arg", using), column):
        return True
    if old is None or old.array != new.array:
        return False
    if old.name in _INSTANTS and new.name in {"date", "time", "timetz"}:
        return True
    if old.name in {"numeric", "float4", "float8"}:
        return _coarser_number(old, new)
    if old.name in _CLOCKS and new.name in _CLOCKS:
        return bool(new.mods) and new.mods[-1] < (old.mods[-1] if old.mods else _FINEST)
    cut = using is not None and old.name in _TEXTS and new.name in _TEXTS and bool(new.mods)
    return cut and (not old.mods or new.mods[0] < old.mods[0])  # without USING, PostgreSQL refuses


def _coarser_number(old: TypeRef, new: TypeRef) -> bool:
    if new.name in _WHOLE or (old.name, new.name) == ("float8", "float4"):
        return True
    if old.name == "numeric" and new.name in {"float4", "float8"}:
        return True
    if new.name != "numeric" or not new.mods:
        return False
    return old.name != "numeric" or not old.mods or _scale(new) < _scale(old)


def _scale(ref: TypeRef) -> int:
    return ref.mods[1] if len(ref.mods) > 1 else 0


def _is_column(node: Node, column: str) -> bool:
    fields = node.get("ColumnRef", {}).get("fields", [])
    return strings(fields)[-1:] == [column]
