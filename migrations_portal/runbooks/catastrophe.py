"""The spec's "Catastrophic Failure Recovery", made safe: restore beside, verify, swap by name, keep the damaged database.

The spec restores into the live database; measured, that left corrupted rows in place (design section 2).
"""

import logging
from collections.abc import Callable
from datetime import datetime

from migrations_portal.backups import services as backups
from migrations_portal.backups.models import Backup
from migrations_portal.execution.rules import (
    RESTORE_STEPS,
    LeaseLost,
    Outcome,
    RunStatus,
    StepFacts,
    StepFailed,
)
from migrations_portal.kernel import failpoints
from migrations_portal.kernel.errors import ProductError
from migrations_portal.runbooks import endings, traffic, truth
from migrations_portal.runbooks.endings import Ending
from migrations_portal.runbooks.sessions import (
    WAIT_SECONDS,
    databases_kept,
    end_older_sessions,
    held_target,
)
from migrations_portal.runbooks.tools import RunContext, Tools, beside_name, kept_name, open_context
from migrations_portal.runbooks.watch import watching
from migrations_portal.targets.ports import Endpoint

logger = logging.getLogger(__name__)

OWN_GRANTS = """
SELECT format('GRANT EXECUTE ON FUNCTION %%s TO %%I', p.oid::regprocedure, pg_get_userbyid(a.grantee)) AS said
  FROM pg_catalog.pg_proc p, LATERAL aclexplode(p.proacl) a
 WHERE p.pronamespace = 'pg_catalog'::regnamespace AND a.grantee <> 0 AND a.grantee <> p.proowner
"""

STEP: dict[str, StepFacts] = {step.key: step for step in RESTORE_STEPS}


def execute(
    *, run_id: int, fence: int, tools: Tools, clock: Callable[[], datetime], public_url: str
) -> None:
    """Restore the backup taken before the run, after two people chose it. Ends RESTORED, or back in NEEDS_DECISION."""
    context = open_context(
        run_id=run_id, fence=fence, tools=tools, clock=clock, public_url=public_url
    )
    try:
        with watching(context, sample=False):
            context.reins.begin_way_back()
            endings.conclude(context, _restore(context))
    except LeaseLost:
        logger.warning("run %s: the lease is lost, this worker stops", run_id)


def _restore(context: RunContext) -> Ending:
    try:
        backup = _backup_of(context)
        beside = beside_name(context.run.target.database, word="restored", run_id=context.run.pk)
        end_older_sessions(context)
        with held_target(context, wait_seconds=WAIT_SECONDS):
            traffic.divert(context, STEP["restore-divert"])
            _restore_beside(context, backup=backup, name=beside)
            _verify_copy(context, backup=backup, name=beside)
        failpoints.reach("restore.before-swap")
        _swap(context, name=beside)  # ends every session on the database, so the lock is taken anew
        failpoints.reach("restore.after-swap")
        with held_target(context, wait_seconds=WAIT_SECONDS):
            _check_integrity(context, backup=backup)
            traffic.restore(context, STEP["restore-traffic"])
    except LeaseLost:
        raise
    except ProductError as failure:
        return endings.unknown(f"The restore failed: {failure.sentence}")
    return Ending(
        RunStatus.RESTORED,
        Outcome.RESTORED,
        problem=context.run.problem,
        advice="Check the application, then drop what is kept beside it (its name is in the log) when nobody needs it any more.",
    )


def _backup_of(context: RunContext) -> Backup:
    backup = Backup.objects.filter(run=context.run, purpose="pre-migration").order_by("pk").first()
    if backup is None or not backup.proven:
        raise StepFailed(
            "This run has no proven backup to restore. Recover from the target's own base backup."
        )
    return backup


def _restore_beside(context: RunContext, *, backup: Backup, name: str) -> None:
    with context.recorder.step(STEP["restore-beside"]) as step:
        beside = context.endpoint.on(name)
        context.tools.server.drop_database(beside)
        # Another collation would sort, and hold unique, other things than the one before.
        context.tools.server.create_database(beside, like=context.endpoint.database)
        backups.restore_into(
            backup, into=beside, tools=context.tools.backup, keep_roles=True, quick=True
        )
        step.say(f"{backup.location} is restored into {name}")
        step.exit_code = 0


def _verify_copy(context: RunContext, *, backup: Backup, name: str) -> None:
    with context.recorder.step(STEP["restore-verify"]) as step:
        beside = context.endpoint.on(name)
        with context.tools.server.session(
            beside, application_name=context.application_name, statement_timeout_ms=0
        ) as session:
            backups.check_counts(expected=backup.counts, found=backups.exact_counts(session))
        difference = truth.schema_difference(
            context.run.schema_before, context.tools.dump.schema(beside)
        )
        if difference:
            raise StepFailed(
                "The restored copy's schema is not the one before the run: "
                + "; ".join(difference[:5])
            )
        step.say(
            f"{len(backup.counts)} tables, {sum(backup.counts.values()):,} rows, every count equal; schema as before the run"
        )
        step.exit_code = 0


def _swap(context: RunContext, *, name: str) -> None:
    with context.recorder.step(STEP["restore-swap"]) as step:
        live = context.run.target.database
        kept = kept_name(live, run_id=context.run.pk, fence=context.recorder.fence)
        context.tools.server.swap_databases(context.endpoint, replacement=name, keep_as=kept)
        step.facts["kept"] = kept
        step.say(f"{name} is now {live}; the database that was live is kept as {kept}")
        step.exit_code = 0


def _check_integrity(context: RunContext, *, backup: Backup) -> None:
    with context.recorder.step(STEP["restore-integrity"]) as step:
        state = truth.read_state(context)
        context.recorder.note(schema_after=state.schema, history_after=list(state.history))
        if list(state.history) != list(context.run.history_before):
            raise StepFailed("The history of the restored database is not the one before the run.")
        with context.tools.server.session(
            context.endpoint, application_name=context.application_name
        ) as session:
            for name, rows in sorted(backup.counts.items()):
                step.say(f"{name}: {rows:,} rows")
            session.rows("SELECT 1 AS answers")
        for grant in _lost_grants(context):
            step.say(f"Not part of a restore, a superuser has to repeat: {grant}", level="warn")
        step.exit_code = 0


def _lost_grants(context: RunContext) -> list[str]:
    """Return the grants on PostgreSQL's own functions that a kept database has and the restored one has not.

    `pg_dump` writes them, but only a superuser can give them, and the portal is none.
    """
    live = context.endpoint
    with context.tools.server.session(live, application_name=context.application_name) as session:
        kept = databases_kept(context, session)
    before = {grant for name in kept for grant in _own_grants(context, live.on(name))}
    return sorted(before - _own_grants(context, live))


def _own_grants(context: RunContext, endpoint: Endpoint) -> set[str]:
    with context.tools.server.session(
        endpoint, application_name=context.application_name
    ) as session:
        return {row["said"] for row in session.rows(OWN_GRANTS)}
