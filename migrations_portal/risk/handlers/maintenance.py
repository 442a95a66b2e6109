"""TRUNCATE, VACUUM, CLUSTER, ANALYZE, LOCK, COPY, GRANT, statistics, publications.

Sources: `ExecuteTruncate`, `vacuum`, `cluster_rel`, `LockTableCommand`, `CreatePublication`, checked on servers 13 to 18.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from migrations_portal.risk.handlers import dependencies, queries, reach, triggers
from migrations_portal.risk.levels import Level
from migrations_portal.risk.locks import Lock
from migrations_portal.risk.objects import TABLE_KINDS
from migrations_portal.risk.trees import qualified, strings, with_heirs

if TYPE_CHECKING:
    from collections.abc import Iterable

    from migrations_portal.risk.analysis import Analysis
    from migrations_portal.risk.objects import Relation
    from migrations_portal.risk.parser import Node

_AE, _SUE = Lock.ACCESS_EXCLUSIVE, Lock.SHARE_UPDATE_EXCLUSIVE


def truncate(analysis: Analysis, node: Node) -> None:
    """TRUNCATE: ACCESS EXCLUSIVE and a new, empty file; CASCADE empties every table that references it."""
    cascade = node.get("behavior") == "DROP_CASCADE"
    tables: dict[int, Relation] = {}
    for item in node["relations"]:
        relation = analysis.relation(item["RangeVar"])
        if relation is None:
            continue
        tree = analysis.schema.descendants(relation) if with_heirs(item["RangeVar"]) else ()
        for member in (relation, *tree):
            tables[member.oid] = member
        if analysis.live(relation):
            analysis.find("truncate", table=relation.qualified)
    _follow_references(analysis, tables, cascade=cascade)
    for table in tables.values():
        _empty(analysis, table)
        analysis.seen.destroys |= analysis.live(table)


def _empty(analysis: Analysis, table: Relation) -> None:
    analysis.lock(table, _AE)
    analysis.rewrite(table)
    if table.indexes:
        analysis.scan(table)
    triggers.fire_triggers(reach.Reading(analysis), table, "truncate", None)
    if table.is_partition and analysis.version < 14:  # noqa: PLR2004 - looked at its parent until 13
        for parent in dependencies.ancestors(analysis, table):
            analysis.lock(parent, Lock.ACCESS_SHARE)


def _follow_references(analysis: Analysis, tables: dict[int, Relation], *, cascade: bool) -> None:
    waiting = list(tables.values())
    while waiting:
        table = waiting.pop()
        targets = (table, *dependencies.ancestors(analysis, table))
        for holder, constraint in (
            k for target in targets for k in analysis.schema.referencing(target)
        ):
            if holder.oid in tables or constraint.parent:
                continue
            if not cascade:
                analysis.find(
                    "has-dependants",
                    name=table.qualified,
                    dependants=f"{holder.qualified}.{constraint.name}",
                )
                continue
            if analysis.live(holder):
                analysis.find("truncate-cascade", table=holder.qualified, parent=table.qualified)
            for member in (holder, *analysis.schema.descendants(holder)):
                tables[member.oid] = member
                waiting.append(member)


def vacuum(analysis: Analysis, node: Node) -> None:
    """VACUUM and ANALYZE; only VACUUM FULL is in anybody's way."""
    options = {item["DefElem"]["defname"]: item["DefElem"] for item in node.get("options", ())}
    is_vacuum = bool(node.get("is_vacuumcmd"))
    full = is_vacuum and "full" in options and "false" not in str(options["full"].get("arg", ""))
    relations = [
        item["VacuumRelation"]["relation"]
        for item in node.get("rels", ())
        if "relation" in item["VacuumRelation"]
    ]
    if not relations:
        analysis.find("vacuum-all", level=Level.CRITICAL if full else Level.LOW)
        return
    for name in relations:
        relation = analysis.relation(name)
        if relation is not None and relation.kind in TABLE_KINDS:
            alone = not with_heirs(name) and analysis.version >= ANALYZES_HEIRS
            _vacuum_one(analysis, relation, full=full, only_analyze=not is_vacuum, alone=alone)


ANALYZES_HEIRS = 18
"""From this version on, VACUUM and ANALYZE work on the tables that inherit like on the one that is named."""


def _vacuum_one(
    analysis: Analysis, relation: Relation, *, full: bool, only_analyze: bool, alone: bool
) -> None:
    tree = relation.kind == "p" or only_analyze or analysis.version >= ANALYZES_HEIRS
    members = [relation, *(analysis.schema.descendants(relation) if tree else ())]
    sampled = alone or (relation.kind != "p" and analysis.version < ANALYZES_HEIRS)
    for member in members:
        lock = _AE if full else _SUE
        if member is not relation and sampled:
            # A sample of what lies below stands for it in the statistics of the one that is named.
            if not only_analyze or not member.has_storage:
                continue
            lock = Lock.ACCESS_SHARE
        analysis.lock(member, lock)
        if full:
            analysis.rewrite(member)
            analysis.scan(member)
    if full and analysis.live(relation):
        analysis.find("vacuum-full", table=relation.qualified)


def cluster(analysis: Analysis, node: Node) -> None:
    """CLUSTER: rewrites the table in the order of an index."""
    if "relation" not in node:
        analysis.find("cluster-all")
        _cluster(
            analysis,
            [
                relation
                for relation in analysis.schema.relations.values()
                if any(index.clustered for index in relation.indexes.values())
            ],
        )
        return
    relation = analysis.relation(node["relation"])
    if relation is None:
        return
    below = analysis.schema.descendants(relation) if relation.kind == "p" else ()
    _cluster(analysis, [relation, *(member for member in below if member.has_storage)])
    if analysis.live(relation):
        analysis.find("cluster", table=relation.qualified)


def _cluster(analysis: Analysis, relations: Iterable[Relation]) -> None:
    for relation in relations:
        analysis.lock(relation, _AE)
        analysis.rewrite(relation)
        analysis.scan(relation)


def lock_table(analysis: Analysis, node: Node) -> None:
    """LOCK TABLE: what it says, on the table, all below it, and the tables behind a view."""
    mode = Lock(node["mode"])
    for item in node["relations"]:
        relation = analysis.relation(item["RangeVar"])
        if relation is None:
            continue
        if relation.kind == "v":
            reading = reach.Reading(analysis, runs=False, prunes=False)
            reach.lock_source(reading, relation, mode, where=None, inherit=True, only=False)
        else:
            members = [
                relation,
                *(analysis.schema.descendants(relation) if with_heirs(item["RangeVar"]) else ()),
            ]
            for member in members:
                analysis.lock(member, mode)
        if analysis.live(relation):
            analysis.find("lock-table", table=relation.qualified, mode=mode.mode)


def copy(analysis: Analysis, node: Node) -> None:
    """COPY: FROM writes like INSERT, TO reads the whole table, PROGRAM runs a command on the server."""
    incoming = bool(node.get("is_from"))
    if node.get("is_program"):
        analysis.find("copy-program")
    if "query" in node:
        queries.read_query(analysis, node["query"])
    if "relation" not in node:
        return
    relation = analysis.relation(node["relation"])
    if relation is None:
        return
    analysis.lock(relation, Lock.ROW_EXCLUSIVE if incoming else Lock.ACCESS_SHARE)
    if incoming:
        analysis.seen.data_change = True
        if analysis.live(relation):
            analysis.find("copy-from", table=relation.qualified)
    else:
        analysis.scan(relation)
        analysis.find("copy-to", table=relation.qualified)


def create_statistics(analysis: Analysis, node: Node) -> None:
    """CREATE STATISTICS."""
    for item in node.get("relations", ()):
        relation = analysis.relation(item["RangeVar"])
        if relation is None:
            continue
        analysis.lock(relation, _SUE)
        columns = frozenset(e["StatsElem"].get("name", "") for e in node.get("exprs", ()))
        name = qualified(node["defnames"])[1] if node.get("defnames") else f"{relation.name}_stat"
        relation.statistics[name] = columns


PUBLICATION_LOCK = _SUE


def create_publication(analysis: Analysis, node: Node) -> None:
    """CREATE PUBLICATION: rows begin to leave the database through it."""
    tables = _published(analysis, node)
    everything = bool(node.get("for_all_tables"))
    analysis.schema.publications[node["pubname"]] = "all" if everything else "some"
    analysis.schema.published |= {(node["pubname"], schema) for schema in _schemas(node)}
    for relation in tables:
        relation.published |= {node["pubname"]}
    analysis.find(
        "publication", name=node["pubname"],
        level=Level.CRITICAL if everything else Level.HIGH,
    )  # fmt: skip


def alter_publication(analysis: Analysis, node: Node) -> None:
    """ALTER PUBLICATION: which rows leave the database changes."""
    name = node["pubname"]
    tables = _published(analysis, node)
    action = node.get("action")
    if action == "AP_SetObjects":
        for relation in analysis.schema.relations.values():
            if name in relation.published:
                analysis.lock(relation, PUBLICATION_LOCK)
                relation.published -= {name}
        analysis.schema.published = {each for each in analysis.schema.published if each[0] != name}
    schemas = {(name, schema) for schema in _schemas(node)}
    if action == "AP_DropObjects":
        analysis.schema.published -= schemas
    else:
        analysis.schema.published |= schemas
    for relation in tables:
        relation.published = (
            relation.published - {name}
            if action == "AP_DropObjects"
            else relation.published | {name}
        )
    analysis.find("publication", name=name)


def _schemas(node: Node) -> set[str]:
    """The schemas of which a publication takes all tables."""
    specs = [item["PublicationObjSpec"] for item in node.get("pubobjects", ())]
    return {s["name"] for s in specs if s.get("pubobjtype") == "PUBLICATIONOBJ_TABLES_IN_SCHEMA"}


def _published(analysis: Analysis, node: Node) -> list[Relation]:
    tables = []
    for item in node.get("pubobjects", ()):
        spec = item["PublicationObjSpec"]
        if "pubtable" not in spec:
            continue
        relation = analysis.relation(spec["pubtable"]["relation"])
        if relation is None:
            continue
        heirs = with_heirs(spec["pubtable"]["relation"]) and relation.kind != "p"
        for member in (relation, *(analysis.schema.descendants(relation) if heirs else ())):
            analysis.lock(member, PUBLICATION_LOCK)
            tables.append(member)
    return tables


def subscription(analysis: Analysis, node: Node) -> None:
    """CREATE, ALTER, DROP SUBSCRIPTION: connects to another server."""
    analysis.find("subscription", name=node.get("subname", ""))


GRANT_LOCKS_SINCE = 18


def grant(analysis: Analysis, node: Node) -> None:
    """GRANT and REVOKE: no lock before PostgreSQL 18, ACCESS SHARE since."""
    public = any(
        item["RoleSpec"].get("roletype") == "ROLESPEC_PUBLIC" for item in node.get("grantees", ())
    )
    tables = []
    if node.get("objtype") == "OBJECT_TABLE" and node.get("targtype") == "ACL_TARGET_OBJECT":
        for item in node.get("objects", ()):
            relation = analysis.relation(item["RangeVar"])
            if relation is None:
                continue
            if analysis.version >= GRANT_LOCKS_SINCE:
                analysis.lock(relation, Lock.ACCESS_SHARE)
            analysis.seen.touched.setdefault(relation.oid, relation)
            if analysis.live(relation):
                tables.append(relation.qualified)
    if node.get("is_grant"):
        rule = "grant-public" if public else "grant"
        analysis.find(rule, tables=", ".join(tables) or "the objects named")
    elif tables:
        analysis.find("revoke", tables=", ".join(tables))


def security_label(analysis: Analysis, node: Node) -> None:
    """SECURITY LABEL: like COMMENT."""
    items = node["object"].get("List", {}).get("items", [])
    if node["objtype"] == "OBJECT_TABLE" and strings(items):
        relation = analysis.lookup(*qualified(items))
        if relation is not None:
            analysis.lock(relation, _SUE)
