"""Does a change of type rewrite the table? PostgreSQL's own decision, followed step by step.

Source: `ATColumnChangeRequiresRewrite` in tablecmds.c (the new value must be the old one, seen through nothing but
RelabelType and domains without constraints), `find_coercion_pathway` in parse_coerce.c, and the support functions that
remove a length coercion that cannot shorten anything (varchar, varbit, numeric, time, timestamp, interval).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from migrations_portal.risk.trees import last_name, strings, type_ref

if TYPE_CHECKING:
    from migrations_portal.risk.analysis import Analysis
    from migrations_portal.risk.objects import Column, TypeRef
    from migrations_portal.risk.parser import Node

_REGISTERED = (
    "regproc", "regprocedure", "regoper", "regoperator", "regclass", "regcollation", "regtype",
    "regconfig", "regdictionary", "regrole", "regnamespace",
)  # fmt: skip
BINARY = frozenset(
    {("int4", "oid"), ("oid", "int4"), ("regproc", "regprocedure"), ("regprocedure", "regproc"),
     ("regoper", "regoperator"), ("regoperator", "regoper"), ("text", "bpchar"), ("text", "varchar"),
     ("varchar", "text"), ("varchar", "bpchar"), ("cidr", "inet"), ("bit", "varbit"), ("varbit", "bit"),
     ("xml", "text"), ("xml", "varchar"), ("xml", "bpchar"), ("pg_node_tree", "text"),
     ("pg_ndistinct", "bytea"), ("pg_dependencies", "bytea"), ("pg_mcv_list", "bytea")}
    | {(a, b) for r in _REGISTERED for a, b in (("oid", r), (r, "oid"), ("int4", r), (r, "int4"))}
)  # fmt: skip
"""Pairs of built-in types whose values are the same bytes (`pg_cast.castmethod = 'b'`), read from servers 13 to 18."""

TEXT_LIKE = frozenset({"text", "varchar", "citext"})
ZERO_ZONES = frozenset({
    "UTC", "GMT", "UCT", "ZULU", "UNIVERSAL", "GREENWICH", "GMT0", "GMT+0", "GMT-0", "ETC/UTC", "ETC/GMT", "ETC/UCT",
    "ETC/ZULU", "ETC/UNIVERSAL", "ETC/GREENWICH", "ETC/GMT0", "ETC/GMT+0", "ETC/GMT-0", "0", "+00", "00:00", "+00:00",
})  # fmt: skip
SECONDS_DIGITS = 6
"""Digits after the seconds that a time type can hold."""


class _Value(Struct, frozen=True):
    """A value on its way to the new type: base type and the modifier that is known of it (empty = none)."""

    name: str
    mods: tuple[int, ...]
    array: bool


def domain_constrained(analysis: Analysis, ref: TypeRef | None) -> bool:
    """Whether a type is a domain with a CHECK or NOT NULL, itself or in a domain below it."""
    while ref is not None and not ref.array:
        kind = analysis.schema.type_of(ref)
        if kind is None or kind.kind != "d":
            return False
        if kind.not_null or kind.constraints:
            return True
        ref = kind.base
    return False


EXTENSION_TYPES = frozenset({
    "citext", "hstore", "geometry", "geography", "vector", "halfvec", "sparsevec", "ltree", "lquery", "cube", "isbn", "issn",
    "ean13", "seg", "bloom", "uint8", "box2d", "box3d", "raster",
})  # fmt: skip
"""Base types of well-known extensions: not domains, so a column of them adds no rule."""


def unknown_type(analysis: Analysis, ref: TypeRef | None) -> bool:
    """Whether nothing is known of a type, so that it may be a domain with rules."""
    if ref is None or ref.array or ref.schema == "pg_catalog" or ref.name in EXTENSION_TYPES:
        return False
    known = (ref.schema, ref.name) in analysis.schema.types or (
        ref.schema,
        ref.name,
    ) in analysis.schema.names
    return not known and not analysis.schema.complete


def rewrites(analysis: Analysis, column: Column, target: TypeRef, using: Node | None) -> bool:
    """Whether changing the column to the target type writes every row again."""
    if column.type is None:
        return True
    try:
        value = _of_column(analysis, column.type)
        source = _through(analysis, using, column, value) if using is not None else value
        return not _free(analysis, source, target, same=source is value and column.type == target)
    except _Rewrites:
        return True


class _Rewrites(Exception):
    """The expression is more than the old value under another name."""


def _of_column(analysis: Analysis, ref: TypeRef) -> _Value:
    base, through_domain = base_type(analysis, ref)
    mods = () if through_domain else base.mods
    return _Value(_full_name(base), _normal(base.name, mods), base.array)


def base_type(analysis: Analysis, ref: TypeRef) -> tuple[TypeRef, bool]:
    """Peel domains off a type; says whether there was one."""
    domain = False
    while not ref.array and (kind := analysis.schema.type_of(ref)) is not None:
        if kind.kind != "d" or kind.base is None:
            break
        ref, domain = kind.base, True
    return ref, domain


def _full_name(ref: TypeRef) -> str:
    return (
        ref.name
        if ref.schema == "pg_catalog" or ref.name == "citext"
        else f"{ref.schema}.{ref.name}"
    )


def _normal(name: str, mods: tuple[int, ...]) -> tuple[int, ...]:
    if name == "numeric" and len(mods) == 1:
        return (mods[0], 0)
    return mods


def _through(analysis: Analysis, using: Node, column: Column, value: _Value) -> _Value:
    """Follow a USING expression; anything but the column under casts rewrites."""
    if "ColumnRef" in using:
        if last_name(using["ColumnRef"]["fields"]) != column.name:
            raise _Rewrites
        return value
    if "CollateClause" in using:
        return _through(analysis, using["CollateClause"]["arg"], column, value)
    cast = using.get("TypeCast")
    if cast is None:
        raise _Rewrites
    inner = _through(analysis, cast["arg"], column, value)
    target = type_ref(analysis, cast["typeName"])
    if target is None or not _free(analysis, inner, target, same=False):
        raise _Rewrites
    return _of_column(analysis, target)


def _free(analysis: Analysis, source: _Value, target: TypeRef, *, same: bool) -> bool:
    """Whether coercing the value to the target type changes no byte."""
    if same or domain_constrained(analysis, target):
        return same
    base, _ = base_type(analysis, target)
    name, mods = _full_name(base), _normal(base.name, base.mods)
    if base.array or source.array:
        return source.array and base.array and source.name == name and source.mods == mods
    if source.name == name:
        return _length_free(name, source.mods, mods)
    if {source.name, name} == {"timestamp", "timestamptz"}:
        return _zone_free(analysis) and _length_free(name, (), mods)
    return _binary(analysis, source.name, name) and _length_free(name, (), mods)


def _binary(analysis: Analysis, source: str, target: str) -> bool:
    if (source, target) in BINARY or (source, target) in analysis.schema.casts:
        return True
    # citext is text underneath: its casts to and from text and varchar are binary.
    return "citext" in (source, target) and {source, target} <= TEXT_LIKE


def _zone_free(analysis: Analysis) -> bool:
    """Timestamp and timestamptz hold the same bytes while the session's zone is UTC (PostgreSQL 12 and newer)."""
    return analysis.timezone is None or analysis.timezone.upper() in ZERO_ZONES


def _length_free(name: str, old: tuple[int, ...], new: tuple[int, ...]) -> bool:
    """Whether the length coercion to the new modifiers is none, or is one that PostgreSQL removes."""
    if not new or old == new:
        return True
    if name == "numeric":
        return bool(old) and old[1] == new[1] and old[0] <= new[0]
    if name in ("varchar", "varbit"):
        return bool(old) and old[0] <= new[0]
    if name in ("time", "timetz", "timestamp", "timestamptz"):
        return new[0] >= SECONDS_DIGITS or (bool(old) and old[0] <= new[0])
    if name == "interval":
        return _interval_free(old, new)
    return False


_FULL_RANGE = 0x7FFF
_UNSPECIFIED = 0xFFFF
_FIELDS = ((12, 0), (11, 1), (10, 2), (3, 3), (1, 4), (2, 5))
"""(bit of the mask, place in the order) for SECOND, MINUTE, HOUR, DAY, MONTH, YEAR; from datetime.h and timestamp.c."""


def _interval_free(old: tuple[int, ...], new: tuple[int, ...]) -> bool:
    """Free when the least field stays or gets finer, and the digits after the seconds do not shrink (`interval_support`)."""
    old_field, old_digits = _interval(old)
    new_field, new_digits = _interval(new)
    fine_enough = old_field > 0 or new_digits >= min(old_digits, SECONDS_DIGITS)
    return new_field <= old_field and fine_enough


def _interval(mods: tuple[int, ...]) -> tuple[int, int]:
    if not mods:
        return 0, _UNSPECIFIED
    mask = mods[0]
    least = 0 if mask == _FULL_RANGE else next((f for bit, f in _FIELDS if mask >> bit & 1), 0)
    return least, mods[1] if len(mods) > 1 else _UNSPECIFIED


def column_collation(target_node: Node) -> str:
    """The collation that an ALTER … TYPE names, or an empty string."""
    clause = target_node.get("collClause")
    return ".".join(strings(clause["collname"])) if clause else ""
