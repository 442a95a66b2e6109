"""Views, materialised views and CREATE TABLE AS: what they read is locked with ACCESS SHARE.

Source: `DefineView`, `ExecCreateTableAs`, `ExecRefreshMatView`, checked on servers 13 to 18.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from migrations_portal.risk.handlers import queries, reach
from migrations_portal.risk.handlers.create_table import new_relation
from migrations_portal.risk.handlers.query_uses import query_uses
from migrations_portal.risk.handlers.safe_forms import without_rows
from migrations_portal.risk.locks import Lock
from migrations_portal.risk.objects import Column
from migrations_portal.risk.trees import last_name, strings

if TYPE_CHECKING:
    from migrations_portal.risk.analysis import Analysis
    from migrations_portal.risk.objects import Relation
    from migrations_portal.risk.parser import Node


def create_view(analysis: Analysis, node: Node) -> None:
    """CREATE [OR REPLACE] VIEW: the query is stored, not run."""
    query = node["query"]
    queries.read_query(analysis, query, runs=False, views=False, heirs=False)
    name = node["view"]
    old = analysis.lookup(name.get("schemaname"), name["relname"]) if node.get("replace") else None
    view = old or new_relation(analysis, name, "v", replaces=bool(node.get("replace")))
    if view is None:
        return
    if old is not None:
        analysis.lock(view, Lock.ACCESS_EXCLUSIVE)
        if analysis.live(view):
            analysis.find("replace-view", name=view.qualified)
    _define(analysis, view, query, strings(node.get("aliases", [])))


def _define(analysis: Analysis, view: Relation, query: Node, aliases: list[str]) -> None:
    view.definition = query
    view.uses = query_uses(analysis, query)
    analysis.schema.note_reader(view, view.uses)
    names = aliases or _output_names(analysis, query)
    view.columns = {name: Column(name) for name in names}


def _output_names(analysis: Analysis, query: Node) -> list[str]:
    names: list[str] = []
    select = query.get("SelectStmt", {})
    for item in select.get("targetList", ()):
        target = item["ResTarget"]
        reference = target["val"].get("ColumnRef") if "val" in target else None
        if target.get("name"):
            names.append(target["name"])
        elif reference is not None and "A_Star" in reference["fields"][-1]:
            for source in reach.sources_of(query):
                relation = analysis.lookup(source.get("schemaname"), source["relname"])
                names.extend(relation.columns if relation else ())
        elif reference is not None:
            names.append(last_name(reference["fields"]))
    return names


def create_table_as(analysis: Analysis, node: Node) -> None:
    """CREATE TABLE AS, SELECT INTO and CREATE MATERIALIZED VIEW: reads its sources now, unless WITH NO DATA."""
    into, query = node["into"], node["query"]
    if "ExecuteStmt" in query:
        analysis.find("opaque-execute")
        return
    name = into["rel"]
    schema = name.get("schemaname") or analysis.creation_schema()
    old = analysis.schema.get(schema, name["relname"]) if node.get("if_not_exists") else None
    runs = not into.get("skipData") and (old is None or old.assumed)
    queries.read_query(analysis, query, runs=runs, views=runs, heirs=runs)
    kind = "m" if node.get("objtype") == "OBJECT_MATVIEW" else "r"
    made = new_relation(analysis, name, kind, exists_ok=bool(node.get("if_not_exists")))
    if made is None:
        return
    made.populated = runs
    made.persistence = name.get("relpersistence", "p")
    if kind == "m":
        _define(analysis, made, query, strings(into.get("colNames", [])))
    else:
        names = strings(into.get("colNames", [])) or _output_names(analysis, query)
        made.columns = {name: Column(name) for name in names}
        read = [r.qualified for r in analysis.seen.scans.values() if analysis.live(r)]
        if made.persistence != "t" and read:
            analysis.find(
                "copy-into-new-table",
                name=made.qualified,
                tables=", ".join(sorted(read)),
                statements=without_rows(node),
            )


def refresh(analysis: Analysis, node: Node) -> None:
    """REFRESH MATERIALIZED VIEW: the whole query again; CONCURRENTLY lets readers go on."""
    view = analysis.relation(node["relation"])
    if view is None:
        return
    concurrent = bool(node.get("concurrent"))
    analysis.lock(view, Lock.EXCLUSIVE if concurrent else Lock.ACCESS_EXCLUSIVE)
    runs = not node.get("skipData")
    if view.definition is not None and runs:
        queries.read_query(analysis, view.definition)
    if not concurrent:
        analysis.rewrite(view)
    if concurrent or view.indexes or view.assumed:
        analysis.scan(view)
    if analysis.live(view):
        rule = "refresh-concurrently" if concurrent else "refresh-view"
        whole = any(
            i.unique and not i.partial and "" not in i.columns for i in view.indexes.values()
        )
        safe: dict[str, Any] = {"view": view.qualified} if whole or view.assumed else {}
        analysis.find(rule, name=view.qualified, **safe)
