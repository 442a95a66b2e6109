"""Whether an UPDATE or DELETE names its rows at all: a WHERE that holds for every row is no WHERE.

A condition is true, false, or unknown to us. Only what no row can contradict counts as true: literals, a NOT NULL column against
itself, a key among the keys of its own table, EXISTS of a query that always has a row. Source: three-valued logic of SQL.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from migrations_portal.risk.handlers.conditions import compared
from migrations_portal.risk.trees import constant, strings, walk

if TYPE_CHECKING:
    from collections.abc import Callable

    from migrations_portal.risk.analysis import Analysis
    from migrations_portal.risk.objects import Relation
    from migrations_portal.risk.parser import Node

_SYSTEM_COLUMNS = frozenset({"ctid", "tableoid", "xmin", "xmax", "cmin", "cmax"})
"""Never NULL, on any table."""
_REFLEXIVE = {"=": True, "<=": True, ">=": True, "<>": False, "<": False, ">": False}
"""What comparing a value that is not NULL with itself gives."""
_ANY_STRING = frozenset({"~~", "~~*"})
_FEWER_ROWS = (
    "whereClause",
    "havingClause",
    "groupClause",
    "limitCount",
    "limitOffset",
    "larg",
    "lockingClause",
)  # codespell:ignore
"""What may keep a query from giving every row of its FROM."""


def chosen(analysis: Analysis, target: Relation, body: Node) -> bool:
    """Whether an UPDATE or DELETE means every row of its target: no condition, a true one, or one about other tables only."""
    where = body.get("whereClause")
    if where is None:
        return True
    reading = _Rows(analysis, target, body["relation"])
    if reading.truth(where) is True:
        return True
    others = "fromClause" in body or "usingClause" in body
    return others and not reading.mentioned(where)


class _Rows:
    """The rows of one target, as a condition speaks of them."""

    def __init__(self, analysis: Analysis, target: Relation, name: Node) -> None:
        self.analysis, self.target = analysis, target
        self.name: str = name.get("alias", {}).get("aliasname", name["relname"])

    def truth(self, node: Node) -> bool | None:
        """Say what the condition is for every row; None when that differs, or cannot be seen."""
        [(kind, body)] = node.items()
        judge = _JUDGES.get(kind)
        return None if judge is None else judge(self, body)

    def mentioned(self, where: Node) -> bool:
        """Whether the condition may depend on the target's rows."""
        for kind, body in walk(where):
            if kind == "SubLink":
                return True
            if kind == "ColumnRef":
                *place, column = strings(body["fields"])
                if self.name in place or (not place and self._may_own(column)):
                    return True
        return False

    def _may_own(self, column: str) -> bool:
        return self.target.assumed or column in self.target.columns or column == "*"

    def column(self, node: Node | None) -> str | None:
        """Return the name of the target's column that never is NULL; None for anything else."""
        reference = (node or {}).get("ColumnRef")
        if reference is None:
            return None
        *place, column = strings(reference["fields"])
        if place and place[-1] != self.name:
            return None
        if column in _SYSTEM_COLUMNS:
            return column
        known = self.target.columns.get(column)
        return column if known is not None and known.not_null else None

    def is_target(self, source: Node) -> bool:
        """Whether an item of a FROM is the target's own table."""
        name = source.get("RangeVar")
        if name is None or "tablesample" in name:
            return False
        return self.analysis.lookup(name.get("schemaname"), name["relname"]) is self.target


def _literal(rows: _Rows, body: Node) -> bool | None:
    value = body.get("boolval")
    return None if value is None else bool(value.get("boolval"))


def _logic(rows: _Rows, body: Node) -> bool | None:
    parts = [rows.truth(part) for part in body["args"]]
    word = body["boolop"]
    if word == "NOT_EXPR":
        return None if parts[0] is None else not parts[0]
    decides: bool = word == "OR_EXPR"
    if decides in parts:
        return decides
    return None if None in parts else not decides


def _comparison(rows: _Rows, body: Node) -> bool | None:
    kind, name = body.get("kind"), strings(body["name"])[-1]
    left, right = body.get("lexpr"), body.get("rexpr")
    one, other = constant(left), constant(right)
    if kind == "AEXPR_OP" and one is not None and other is not None:
        return compared(name, one, other)
    column = rows.column(left)
    if column is None:
        return None
    if kind == "AEXPR_OP" and column == rows.column(right):
        return _REFLEXIVE.get(name)
    if kind in ("AEXPR_LIKE", "AEXPR_ILIKE") and name in _ANY_STRING and other:
        return True if not other.strip("%") else None
    return None


def _null_test(rows: _Rows, body: Node) -> bool | None:
    return (
        None
        if rows.column(body["arg"]) is None
        else bool(body.get("nulltesttype") == "IS_NOT_NULL")
    )


def _boolean_test(rows: _Rows, body: Node) -> bool | None:
    inner = rows.truth(body["arg"])
    said = {"IS_TRUE": True, "IS_NOT_FALSE": True, "IS_FALSE": False, "IS_NOT_TRUE": False}
    wanted = said.get(body.get("booltesttype", ""))
    return None if inner is None or wanted is None else inner is wanted


def _subquery(rows: _Rows, body: Node) -> bool | None:
    select = body["subselect"].get("SelectStmt", {})
    sources = select.get("fromClause", [])
    if any(field in select for field in _FEWER_ROWS) or len(sources) > 1:
        return None
    own = bool(sources) and rows.is_target(sources[0])
    kind = body.get("subLinkType")
    if kind == "EXISTS_SUBLINK":
        return True if "targetList" in select and (own or not sources) else None
    column = rows.column(body.get("testexpr"))
    taken = select.get("targetList", [])
    if kind != "ANY_SUBLINK" or "operName" in body or not own or len(taken) != 1 or column is None:
        return None
    given = taken[0]["ResTarget"]["val"].get("ColumnRef")
    return True if given is not None and strings(given["fields"])[-1] == column else None


_JUDGES: dict[str, Callable[[_Rows, Node], bool | None]] = {
    "A_Const": _literal, "BoolExpr": _logic, "A_Expr": _comparison, "NullTest": _null_test,
    "BooleanTest": _boolean_test, "SubLink": _subquery,
}  # fmt: skip
