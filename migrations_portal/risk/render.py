"""Write simple expressions back as SQL, for messages and for statements to copy. Anything odd becomes `…`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from migrations_portal.risk.trees import constant, strings

if TYPE_CHECKING:
    from collections.abc import Callable

    from migrations_portal.risk.parser import Node

_PLAIN = re.compile(r"[a-z_][a-z0-9_$]*\Z")
_FUNCTION_WORDS = {
    "SVFOP_CURRENT_DATE": "CURRENT_DATE", "SVFOP_CURRENT_TIMESTAMP": "CURRENT_TIMESTAMP",
    "SVFOP_CURRENT_TIME": "CURRENT_TIME", "SVFOP_LOCALTIMESTAMP": "LOCALTIMESTAMP",
    "SVFOP_CURRENT_USER": "CURRENT_USER", "SVFOP_SESSION_USER": "SESSION_USER",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Text:
    """An expression that is written out only when a message is read."""

    node: Node | None

    def __str__(self) -> str:
        """Write the expression."""
        return render(self.node) if self.node else "NULL"

    def __format__(self, spec: str) -> str:
        """Write the expression into a message."""
        return format(str(self), spec)


def ident(name: str) -> str:
    """Quote a name when PostgreSQL needs it quoted; what is no single name stays as it is."""
    return (
        name
        if _PLAIN.match(name) or name[:1] in ('"', "(", "<")
        else '"' + name.replace('"', '""') + '"'
    )


def render(node: Node) -> str:
    """Write an expression as SQL."""
    [(kind, body)] = node.items()
    writer = _WRITERS.get(kind)
    return writer(body) if writer is not None else "…"


def _constant(body: Node) -> str:
    if body.get("isnull"):
        return "NULL"
    value = constant({"A_Const": body}) or ""
    return "'" + value.replace("'", "''") + "'" if "sval" in body else value.lower()


def _call(body: Node) -> str:
    arguments = "*" if body.get("agg_star") else ", ".join(map(render, body.get("args", ())))
    name = strings(body["funcname"])
    return f"{'.'.join(n for n in name if n != 'pg_catalog')}({arguments})"


def _operator(body: Node) -> str:
    name = strings(body.get("name", []))[-1:] or ["?"]
    left = f"{render(body['lexpr'])} " if "lexpr" in body else ""
    right = body.get("rexpr", {})
    return f"{left}{name[0]} {render(right)}" if "List" not in right else "…"


def _cast(body: Node) -> str:
    names = [n for n in strings(body["typeName"]["names"]) if n != "pg_catalog"]
    return f"{render(body['arg'])}::{'.'.join(names)}{'[]' if 'arrayBounds' in body['typeName'] else ''}"


def _boolean(body: Node) -> str:
    word = {"AND_EXPR": " AND ", "OR_EXPR": " OR "}.get(body["boolop"])
    parts = [render(arg) for arg in body["args"]]
    return f"NOT {parts[0]}" if word is None else "(" + word.join(parts) + ")"


def _null_test(body: Node) -> str:
    word = "IS NULL" if body.get("nulltesttype") == "IS_NULL" else "IS NOT NULL"
    return f"{render(body['arg'])} {word}"


_WRITERS: dict[str, Callable[[Node], str]] = {
    "A_Const": _constant,
    "FuncCall": _call,
    "A_Expr": _operator,
    "TypeCast": _cast,
    "BoolExpr": _boolean,
    "NullTest": _null_test,
    "ColumnRef": lambda body: ".".join(ident(part) for part in strings(body["fields"])),
    "SQLValueFunction": lambda body: _FUNCTION_WORDS.get(body.get("op", ""), "…"),
}
