"""Code that runs inside the database: functions, DO blocks, CALL, rules, policies (triggers have a module of their own).

What a body says in plain SQL is followed like any other statement, whatever branch it stands in. SQL that is put together while
it runs cannot be seen, and is judged as the worst: only a rehearsal shows what it does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from migrations_portal.risk.handlers.bodies import is_plain, plpgsql_statements, statements_in
from migrations_portal.risk.handlers.query_uses import expression_uses, joined, query_uses
from migrations_portal.risk.locks import Lock
from migrations_portal.risk.objects import Function, Rewrite, Trigger
from migrations_portal.risk.parser import parse
from migrations_portal.risk.trees import (
    below,
    functions_called,
    last_name,
    qualified,
    type_ref,
    walk,
)

if TYPE_CHECKING:
    from migrations_portal.risk.analysis import Analysis
    from migrations_portal.risk.objects import Constraint, Relation
    from migrations_portal.risk.parser import Node

DEEPEST_CALL = 4
"""Bodies within bodies that are still followed."""
_VOLATILITY = {"volatile": "v", "stable": "s", "immutable": "i"}


def create_function(analysis: Analysis, node: Node) -> None:
    """CREATE FUNCTION or PROCEDURE: locks no table, except that a SQL body is checked against its tables."""
    schema, name = qualified(node["funcname"])
    options = {
        item["DefElem"]["defname"]: item["DefElem"].get("arg", {})
        for item in node.get("options", ())
    }
    parameters = [item["FunctionParameter"] for item in node.get("parameters", ())]
    inputs = [p for p in parameters if p.get("mode") not in ("FUNC_PARAM_OUT", "FUNC_PARAM_TABLE")]
    place = schema or analysis.creation_schema()
    language = options.get("language", {}).get("String", {}).get("sval", "sql").lower()
    body = _body(options)
    function = Function(
        place, name, language,
        volatility=_VOLATILITY.get(options.get("volatility", {}).get("String", {}).get("sval", ""), "v"),
        body=body, arguments=len(inputs), argument_names=tuple(p.get("name", "") for p in inputs),
        returns=type_ref(analysis, node.get("returnType")),
        returns_set=bool(node.get("returnType", {}).get("setof")),
        security_definer=bool(options.get("security", {}).get("Boolean", {}).get("boolval")),
        configured="set" in options, strict=bool(options.get("strict", {}).get("Boolean", {}).get("boolval")),
        procedure=bool(node.get("is_procedure")),
    )  # fmt: skip
    overloads = analysis.schema.functions.setdefault((place, name), [])
    replaced = [f for f in overloads if f.arguments == function.arguments]
    overloads[:] = [f for f in overloads if f.arguments != function.arguments] + [function]
    if language == "sql" and analysis.number:
        _check_sql_body(analysis, function, node.get("sql_body"))
    _judge_function(analysis, function, replaced=bool(replaced))


def _body(options: dict[str, Node]) -> str:
    source = options.get("as", {})
    items = source.get("List", {}).get("items", [])
    return (
        str(items[0]["String"].get("sval", ""))
        if items
        else str(source.get("String", {}).get("sval", ""))
    )


def _check_sql_body(analysis: Analysis, function: Function, sql_body: Node | None) -> None:
    """PostgreSQL analyses a SQL body when the function is made: that takes (light) locks on its tables."""
    statements = [({k: v}) for k, v in walk(sql_body) if k.endswith("Stmt")] if sql_body else []
    if not statements and function.body:
        statements = [{s.kind: s.node} for s in parse(function.body) if s.problem is None]
    for statement in statements:
        [(kind, body)] = statement.items()
        if kind in ("InsertStmt", "UpdateStmt", "DeleteStmt", "MergeStmt", "SelectStmt"):
            analysis.read(analysis, {kind: body}, rewritten=True)


def _judge_function(analysis: Analysis, function: Function, *, replaced: bool) -> None:
    if not analysis.number:
        return
    if function.security_definer and not function.configured:
        analysis.find("security-definer-search-path", name=f"{function.schema}.{function.name}")
    if replaced:
        analysis.find("replace-function", name=function.name)


def do_block(analysis: Analysis, node: Node) -> None:
    """DO: its statements are followed; the block itself is for a DBA to read."""
    arguments = {
        item["DefElem"]["defname"]: item["DefElem"].get("arg", {}) for item in node.get("args", ())
    }
    language = arguments.get("language", {}).get("String", {}).get("sval", "plpgsql").lower()
    body = arguments.get("as", {}).get("String", {}).get("sval", "")
    statements = list(plpgsql_statements(body)) if language == "plpgsql" else [("?", {})]
    opaque = any(kind == "?" for kind, _ in statements)
    if opaque or not is_plain(body, statements):
        analysis.find("dynamic-sql" if opaque else "do-block")
    follow(analysis, statements)


def follow(analysis: Analysis, statements: list[tuple[str, Node]]) -> None:
    """Work out the statements of a body as if they stood in the file."""
    if analysis.depth >= DEEPEST_CALL:
        analysis.find("opaque-function", name="a body this deep")
        return
    analysis.depth += 1
    try:
        for kind, node in statements:
            if kind not in ("?", "TransactionStmt"):
                analysis.apply(analysis, kind, node)
    finally:
        analysis.depth -= 1


def call(analysis: Analysis, node: Node) -> None:
    """CALL procedure(…)."""
    run_function(analysis, node["funccall"])


def run_function(analysis: Analysis, call_node: Node) -> None:
    """A call of a function that is really made: what its body does is done."""
    name = last_name(call_node["funcname"])
    found = functions_called(analysis, call_node["funcname"], len(call_node.get("args", ())))
    if found is None:
        analysis.find("opaque-function", name=name, at=call_node.get("location", -1))
        return
    for function in found:
        statements = list(statements_in(analysis, function))
        if any(kind == "?" for kind, _ in statements):
            analysis.find("opaque-function", name=name, at=call_node.get("location", -1))
        follow(analysis, statements)


def is_on(analysis: Analysis, what: Trigger | Rewrite) -> bool:
    """Whether a trigger or rule works in this session, or is switched off."""
    return what.switch in ("RA" if analysis.replica_role else "OA")


def is_deferred(analysis: Analysis, what: Trigger | Constraint) -> bool:
    """Whether a trigger or constraint waits for the end of the transaction."""
    if not analysis.in_transaction or not (what.deferrable or what.deferred):
        return False
    said = analysis.timed.get(what.name, analysis.deferred)
    return what.deferred if said is None else said


def settle(analysis: Analysis) -> None:
    """Do what was put off: at COMMIT, or at SET CONSTRAINTS … IMMEDIATE."""
    waiting, analysis.pending = analysis.pending, []
    for run in waiting:
        run()


def evaluate(analysis: Analysis, *expressions: Node | None) -> None:
    """Follow the functions of expressions that are computed over rows: what they read is locked."""
    for call_node in [c for each in expressions if each for c in below(each, "FuncCall")]:
        for function in (
            functions_called(analysis, call_node["funcname"], len(call_node.get("args", ()))) or ()
        ):
            follow_quietly(analysis, list(statements_in(analysis, function)))


def follow_rules(analysis: Analysis, table: Relation, event: str) -> bool:
    """Follow the rewrite rules of a table for an event; says whether one of them takes its place."""
    if not table.rules:
        return False
    rules = [rule for rule in table.rules.values() if rule.event == event and is_on(analysis, rule)]
    for rule in rules:
        follow_quietly(analysis, [item for action in rule.actions for item in action.items()])
    return any(rule.instead and not rule.conditional for rule in rules)


def follow_quietly(analysis: Analysis, statements: list[tuple[str, Node]]) -> None:
    """Follow statements for their locks; what a trigger or rule does every day is no finding of this migration."""
    findings = analysis.seen.findings
    analysis.seen.findings = []
    try:
        follow(analysis, statements)
    finally:
        analysis.seen.findings = findings


def create_rule(analysis: Analysis, node: Node) -> None:
    """CREATE RULE: ACCESS EXCLUSIVE on its table; its actions are analysed against theirs."""
    relation = analysis.relation(node["relation"])
    if relation is None:
        return
    analysis.lock(relation, Lock.ACCESS_EXCLUSIVE)
    for action in node.get("actions", ()):
        [(kind, body)] = action.items()
        if kind in ("InsertStmt", "UpdateStmt", "DeleteStmt", "SelectStmt"):
            analysis.read(analysis, {kind: body})
    relation.rules[node["rulename"]] = Rewrite(
        node["rulename"],
        node.get("event", "").removeprefix("CMD_").lower(),
        instead=bool(node.get("instead")),
        conditional="whereClause" in node,
        actions=tuple(node.get("actions", ())),
        uses=joined(
            expression_uses(analysis, relation, node.get("whereClause")),
            *(query_uses(analysis, action) for action in node.get("actions", ())),
        ),
    )
    analysis.schema.note_reader(relation, relation.rules[node["rulename"]].uses)
    if analysis.live(relation):
        analysis.find("rule-change", table=relation.qualified)


def create_policy(analysis: Analysis, node: Node) -> None:
    """CREATE or ALTER POLICY: who sees which rows changes at once."""
    relation = analysis.relation(node["table"])
    if relation is None:
        return
    analysis.lock(relation, Lock.ACCESS_EXCLUSIVE)
    for body in below([node.get("qual"), node.get("with_check")], "SubLink"):
        if "subselect" in body:
            analysis.read(analysis, body["subselect"])
    relation.policies[node["policy_name"]] = expression_uses(
        analysis, relation, node.get("qual"), node.get("with_check")
    )
    analysis.schema.note_reader(relation, relation.policies[node["policy_name"]])
    if analysis.live(relation):
        analysis.find("row-security", table=relation.qualified)
