"""Reading parse trees: names, walks, and what an expression or query depends on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from migrations_portal.risk.objects import NOTHING, Function, TypeRef, Uses
from migrations_portal.risk.parser import parse
from migrations_portal.risk.postgres_names import (
    FUNCTIONS,
    SERIAL_TYPES,
    TYPES,
    VOLATILE_FUNCTIONS,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from migrations_portal.risk.analysis import Analysis
    from migrations_portal.risk.objects import Relation
    from migrations_portal.risk.parser import Node

EXTENSION_IMMUTABLE = frozenset({
    "digest", "hmac", "crypt", "uuid_generate_v3", "uuid_generate_v5", "uuid_nil", "uuid_ns_dns", "uuid_ns_url",
    "uuid_ns_oid", "uuid_ns_x500", "similarity", "unaccent", "soundex", "metaphone", "levenshtein", "hstore",
})  # fmt: skip
"""Functions of the extensions that PostgreSQL ships which are not volatile; any other unknown one counts as volatile."""


DEEPEST_INLINING = 5


WITH_HEIRS = "inh"  # codespell:ignore
"""PostgreSQL's field for a table that is named without ONLY."""


REMEMBERED = 16
"""Trees whose nodes are kept, since several questions are asked of one statement."""
_remembered: dict[int, tuple[Any, dict[str, list[Node]]]] = {}


def by_kind(node: Any) -> dict[str, list[Node]]:
    """Give the fields of every node below this one, by kind and in the order of `walk`; not to be changed."""
    known = _remembered.get(id(node))
    if known is not None and known[0] is node:
        return known[1]
    found = _nodes_below(node)
    if len(_remembered) >= REMEMBERED:
        _remembered.clear()
    _remembered[id(node)] = (node, found)
    return found


def _nodes_below(node: Any) -> dict[str, list[Node]]:  # noqa: C901 - the innermost loop of everything
    found: dict[str, list[Node]] = {}
    waiting = _dictionaries(node)
    while waiting:
        for key, value in waiting.pop().items():
            if key in _PLAIN:
                continue
            kind = type(value)
            if kind is dict:
                if key in found:
                    found[key].append(value)
                elif key < "a":  # Kinds begin with a capital letter, fields do not.
                    found[key] = [value]
                if key not in _LEAVES or (key == "relation" and "RangeVar" in value):
                    waiting.append(value)  # What TABLESAMPLE takes its rows from is a source, too.
            elif kind is list:
                waiting += value
    return found


def _dictionaries(node: Any) -> list[Node]:
    """The nodes to begin with: lists stand in lists only where a caller has made them."""
    if type(node) is dict:
        return [node]
    return [part for each in node for part in _dictionaries(each)] if type(node) is list else []


def below(node: Any, kind: str) -> Sequence[Node]:
    """The fields of every node of one kind below this one."""
    known = _remembered.get(id(node))
    found = known[1] if known is not None and known[0] is node else by_kind(node)
    return found.get(kind, ())


_LEAVES = frozenset({"String", "A_Const", "ColumnRef", "A_Star", "RangeVar", "relation", "alias"})
"""Kinds (and fields) with nothing but names and values below them; most nodes are one of these."""
_PLAIN = frozenset({
    "location", "relname", "relpersistence", WITH_HEIRS, "sval", "name", "names", "funcname", "typemod", "kind", "op", "colname",
    "funcformat", "boolop", "nulltesttype", "contype", "limitOption", "override", "initially_valid", "is_enforced", "is_local",
    "objtype", "subtype", "behavior", "rexpr_list_start", "rexpr_list_end", "String", "A_Star",
})  # fmt: skip
"""Fields that hold a plain value, or a name as a list of strings: most fields are one of these."""


def walk(node: Any) -> Iterator[tuple[str, Node]]:
    """Give every node below this one as (kind, fields), where the order among different kinds matters."""
    waiting = [node]
    while waiting:
        part = waiting.pop()
        if isinstance(part, list):
            waiting += part
        elif isinstance(part, dict):
            yield from ((k, v) for k, v in part.items() if isinstance(v, dict) and k < "a")
            waiting += [v for v in part.values() if isinstance(v, (dict, list))]


def strings(items: list[Node]) -> list[str]:
    """Read a list of String nodes; `*` stands for A_Star."""
    if len(items) == 1:
        return [last_name(items)]
    return [item["String"].get("sval", "") if "String" in item else "*" for item in items]


def last_name(items: list[Node]) -> str:
    """Read the last of a list of String nodes: the object's own name."""
    own = items[-1].get("String")
    return "*" if own is None else own.get("sval", "")


def qualified(items: list[Node]) -> tuple[str | None, str]:
    """Split a name list into (schema or None, name)."""
    own = items[-1].get("String")
    name = "*" if own is None else own.get("sval", "")
    return (None, name) if len(items) == 1 else (last_name(items[:-1]), name)


def with_heirs(range_var: Node) -> bool:
    """Whether a RangeVar means the tables that inherit, too: it is named without ONLY."""
    return bool(range_var.get(WITH_HEIRS))


def range_name(node: Node) -> tuple[str | None, str]:
    """Give (schema or None, name) of a RangeVar."""
    return node.get("schemaname"), node["relname"]


def rangevar(items: list[Node]) -> Node:
    """Turn the name list of a DROP or COMMENT into a RangeVar."""
    schema, name = qualified(items)
    return {"relname": name, WITH_HEIRS: True} | ({"schemaname": schema} if schema else {})


def constant(node: Node | None) -> str | None:
    """Read a literal as text, looking through casts and a sign; None when it is not one."""
    while node and "TypeCast" in node:
        node = node["TypeCast"].get("arg")
    if not node:
        return None
    if "A_Expr" in node and "lexpr" not in node["A_Expr"]:
        inner = constant(node["A_Expr"].get("rexpr"))
        return None if inner is None else f"-{inner}"
    literal = node.get("A_Const")
    if literal is None or literal.get("isnull"):
        return None
    for field, missing in _LITERALS:
        if field in literal:
            return str(literal[field].get(field, missing))
    return None


_LITERALS = (("ival", 0), ("sval", ""), ("fval", ""), ("boolval", ""))
"""The fields of a literal, and what stands for a value that is left out."""


def is_null(node: Node | None) -> bool:
    """Whether the expression is the literal NULL, perhaps with a cast."""
    while node and "TypeCast" in node:
        node = node["TypeCast"].get("arg")
    return bool(node) and "A_Const" in (node or {}) and bool((node or {})["A_Const"].get("isnull"))


def type_ref(analysis: Analysis, node: Node | None) -> TypeRef | None:
    """Resolve a TypeName; serial types become the integer behind them. None when there is none."""
    if not node or "names" not in node:
        return None
    schema, name = qualified(node["names"])
    if schema is None and name in SERIAL_TYPES:
        return TypeRef("pg_catalog", SERIAL_TYPES[name])
    array = bool(node.get("arrayBounds"))
    mods = _modifiers(node["typmods"]) if "typmods" in node else ()
    if schema in (None, "pg_catalog") and name in TYPES:
        return TypeRef("pg_catalog", name, mods, array)
    return TypeRef(type_schema(analysis, schema, name), name, mods, array)


def _modifiers(items: list[Node]) -> tuple[int, ...]:
    """The numbers in brackets behind a type's name."""
    said = map(constant, items)
    return tuple([int(value) for value in said if value is not None])


def type_schema(analysis: Analysis, schema: str | None, name: str) -> str:
    """Find the schema of a user-defined type along the search path."""
    if schema is not None:
        return schema
    for place in analysis.path:
        if (place, name) in analysis.schema.types or (place, name) in analysis.schema.names:
            return place
    return analysis.creation_schema()


def is_serial(node: Node | None) -> bool:
    """Whether a TypeName says serial, bigserial or smallserial."""
    return bool(node) and last_name((node or {})["names"]) in SERIAL_TYPES


def functions_called(
    analysis: Analysis, name: list[Node], arguments: int = -1
) -> list[Function] | None:
    """Resolve a function name: user-defined overloads, an empty list for a built-in, None when unknown."""
    schema, plain = qualified(name)
    known = analysis.schema.functions
    if schema in (None, "pg_catalog") and plain in FUNCTIONS:
        return []
    for place in (schema,) if schema else analysis.path:
        if overloads := known.get((str(place), plain)):
            fitting = [f for f in overloads if arguments < 0 or f.arguments == arguments]
            return fitting or overloads
    return None


_DEPENDING = frozenset({"ColumnRef", "FuncCall", "TypeCast"})
"""Nodes that make an expression depend on something."""


def uses_of(analysis: Analysis, node: Any, relation: Relation | None = None) -> Uses:
    """Collect the columns, functions and types of an expression over one table."""
    found = by_kind(node)
    if _DEPENDING.isdisjoint(found):
        return NOTHING
    columns = {last_name(body["fields"]) for body in found.get("ColumnRef", ())}
    functions: set[tuple[str, str]] = set()
    types: set[tuple[str, str]] = set()
    relations: set[tuple[int, str]] = set()
    for body in found.get("FuncCall", ()):
        for function in functions_called(analysis, body["funcname"]) or ():
            functions.add((function.schema, function.name))
        _sequence_of(analysis, body, relations)
    for body in found.get("TypeCast", ()):
        ref = type_ref(analysis, body.get("typeName"))
        if ref is not None and ref.schema != "pg_catalog":
            types.add((ref.schema, ref.name))
    if "*" in columns and relation is not None:
        columns.update(relation.columns)
    return Uses(frozenset(columns), frozenset(functions), frozenset(relations), frozenset(types))


def _sequence_of(analysis: Analysis, call: Node, relations: set[tuple[int, str]]) -> None:
    """Note the sequence of `nextval('name'::regclass)` as a dependency."""
    if qualified(call["funcname"])[1] != "nextval" or not call.get("args"):
        return
    name = constant(call["args"][0])
    if name is None:
        return
    schema, _, plain = name.replace('"', "").rpartition(".")
    sequence = analysis.lookup(schema or None, plain)
    if sequence is not None:
        relations.add((sequence.oid, ""))


def volatile(analysis: Analysis, node: Any, *, depth: int = 0) -> bool:
    """Whether an expression may give another value for each row, after PostgreSQL has inlined what it can."""
    return any(_volatile_call(analysis, body, depth) for body in below(node, "FuncCall"))


def _volatile_call(analysis: Analysis, call: Node, depth: int) -> bool:
    _, name = qualified(call["funcname"])
    arguments = call.get("args", [])
    found = functions_called(analysis, call["funcname"], len(arguments))
    if found is None:
        return name not in EXTENSION_IMMUTABLE
    if not found:
        return name in VOLATILE_FUNCTIONS
    return any(_volatile_function(analysis, function, depth) for function in found)


def _volatile_function(analysis: Analysis, function: Function, depth: int) -> bool:
    if function.volatility != "v":
        return False
    body = inlined(analysis, function) if depth < DEEPEST_INLINING else None
    return True if body is None else volatile(analysis, body, depth=depth + 1)


def inlined(analysis: Analysis, function: Function) -> Node | None:
    """The expression that a call of this SQL function turns into when it is planned; None when it stays a call.

    Source: `inline_function` in PostgreSQL's clauses.c: one SELECT of one value, no table, no aggregate, no subquery.
    """
    if function.language != "sql" or function.security_definer or function.configured:
        return None
    if function.returns_set or function.procedure:
        return None
    statements = list(parse(function.body)) if function.body else []
    if len(statements) != 1 or statements[0].kind not in ("SelectStmt", "ReturnStmt"):
        return None
    return _single_value(statements[0].kind, statements[0].node)


def _single_value(kind: str, node: Node) -> Node | None:
    if kind == "ReturnStmt":
        value: Node | None = node.get("returnval")
    elif set(node) <= {"targetList", "limitOption", "op"} and len(node.get("targetList", ())) == 1:
        value = node["targetList"][0]["ResTarget"]["val"]
    else:
        return None
    refused = {"SubLink", "WindowDef"}
    if any(kind in refused or body.get("agg_within_group") for kind, body in walk(value)):
        return None
    return value


def rejects_null(expression: Node | None, column: str) -> bool:
    """Whether a CHECK proves that the column is never NULL: `column IS NOT NULL`, alone or joined by AND."""
    if expression is None:
        return False
    if "BoolExpr" in expression:
        body = expression["BoolExpr"]
        return body["boolop"] == "AND_EXPR" and any(rejects_null(a, column) for a in body["args"])
    test = expression.get("NullTest")
    if test is None or test.get("nulltesttype") != "IS_NOT_NULL":
        return False
    reference = test["arg"].get("ColumnRef")
    return reference is not None and last_name(reference["fields"]) == column
