"""Parse trees back into SQL, with the parser's own writer."""

from __future__ import annotations

import re
from functools import lru_cache
from importlib import import_module
from typing import TYPE_CHECKING, Any

from msgspec import json
from postgast import PgQueryError, deparse

if TYPE_CHECKING:
    from migrations_portal.risk.parser import Node

# Imported by name: its type hints are in the words of a newer Python.
_messages: Any = import_module("postgast.pg_query_pb2")
_GRAMMAR = 180_000
"""The version of PostgreSQL whose grammar the trees follow."""
REMEMBERED = 2_000


def written(kind: str, node: Node) -> str:
    """Write a tree as SQL; an ellipsis where the library cannot."""
    tree = json.encode({"version": _GRAMMAR, "stmts": [{"stmt": {kind: node}}]})
    # Where a node stood is not written; without it the same type or literal elsewhere is the same text, and remembered.
    return _written(_LOCATION.sub(b"", tree))


_LOCATION = re.compile(rb',"location":-?\d+')
_KEY = re.compile(rb'"\w+":')
"""In a string of the tree the quotes would be escaped, so that only keys match."""


@lru_cache(maxsize=REMEMBERED)
def _written(statement: bytes) -> str:
    try:
        # The library's messages are filled in C when the keys are those of its fields; its reader of JSON takes 20 times as long.
        fields = json.decode(_KEY.sub(_field, statement))
        return str(deparse(_messages.ParseResult(**fields)))
    except (PgQueryError, RecursionError, TypeError, ValueError):
        return "…"


def _field(key: re.Match[bytes]) -> bytes:
    """Take a key of the tree (`AlterTableStmt`) to the name of the field (`alter_table_stmt`)."""
    return _field_names().get(key[0], key[0])


@lru_cache(maxsize=1)
def _field_names() -> dict[bytes, bytes]:
    names: dict[str, str] = {}
    seen: set[str] = set()
    waiting = [_messages.ParseResult.DESCRIPTOR]
    while waiting:
        message = waiting.pop()
        if message.full_name in seen:
            continue
        seen.add(message.full_name)
        names.update((f.json_name, f.name) for f in message.fields if f.json_name != f.name)
        waiting += [f.message_type for f in message.fields if f.message_type is not None]
    return {f'"{key}":'.encode(): f'"{name}":'.encode() for key, name in names.items()}
