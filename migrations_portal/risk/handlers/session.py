"""SET, transactions, prepared statements and plain SELECT: what changes the session rather than the schema."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from migrations_portal.risk.handlers import programs, queries
from migrations_portal.risk.levels import Level
from migrations_portal.risk.trees import below, constant, qualified

if TYPE_CHECKING:
    from migrations_portal.risk.analysis import Analysis
    from migrations_portal.risk.parser import Node

DATA_FUNCTIONS = frozenset({
    "setval", "lo_unlink", "lo_import", "lo_create", "lo_put", "lowrite", "pg_terminate_backend", "pg_cancel_backend",
    "pg_reload_conf", "pg_promote", "pg_switch_wal", "pg_create_logical_replication_slot", "pg_drop_replication_slot",
    "pg_replication_origin_drop", "pg_restore_relation_stats", "pg_clear_relation_stats", "pg_read_file", "lo_export",
    "pg_read_binary_file",
})  # fmt: skip
"""Built-in functions that change or reach something when they are merely selected."""

WAITING_FUNCTIONS = frozenset({
    "pg_sleep", "pg_sleep_for", "pg_sleep_until", "pg_advisory_lock", "pg_advisory_lock_shared", "pg_advisory_xact_lock",
    "pg_advisory_xact_lock_shared",
})  # fmt: skip
"""Built-in functions that wait, for a time or for somebody else, with all locks held."""


def set_variable(analysis: Analysis, node: Node) -> None:
    """SET and RESET: search path, time zone and time limits change how later statements are judged."""
    if node.get("kind") == "VAR_RESET_ALL":
        reset_all(analysis)
        return
    name = node.get("name", "").lower()
    values = [value for item in node.get("args", ()) if (value := constant(item)) is not None]
    set_setting(
        analysis,
        name,
        values,
        reset=node.get("kind") in ("VAR_RESET", "VAR_SET_DEFAULT"),
    )


def set_setting(analysis: Analysis, name: str, values: list[str], *, reset: bool = False) -> None:
    """Apply one setting of the session."""
    if name == "search_path":
        parts = [part.strip().strip('"') for value in values for part in value.split(",")]
        named = tuple(p for p in parts if p not in ("$user", "", "pg_catalog", "pg_temp"))
        analysis.path = ("public",) if reset else named
    elif name == "timezone":
        analysis.timezone = None if reset or not values else values[0]
    elif name in GUARDS:
        _change_guard(analysis, name, "" if reset or not values else values[0])
    elif name == "session_replication_role":
        analysis.replica_role = values[:1] == ["replica"] and not reset
        if analysis.replica_role and analysis.number:
            analysis.find("replica-role")
    elif name in ("role", "session_authorization") and values and analysis.number:
        analysis.find("set-role", name=values[0])


GUARDS: dict[str, int] = {
    "lock_timeout": 250, "statement_timeout": 900_000, "idle_in_transaction_session_timeout": 0,
    "client_connection_check_interval": 0, "transaction_timeout": 0,
}  # fmt: skip
"""The time limits that a run gives its sessions, and up to how many ms a file may set one itself; 0 means never."""
_UNITS = {"us": 0.001, "ms": 1, "s": 1000, "min": 60_000, "h": 3_600_000, "d": 86_400_000}
_AMOUNT = re.compile(r"\s*(\d+(?:\.\d*)?|\.\d+)\s*([a-z]*)\s*")


def _change_guard(analysis: Analysis, name: str, value: str) -> None:
    """A limit that is stricter than the run's own is welcome; any other value takes the run's protection away."""
    found = _AMOUNT.fullmatch(value)
    ms = float(found[1]) * _UNITS.get(found[2] or "ms", 0) if found else 0
    if analysis.number and not 0 < ms <= GUARDS[name]:
        analysis.find("guard-changed", name=name, value=value or "its default")


def discard(analysis: Analysis, node: Node) -> None:
    """DISCARD ALL: as if the session had just begun, without what the run has set."""
    if node.get("target", "DISCARD_ALL") != "DISCARD_ALL":
        return
    reset_all(analysis)
    analysis.prepared.clear()
    analysis.cursors.clear()


def reset_all(analysis: Analysis) -> None:
    """RESET ALL: every setting has its default again."""
    analysis.path, analysis.timezone, analysis.replica_role = ("public",), None, False
    if analysis.number:
        analysis.find("guard-changed", name="every setting", value="its default")


_BEGIN = frozenset({"TRANS_STMT_BEGIN", "TRANS_STMT_START"})
_END = frozenset({"TRANS_STMT_COMMIT", "TRANS_STMT_ROLLBACK", "TRANS_STMT_PREPARE"})
_TWO_PHASE = frozenset(
    {"TRANS_STMT_PREPARE", "TRANS_STMT_COMMIT_PREPARED", "TRANS_STMT_ROLLBACK_PREPARED"}
)


def transaction(analysis: Analysis, node: Node) -> None:
    """BEGIN, COMMIT, ROLLBACK, SAVEPOINT."""
    kind = node["kind"]
    if kind in _BEGIN:
        if analysis.in_transaction:
            analysis.find("nested-transaction")
        analysis.in_transaction = True
    elif kind in _END:
        _end(analysis, kept=kind == "TRANS_STMT_COMMIT")
    if kind in _TWO_PHASE:
        analysis.find("two-phase-commit")
    if kind in ("TRANS_STMT_ROLLBACK", "TRANS_STMT_ROLLBACK_TO"):
        analysis.find("rollback-in-file")


def _end(analysis: Analysis, *, kept: bool) -> None:
    if kept:
        programs.settle(analysis)
    analysis.pending.clear()
    analysis.timed.clear()
    analysis.in_transaction, analysis.deferred = False, None
    for made in analysis.schema.types.values():
        made.new_labels = frozenset()


def set_constraints(analysis: Analysis, node: Node) -> None:
    """SET CONSTRAINTS: when deferrable constraints are looked at; IMMEDIATE looks at what is waiting."""
    later = bool(node.get("deferred"))
    named = [item["RangeVar"]["relname"] for item in node.get("constraints", ())]
    if not named:
        analysis.deferred = later
        analysis.timed.clear()
    analysis.timed.update(dict.fromkeys(named, later))
    if not later:
        programs.settle(analysis)


def select(analysis: Analysis, node: Node) -> None:
    """SELECT: reads; but a function it calls may do anything."""
    if "intoClause" in node:
        _select_into(analysis, node)
        return
    queries.read_query(analysis, {"SelectStmt": node})
    if below(node, "LockingClause"):
        analysis.find("select-for-update")
    run_functions(analysis, node)


def _select_into(analysis: Analysis, node: Node) -> None:
    rest = {key: value for key, value in node.items() if key != "intoClause"}
    analysis.apply(
        analysis, "CreateTableAsStmt",
        {"into": node["intoClause"], "query": {"SelectStmt": rest}, "objtype": "OBJECT_TABLE"},
    )  # fmt: skip


def run_functions(analysis: Analysis, node: Node) -> None:
    """Follow the functions that a query calls."""
    for body in below(node, "FuncCall"):
        _, name = qualified(body["funcname"])
        if name == "set_config" and len(body.get("args", ())) > 1:
            _set_config(analysis, body)
        elif name in WAITING_FUNCTIONS:
            analysis.find("waits-on-purpose", name=name, at=body.get("location", -1))
        elif name in DATA_FUNCTIONS:
            level = Level.HIGH if name == "setval" else None
            analysis.find("system-function", name=name, at=body.get("location", -1), level=level)
        else:
            programs.run_function(analysis, body)


def _set_config(analysis: Analysis, body: Node) -> None:
    setting, value = (constant(argument) for argument in body["args"][:2])
    if setting is None and analysis.number:
        analysis.find("guard-changed", name="a setting", value="what is worked out while it runs")
    set_setting(analysis, (setting or "").lower(), [value or ""])


def explain(analysis: Analysis, node: Node) -> None:
    """EXPLAIN plans (and locks); with ANALYZE it runs."""
    runs = any(item["DefElem"]["defname"] == "analyze" for item in node.get("options", ()))
    [(kind, body)] = node["query"].items()
    if runs:
        analysis.apply(analysis, kind, body)
    elif kind in ("SelectStmt", "InsertStmt", "UpdateStmt", "DeleteStmt", "MergeStmt"):
        queries.read_query(analysis, node["query"], runs=False)


def prepare(analysis: Analysis, node: Node) -> None:
    """PREPARE: the query is analysed now and run by EXECUTE."""
    analysis.prepared[node["name"]] = node["query"]
    queries.read_query(analysis, node["query"], runs=False, heirs=False)


def execute(analysis: Analysis, node: Node) -> None:
    """EXECUTE of a prepared statement."""
    query = analysis.prepared.get(node["name"])
    if query is None:
        analysis.find("opaque-execute")
        return
    [(kind, body)] = query.items()
    analysis.apply(analysis, kind, body)


def cursor(analysis: Analysis, node: Node) -> None:
    """DECLARE CURSOR: the tables are locked, nothing is read before the first FETCH."""
    analysis.cursors[node["portalname"]] = node["query"]
    queries.read_query(analysis, node["query"], runs=False)


def fetch(analysis: Analysis, node: Node) -> None:
    """FETCH and MOVE: the cursor's query runs."""
    query = analysis.cursors.get(node.get("portalname", ""))
    if query is not None:
        queries.read_query(analysis, query)
