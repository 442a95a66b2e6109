"""Write names, expressions, types and whole statements back as SQL, for messages and for statements to copy.

A finding keeps the tree; the words are made when somebody reads them.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

from msgspec import Struct

from migrations_portal.risk.parser import is_column_name
from migrations_portal.risk.writing import written

if TYPE_CHECKING:
    from migrations_portal.risk.parser import Node

_PLAIN = re.compile(r"[a-z_][a-z0-9_$]*\Z")
_NO_KEYWORD = re.compile(r"[a-z_]*[0-9$]")
"""PostgreSQL's keywords are made of letters and underscores: what has a digit needs no look at the grammar."""


class Text(Struct, frozen=True):
    """An expression."""

    node: Node | None

    def __str__(self) -> str:
        """Write the expression."""
        return expression(self.node) if self.node else "NULL"

    def __format__(self, spec: str) -> str:
        """Write the expression into a message."""
        return format(str(self), spec)


class TypeText(Struct, frozen=True):
    """The type that a column definition names."""

    node: Node

    def __str__(self) -> str:
        """Write the type."""
        null: Node = {"A_Const": {"isnull": True}}
        return expression({"TypeCast": {"arg": null, "typeName": self.node}}).removeprefix("NULL::")

    def __format__(self, spec: str) -> str:
        """Write the type into a message."""
        return format(str(self), spec)


class Sql(Struct, frozen=True):
    """Whole statements, each ended by a semicolon on a line of its own."""

    statements: tuple[tuple[str, Node], ...]

    def __str__(self) -> str:
        """Write the statements."""
        return "\n".join(f"{written(kind, node)};" for kind, node in self.statements)

    def __format__(self, spec: str) -> str:
        """Write the statements into a message."""
        return format(str(self), spec)


def sql(kind: str, node: Node) -> Sql:
    """One statement."""
    return Sql(((kind, node),))


@lru_cache(maxsize=4096)
def ident(name: str) -> str:
    """Quote a name when PostgreSQL needs it quoted; what is no single name stays as it is."""
    if name[:1] in ('"', "(", "<") or (
        _PLAIN.match(name) and (_NO_KEYWORD.match(name) or is_column_name(name))
    ):
        return name
    return '"' + name.replace('"', '""') + '"'


def expression(node: Node) -> str:
    """Write an expression."""
    select = {
        "targetList": [{"ResTarget": {"val": node}}],
        "limitOption": "LIMIT_OPTION_DEFAULT", "op": "SETOP_NONE",
    }  # fmt: skip
    return written("SelectStmt", select).removeprefix("SELECT ")
