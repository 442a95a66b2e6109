"""CREATE and ALTER of enums, domains, composite and range types.

Source: `AlterDomainAddConstraint`, `AlterDomainNotNull` in typecmds.c (SHARE lock and a scan of every table with a column of the
domain), checked on servers 13 to 18.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from migrations_portal.risk.handlers import programs
from migrations_portal.risk.handlers.table_change import scan_tree
from migrations_portal.risk.locks import Lock
from migrations_portal.risk.objects import TypeRef, UserType
from migrations_portal.risk.render import Text
from migrations_portal.risk.trees import qualified, type_ref, type_schema, uses_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from migrations_portal.risk.analysis import Analysis
    from migrations_portal.risk.objects import Relation
    from migrations_portal.risk.parser import Node


def _new_type(analysis: Analysis, names: list[Node], kind: str) -> UserType:
    schema, name = qualified(names)
    place = schema or analysis.creation_schema()
    made = UserType(place, name, kind, born=analysis.number)
    analysis.schema.types[place, name] = made
    return made


def create_enum(analysis: Analysis, node: Node) -> None:
    """CREATE TYPE … AS ENUM."""
    labels = tuple(item["String"].get("sval", "") for item in node.get("vals", ()))
    _new_type(analysis, node["typeName"], "e").labels = labels


def create_range(analysis: Analysis, node: Node) -> None:
    """CREATE TYPE … AS RANGE."""
    _new_type(analysis, node["typeName"], "r")


def create_composite(analysis: Analysis, node: Node) -> None:
    """CREATE TYPE … AS (…)."""
    name = node["typevar"]
    place = name.get("schemaname") or analysis.creation_schema()
    made = UserType(place, name["relname"], "c", born=analysis.number)
    for item in node.get("coldeflist", ()):
        made.attributes[item["ColumnDef"]["colname"]] = type_ref(
            analysis, item["ColumnDef"].get("typeName")
        )
    analysis.schema.types[place, name["relname"]] = made


def create_domain(analysis: Analysis, node: Node) -> None:
    """CREATE DOMAIN."""
    base = type_ref(analysis, node.get("typeName"))
    made = _new_type(analysis, node["domainname"], "d")
    made.base = base
    for item in node.get("constraints", ()):
        constraint = item["Constraint"]
        if constraint["contype"] == "CONSTR_NOTNULL":
            made.not_null = True
        elif constraint["contype"] == "CONSTR_CHECK":
            name = constraint.get("conname") or _free_name(made)
            made.constraints[name] = True
            made.uses = uses_of(analysis, constraint.get("raw_expr"))


def _free_name(domain: UserType) -> str:
    number = 0
    while f"{domain.name}_check{number or ''}" in domain.constraints:
        number += 1
    return f"{domain.name}_check{number or ''}"


def alter_domain(analysis: Analysis, node: Node) -> None:
    """ALTER DOMAIN: a new rule is checked in every table that has a column of the domain."""
    schema, name = qualified(node["typeName"])
    place = type_schema(analysis, schema, name)
    domain = analysis.schema.types.get((place, name))
    if domain is None:
        domain = UserType(place, name, "d")
        if analysis.schema.complete and analysis.number:
            analysis.find("missing-object", name=f"domain {name}")
    kind = node.get("subtype", "")
    if kind == "C":
        _add_check(analysis, domain, node["def"]["Constraint"])
    elif kind == "O":
        _require(analysis, domain)
    elif kind == "N":
        domain.not_null = False
    elif kind == "X":
        domain.constraints.pop(node.get("name", ""), None)
    elif kind == "V":
        _check_users(analysis, domain, "domain-validate")
        domain.constraints[node.get("name", "")] = True


def _require(analysis: Analysis, domain: UserType) -> None:
    if not domain.not_null:
        _check_users(analysis, domain, "domain-not-null")
    domain.not_null = True


def _add_check(analysis: Analysis, domain: UserType, node: Node) -> None:
    name = node.get("conname") or _free_name(domain)
    if node["contype"] == "CONSTR_NOTNULL":
        _require(analysis, domain)
        return
    valid = not node.get("skip_validation")
    domain.constraints[name] = valid
    if valid:
        programs.evaluate(analysis, node.get("raw_expr"))
        values = {"constraint": name, "expression": Text(node.get("raw_expr"))}
        _check_users(analysis, domain, "domain-check", **values)


def _check_users(analysis: Analysis, domain: UserType, rule: str, **values: Any) -> None:
    used = []
    for relation in users_of(analysis, domain):
        analysis.lock(relation, Lock.SHARE)
        scan_tree(analysis, relation)
        if analysis.live(relation):
            used.append(relation.qualified)
    if used or not analysis.schema.complete:
        tables = ", ".join(used) or "every table that uses it"
        name = f"{domain.schema}.{domain.name}"
        values |= {"rule_name": f"{domain.name}_set"}
        analysis.find(rule, name=name, tables=tables, **values)


def users_of(analysis: Analysis, domain: UserType) -> Iterator[Relation]:
    """Tables with a column of this domain, or of a domain built on it."""
    names = {(domain.schema, domain.name)}
    grown = True
    while grown:
        built = {
            key for key, kind in analysis.schema.types.items()
            if kind.kind == "d" and kind.base is not None and (kind.base.schema, kind.base.name) in names
        }  # fmt: skip
        grown = not built <= names
        names |= built
    for relation in list(analysis.schema.relations.values()):
        if relation.kind in "rpm" and any(
            column.type is not None and (column.type.schema, column.type.name) in names
            for column in relation.columns.values()
        ):
            yield relation


def alter_enum(analysis: Analysis, node: Node) -> None:
    """ALTER TYPE … ADD VALUE or RENAME VALUE: no table is locked; old code may not know the value."""
    schema, name = qualified(node["typeName"])
    place = type_schema(analysis, schema, name)
    kind = analysis.schema.types.get((place, name))
    label = node.get("newVal", "")
    if node.get("oldVal"):
        if kind is None or kind.born == 0:
            literal = "'" + label.replace("'", "''") + "'"
            analysis.find(
                "rename-enum-value",
                name=f"{place}.{name}",
                old=node["oldVal"],
                new=label,
                label=literal,
            )
        return
    if kind is None:
        if analysis.schema.complete and not node.get("skipIfNewValExists"):
            analysis.find("missing-object", name=f"type {name}")
        kind = analysis.schema.types[place, name] = UserType(place, name, "e", assumed=True)
    kind.labels = (*kind.labels, label)
    if kind.born == 0:
        kind.new_labels |= {label}
        analysis.find("add-enum-value", name=name, value=label)


def alter_type_options(analysis: Analysis, node: Node) -> None:
    """ALTER TYPE … SET (…): functions of a base type."""
    analysis.find("alter-composite-type", name=qualified(node["typeName"])[1])


def define(analysis: Analysis, node: Node) -> None:
    """CREATE TYPE (base), AGGREGATE, OPERATOR, COLLATION, TEXT SEARCH …: new objects that nothing uses yet."""
    if node.get("kind") == "OBJECT_TYPE":
        _new_type(analysis, node["defnames"], "b")


def create_cast(analysis: Analysis, node: Node) -> None:
    """CREATE CAST: WITHOUT FUNCTION makes two types interchangeable byte for byte."""
    source, target = type_ref(analysis, node["sourcetype"]), type_ref(analysis, node["targettype"])
    by_text = node.get("inout")  # codespell:ignore
    if source is not None and target is not None and "func" not in node and not by_text:
        analysis.schema.casts.add((_cast_name(source), _cast_name(target)))


def _cast_name(ref: TypeRef) -> str:
    return ref.name if ref.schema == "pg_catalog" else f"{ref.schema}.{ref.name}"


__all__ = ["replace"]
