"""The health checks before and after: whether everything answers and fits."""

from migrations_portal.execution.recorder import StepRecord
from migrations_portal.execution.rules import StepFailed
from migrations_portal.plans import explained
from migrations_portal.plans import queries as plan_queries
from migrations_portal.runbooks import recoverable
from migrations_portal.runbooks.sessions import NOT_PRIVILEGED
from migrations_portal.runbooks.tools import RunContext
from migrations_portal.targets.ports import QueryFailed, TargetSession

LONG_TRANSACTION_MINUTES = 5
"""The spec's own limit for a long-running query."""

ROOM_NEEDED = 256 * 1024**2
"""Bytes: a bundle is small, but a disk this full fails in other ways in the middle of a run. Backups never touch this disk."""

FACTS = """
SELECT current_setting('server_version') AS version, current_setting('server_version_num')::int / 10000 AS major,
       pg_size_pretty(pg_database_size(current_database())) AS size, pg_is_in_recovery() AS standby,
       current_setting('transaction_read_only') = 'on' AS read_only,
       (SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()) AS encrypted
"""
LONG_TRANSACTIONS = """
SELECT count(*) AS running FROM pg_stat_activity
 WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'
   AND xact_start < now() - make_interval(mins => %s)
"""
QUERY_LOG = """
SELECT coalesce(nullif(current_setting('pgaudit.log', true), 'none'), '') AS pgaudit,
       current_setting('log_statement') IN ('all', 'mod') AS already
"""
MAY_SET_QUERY_LOG = """
SELECT set_config('log_statement', 'all', true), set_config('log_parameter_max_length', '0', true),
       set_config('log_parameter_max_length_on_error', '0', true)
"""
LARGEST = """
SELECT schemaname || '.' || relname AS name, pg_size_pretty(pg_total_relation_size(relid)) AS size
  FROM pg_stat_user_tables ORDER BY pg_total_relation_size(relid) DESC, 1 LIMIT 10
"""


def check_before(context: RunContext, step: StepRecord) -> None:
    """Refuse to start, with a sentence, when something that the run will need is not there.

    Raises `TargetUnreachable`, `DumpToolMissing`, `VaultUnavailable`, `DriverMissing`, `StepFailed`.
    """
    _check_still_as_signed(context)
    tools = context.tools
    if (free := tools.free_bytes()) < ROOM_NEEDED:
        raise StepFailed(
            f"The worker has only {free // 1024**2} MiB left on the disk where it prepares a migration, and needs "
            f"{ROOM_NEEDED // 1024**2}. Make room there (WCO_WORK_DIR), then open the change again. Nothing was changed."
        )
    client = tools.dump.client_version()
    with tools.server.session(
        context.endpoint, application_name=context.application_name
    ) as session:
        major = _say_facts(session, step)
        if major > client:
            raise StepFailed(
                f"The target runs PostgreSQL {major}, but pg_dump here is version {client}, which cannot dump it. "
                f"Install the PostgreSQL {major} client tools on the worker. Nothing was changed."
            )
        _check_recoverable(context, session)
        waiting = session.rows(LONG_TRANSACTIONS, [LONG_TRANSACTION_MINUTES])[0]["running"]
        if waiting:
            step.say(
                f"{waiting} transactions have been open for more than {LONG_TRANSACTION_MINUTES} min",
                level="warn",
            )
        if context.run.revision.phi:
            _say_query_log(session, step)
    drill = tools.drill_server(context.run.target)
    with tools.server.session(drill, application_name=context.application_name) as session:
        session.rows("SELECT 1 AS answers")
    tools.vault.check()
    tools.driver.check(context.bundle)
    step.say("The target, the staging server and the vault answer")
    step.exit_code = 0


def _check_recoverable(context: RunContext, session: TargetSession) -> None:
    """Nothing begins on production that its backup could not put back. An instance with snapshots is put back in another way."""
    if context.run.staging or context.run.target.rds_instance:
        return
    if found := recoverable.obstacles(session):
        raise StepFailed(
            f"The backup could not be put in the place of this database, so nothing was begun. {' '.join(found)} "
            "Nothing was changed."
        )


def _check_still_as_signed(context: RunContext) -> None:
    """A change that was found riskier after it was signed does not run on those signatures."""
    assessed = plan_queries.current_assessment(context.plan)
    if said := explained.outgrown(assessed, revision=context.run.revision):
        raise StepFailed(f"{said} Nothing was changed.")


def _say_facts(session: TargetSession, step: StepRecord) -> int:
    facts = session.rows(FACTS)[0]
    step.say(
        f"PostgreSQL {facts['version']}, {facts['size']}, connection {'encrypted' if facts['encrypted'] else 'not encrypted'}"
    )
    step.facts = {
        "version": facts["version"],
        "size": facts["size"],
        "encrypted": bool(facts["encrypted"]),
    }
    if facts["standby"] or facts["read_only"]:
        raise StepFailed(
            "The target is a standby or read-only, so nothing can be migrated on it. Point the target at the primary."
        )
    return int(facts["major"])


def _say_query_log(session: TargetSession, step: StepRecord) -> None:
    """Say whether the target logs the statements of a migration on PHI; the door asks for it in each session (spec, "Access Logging").

    It is no reason to stop: the run's own log has each statement too. The review afterwards and the control say what was on.
    """
    found = session.rows(QUERY_LOG)[0]
    asked = _may_set_query_log(session)
    by = f"pgaudit ({found['pgaudit']})" if found["pgaudit"] else "log_statement"
    on = asked or found["already"] or bool(found["pgaudit"])
    step.facts = {**step.facts, "query_log": {"on": on, "by": by if on else ""}}
    if on:
        step.say(f"The target logs each statement of the migration, by {by}")
    else:
        step.say(
            "The target does not log this migration's statements: its role may not switch that on. For the next run a DBA can "
            "GRANT SET ON PARAMETER log_statement, log_parameter_max_length, log_parameter_max_length_on_error TO the role "
            "(PostgreSQL 15 and newer), or ALTER ROLE … SET log_statement = 'all'. This run has its own log of each statement.",
            level="warn",
        )


def _may_set_query_log(session: TargetSession) -> bool:
    try:
        session.rows(MAY_SET_QUERY_LOG)
    except QueryFailed as refused:
        if refused.sqlstate != NOT_PRIVILEGED:
            raise
        return False
    return True


def check_after(context: RunContext, step: StepRecord) -> None:
    """Ask the target once more, and show the ten largest tables as the spec's step 8 does."""
    with context.tools.server.session(
        context.endpoint, application_name=context.application_name
    ) as session:
        _say_facts(session, step)
        for row in session.rows(LARGEST):
            step.say(f"{row['name']}: {row['size']}")
    step.exit_code = 0
