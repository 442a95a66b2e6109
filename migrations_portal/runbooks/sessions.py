"""Who is at work on a target for a run: held alone by one runner, and the sessions of a dead one ended (X3, X7, X8)."""

import contextlib
import re
import time
from collections.abc import Iterator

from migrations_portal.execution.rules import StepFailed
from migrations_portal.kernel.errors import TargetTrouble
from migrations_portal.runbooks.tools import RunContext, beside_name, kept_stem
from migrations_portal.targets.ports import Endpoint, QueryFailed, TargetSession

RUNNER_LOCK = 0x57C0_0001
"""Advisory lock on the target: one runner at a time, whoever started it (X7)."""
WAIT_SECONDS = 20.0
"""How long ended sessions may take to be gone, and a dead runner's lock to be free."""
LOOK_SECONDS = 0.2

SESSIONS = """
SELECT pid FROM pg_stat_activity
 WHERE application_name LIKE %s AND application_name NOT LIKE %s AND datname LIKE ANY(%s) AND pid <> pg_backend_pid()
"""
"""Names do not tell enough: another portal may have a run of the same number on the same server, and its sessions are not ours."""
KEPT = "SELECT datname FROM pg_catalog.pg_database WHERE datname LIKE %s ORDER BY oid"
END_SESSION = "SELECT pg_terminate_backend(%s)"
READ_FENCE = """
SELECT substring(shobj_description(oid, 'pg_database') FROM 'White Cross Ops: run fence ([0-9]+)')::bigint AS fence
  FROM pg_catalog.pg_database WHERE datname = current_database()
"""
WRITE_FENCE = """
DO $$ DECLARE customers text;
BEGIN
  SELECT regexp_replace(shobj_description(oid, 'pg_database'), ' *[[]White Cross Ops: run fence [0-9]+[]]', '')
    INTO customers FROM pg_catalog.pg_database WHERE datname = current_database();
  EXECUTE format('COMMENT ON DATABASE %%I IS %%L', current_database(),
    concat_ws(' ', nullif(customers, ''), '[White Cross Ops: run fence {fence}]'));
END $$
"""
"""A mark behind the customer's own comment on the database: its owner may write it on every version (a setting of ours needs a
superuser's grant since PostgreSQL 15), and it is no part of the schema, so no dump and no comparison of schemas shows it."""
NOT_PRIVILEGED = "42501"


class OldSessionsAlive(TargetTrouble):
    """Sessions of the dead worker are still at work on the target."""

    code = "old-sessions-alive"


def end_own_sessions(context: RunContext) -> None:
    """End everything that this run, under this fence, has open on its target and in its drill. Raises as `end_older_sessions`."""
    own = f"{context.application_name}%"
    _end_sessions(context, context.endpoint, among=_of_the_target(context), like=own)
    drill = context.drill
    server = context.tools.drill_server(context.run.target)
    _end_sessions(context, server, among=[_literally(drill.database)], like=own)


def end_older_sessions(context: RunContext) -> None:
    """End what an older fence of this run left on the target, its holder of the lock too, and wait until it is gone.

    Raises `OldSessionsAlive`, `TargetUnreachable`.
    """
    own, any_fence = f"{context.application_name}%", f"wcops-{context.run.pk}-%"
    _end_sessions(
        context, context.endpoint, among=_of_the_target(context), like=any_fence, unlike=own
    )


def _of_the_target(context: RunContext) -> list[str]:
    """Return patterns of the target's database, and of those that restores of this run make and keep beside it."""
    live, run_id = context.run.target.database, context.run.pk
    restored = beside_name(live, word="restored", run_id=run_id)
    kept = _literally(kept_stem(live, run_id=run_id)) + "%"
    return [_literally(live), _literally(restored), kept]


def databases_kept(context: RunContext, session: TargetSession) -> list[str]:
    """Return the databases on the target's server that restores of this run have taken out of their place."""
    kept = _literally(kept_stem(context.run.target.database, run_id=context.run.pk)) + "%"
    return [str(row["datname"]) for row in session.rows(KEPT, [kept])]


def _literally(name: str) -> str:
    """Return the LIKE pattern that means exactly this name."""
    return re.sub(r"([\\%_])", r"\\\1", name)


def _end_sessions(
    context: RunContext, endpoint: Endpoint, *, among: list[str], like: str, unlike: str = ""
) -> None:
    name = f"wcops-ender-{context.run.pk}"
    with context.tools.server.session(endpoint, application_name=name) as session:
        deadline = time.monotonic() + WAIT_SECONDS
        while rows := session.rows(SESSIONS, [like, unlike, among]):
            for row in rows:
                session.rows(END_SESSION, [row["pid"]])
            if time.monotonic() > deadline:
                raise OldSessionsAlive
            time.sleep(LOOK_SECONDS)


@contextlib.contextmanager
def held_target(context: RunContext, *, wait_seconds: float = 0.0) -> Iterator[TargetSession]:
    """Hold the target's lock alone while the block lasts, with our fence written into it.

    Raises `StepFailed` when another runner holds it, or when the target has met a newer fence than ours.
    """
    name = f"{context.application_name}-holder"
    with context.tools.server.session(
        context.endpoint, application_name=name, statement_timeout_ms=0
    ) as holder:
        deadline = time.monotonic() + wait_seconds
        while not holder.try_lock(RUNNER_LOCK):
            if time.monotonic() >= deadline:
                raise StepFailed(
                    "Another runner holds the lock on this target. Wait until it has ended."
                )
            time.sleep(LOOK_SECONDS)
        _fence(context, holder)
        yield holder


def check_held(holder: TargetSession) -> None:
    """Raise `TargetUnreachable` or `StepFailed` unless the session still holds the lock: anybody else may by now (X7)."""
    if not holder.try_lock(RUNNER_LOCK):  # a session that has the lock gets it again
        raise StepFailed("This run no longer holds the lock on its target.")


def _fence(context: RunContext, holder: TargetSession) -> None:
    """Refuse a target that has met a newer fence, and leave ours there (X3)."""
    mine = context.recorder.fence
    found = [int(row["fence"]) for row in holder.rows(READ_FENCE) if row["fence"] is not None]
    if found and found[0] > mine:
        raise StepFailed(
            f"The target has met run fence {found[0]}, but this run got {mine}: the portal's database is an older copy, or "
            "another portal runs on this target. Find out which; if this portal is right, take the mark out of the target's "
            "COMMENT ON DATABASE. Nothing was changed."
        )
    try:
        holder.rows(WRITE_FENCE.format(fence=mine))
    except QueryFailed as failure:
        if failure.sqlstate != NOT_PRIVILEGED:
            raise
        context.recorder.log(
            "The fence could not be left on the target, as its role does not own the database; the advisory lock and the "
            "portal's own fence still hold.",
            level="warn",
        )
