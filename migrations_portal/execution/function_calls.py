"""Which functions a statement calls that are not proven to leave the database as it is. Pure: it reads the text only.

Proven are those of PostgreSQL's own functions that `read_only_functions.txt` names: the stable and immutable ones, and a few
that are called volatile only because their answer changes (`random`). A function of the database's own counts as writing,
whatever it says of itself: a stable one may call a volatile one. Cannot see what a view, an operator or a rule calls.
"""

from collections.abc import Iterator
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from migrations_portal.risk.parser import parse

UNREADABLE = "?"
"""Stands for the calls of a text that cannot be parsed."""
_NAMES = Path(__file__).with_name("read_only_functions.txt")
_CATALOGUE = "pg_catalog"


@cache
def read_only() -> frozenset[str]:
    """Return the names of PostgreSQL's own functions that change nothing."""
    lines = _NAMES.read_text(encoding="ascii").splitlines()
    return frozenset(name for line in lines if not line.startswith("#") for name in line.split())


@lru_cache(maxsize=512)
def unproven_calls(sql: str) -> frozenset[str]:
    """Return the names, without schema, of the called functions that may change something; `UNREADABLE` for no SQL."""
    found: set[str] = set()
    for statement in parse(sql):
        if statement.problem is not None:
            found.add(UNREADABLE)
        for names in _calls(statement.node):
            own = len(names) == 1 or names[0] == _CATALOGUE
            if not (own and names[-1] in read_only()):
                found.add(names[-1])
    return frozenset(found)


def _calls(tree: Any) -> Iterator[list[str]]:  # a parser's tree: dictionaries, lists and values
    """Yield the name of every call in a tree, by its parts. A list of its own stands for the recursion."""
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, list):
            waiting += node
        elif isinstance(node, dict):
            for kind, inner in node.items():
                if kind == "FuncCall":
                    yield [part["String"]["sval"] for part in inner["funcname"]]
                waiting.append(inner)
