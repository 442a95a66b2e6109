"""Whether a text is one query that only reads: what a verification query of a plan has to be."""

from typing import Any

from migrations_portal.risk.parser import Node, parse

WRITING = frozenset({"InsertStmt", "UpdateStmt", "DeleteStmt", "MergeStmt"})


def why_no_reading_query(sql: str) -> str:
    """Return why the text is not one SELECT with one column, as a clause to say after the query's name; empty when it is.

    What a function does that is called in it cannot be seen here; the run reads in a read-only transaction besides.
    """
    found = list(parse(sql))
    if len(found) != 1:
        return f"holds {len(found)} statements; write one SELECT"
    only = found[0]
    if only.problem:
        return f"is no SQL: {only.problem.message.rstrip('.')}"
    if only.kind != "SelectStmt":
        return "is no SELECT; a verification query reads and changes nothing"
    return _why_not_only_reading(only.node)


def _why_not_only_reading(select: Node) -> str:
    if writing := WRITING & _kinds(select):
        return f"changes data ({min(writing).removesuffix('Stmt').upper()} inside); a verification query only reads"
    if "intoClause" in select:
        return "makes a table (SELECT INTO); a verification query only reads"
    if "lockingClause" in select:
        return "locks rows (FOR UPDATE or the like); a verification query only reads"
    first = _first(select)
    columns = first.get("targetList") or (first.get("valuesLists") or [{}])[0].get("List", {}).get(
        "items", []
    )
    return (
        ""
        if len(columns) == 1
        else f"returns {len(columns)} columns; one value is compared, so select one"
    )


def _first(select: Node) -> Node:
    """Return the first branch of a UNION: it names the columns."""
    while "larg" in select:
        select = select["larg"]
    return select


def _kinds(tree: Any) -> set[str]:
    """Return every key of the tree; walked without recursion, since queries may nest deeply."""
    found: set[str] = set()
    left = [tree]
    while left:
        node = left.pop()
        if isinstance(node, dict):
            found |= set(node)
            left += node.values()
        elif isinstance(node, list):
            left += node
    return found
