"""What `manage.py doctor` looks at: each prerequisite, tried for real, with a sentence that says how to mend it."""

import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import redis
from django.conf import settings
from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from migrations_portal import wiring
from migrations_portal.adapters.mail import SmtpMailer
from migrations_portal.adapters.sandbox import Job, Mount, Sandbox, libraries
from migrations_portal.kernel.errors import ProductError
from migrations_portal.notifications.queries import in_trouble
from migrations_portal.runbooks import recoverable
from migrations_portal.runbooks.health import ROOM_NEEDED
from migrations_portal.runbooks.tools import Tools
from migrations_portal.targets.models import Target
from migrations_portal.targets.ports import Endpoint, TargetSession
from migrations_portal.targets.rules import EnvironmentKind

MOST_SKEW_SECONDS = 2.0
APPLICATION = "wcops-doctor"
PRIVILEGES = """
SELECT current_setting('server_version') AS version, current_setting('server_version_num')::int / 10000 AS major,
       (SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()) AS encrypted, pg_is_in_recovery() AS standby,
       current_setting('archive_mode') <> 'off' AS archived
  FROM pg_database WHERE datname = current_database()
"""
PACKAGES = {"Sequelize": "node_modules", "Alembic": "site-packages"}
"""Where a prepared project has its packages, by tool."""
MEND = (
    "Run `npm ci --ignore-scripts` in it (Sequelize), or install its locked packages into the folder site-packages "
    "(Alembic; see docs/reference/drivers.md)."
)
OUTBOX_DAYS = timedelta(days=7)
MAY_CREATE = "SELECT rolcreatedb OR rolsuper AS may FROM pg_roles WHERE rolname = current_user"


@dataclass(frozen=True)
class Finding:
    """One prerequisite: whether it is met, and a sentence. `warning` means that the portal works without it, less well."""

    name: str
    ok: bool
    sentence: str
    warning: bool = False


Look = Callable[[], Finding]


def examine(*, now: datetime, target: str = "") -> Iterator[Finding]:
    """Look at everything, or only at one target; a look that breaks is a finding itself."""
    if not target:
        for name, look in _portal(now):
            yield _safely(name, look)
    try:
        tools = wiring.tools()
    except ProductError as failure:
        yield Finding("tools", ok=False, sentence=failure.sentence)
        return
    rows = Target.objects.select_related("drill_target").order_by("name")
    found = list(rows.filter(name=target) if target else rows)
    if not found:
        yield Finding("targets", ok=False, sentence="There is no such target.", warning=not target)
    for each in found:
        yield from _of_target(tools, each)


def _safely(name: str, look: Look) -> Finding:
    try:
        return look()
    except ProductError as failure:
        return Finding(name, ok=False, sentence=failure.sentence)
    except Exception as failure:  # noqa: BLE001  # whatever it was, the next look may still tell something
        return Finding(name, ok=False, sentence=f"{type(failure).__name__}: {failure}")


def _portal(now: datetime) -> list[tuple[str, Look]]:
    return [
        ("python", _python),
        ("database", lambda: _database(now)),
        ("broker", _broker),
        ("vault", _vault),
        ("mail", _mail),
        ("outbox", lambda: _outbox(now)),
        ("client tools", _client_tools),
        ("sandbox", _sandbox),
        ("disk", _disk),
    ]


def _python() -> Finding:
    version = ".".join(map(str, sys.version_info[:3]))
    return Finding("python", ok=sys.version_info >= (3, 11, 2), sentence=f"Python {version}.")


def _database(now: datetime) -> Finding:
    executor = MigrationExecutor(connection)
    if executor.migration_plan(executor.loader.graph.leaf_nodes()):
        return Finding(
            "database", ok=False, sentence="The portal's tables are behind. Run manage.py migrate."
        )
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        skew = abs((cursor.fetchone()[0] - now).total_seconds())
    if skew > MOST_SKEW_SECONDS:
        return Finding(
            "database",
            ok=False,
            sentence=f"This machine's clock differs from the database's by {skew:.0f} s. Set up time synchronisation.",
        )
    return Finding("database", ok=True, sentence="The portal's database answers and is migrated.")


def _broker() -> Finding:
    with redis.Redis.from_url(settings.CELERY_BROKER_URL, socket_timeout=3) as broker:
        memory, durable = broker.info("memory"), broker.info("persistence")
    policy = memory.get("maxmemory_policy")
    if policy != "noeviction":
        return Finding(
            "broker",
            ok=False,
            sentence=f"Redis may drop messages (maxmemory-policy {policy}). Set it to noeviction.",
        )
    if not durable.get("aof_enabled"):
        return Finding(
            "broker",
            ok=False,
            warning=True,
            sentence="Redis keeps no append-only file, so a crash delays runs until the next sweep. Set appendonly yes.",
        )
    return Finding(
        "broker", ok=True, sentence="Redis answers, keeps what it is given, and evicts nothing."
    )


def _vault() -> Finding:
    wiring.tools().vault.check()
    return Finding("vault", ok=True, sentence="The bucket answers, with versions and Object Lock.")


def _mail() -> Finding:
    mailer = wiring.mailer()
    if isinstance(mailer, SmtpMailer):
        mailer.check()
    return Finding("mail", ok=True, sentence="The mail relay answers.")


def _outbox(now: datetime) -> Finding:
    found = in_trouble(since=now - OUTBOX_DAYS)
    if not (found.retried or found.given_up):
        return Finding("outbox", ok=True, sentence="Every notice was handed over at once.")
    return Finding(
        "outbox",
        ok=False,
        warning=True,
        sentence=f"{found.retried} notices are tried again, {found.given_up} were given up in the last {OUTBOX_DAYS.days} days. "
        f"{found.problem}",
    )


def _client_tools() -> Finding:
    version = wiring.tools().dump.client_version()
    return Finding("client tools", ok=True, sentence=f"pg_dump and pg_restore {version}.")


def _sandbox() -> Finding:
    node = wiring.node()
    needed = libraries(node)
    job = Job(
        command=("/opt/node", "--version"),
        mounts=(Mount(node, "/opt/node"), *(Mount(path, str(path)) for path in needed)),
        environment={"LD_LIBRARY_PATH": ":".join(sorted({str(path.parent) for path in needed}))},
        folder="/",
        cpu_seconds=30,
    )
    process = Sandbox().start(job)
    said = b""
    while chunk := process.read():
        said += chunk
    code = process.end()
    sentence = f"Node {said.decode(errors='replace').strip()} runs in the sandbox."
    return Finding(
        "sandbox",
        ok=code == 0,
        sentence=sentence if code == 0 else f"Node ended with {code} in the sandbox.",
    )


def _disk() -> Finding:
    folder: Path = settings.ENV.work_dir
    free = shutil.disk_usage(folder).free
    return Finding(
        "disk",
        ok=free >= ROOM_NEEDED,
        sentence=f"{free // 1024**2:,} MiB free in {folder}; a run needs {ROOM_NEEDED // 1024**2}.",
    )


def _of_target(tools: Tools, target: Target) -> Iterator[Finding]:
    name = f"target {target.name}"
    yield _safely(f"{name}: project", lambda: _project(tools, target))
    try:
        endpoint = tools.endpoint(target)
        with tools.server.session(endpoint, application_name=APPLICATION) as session:
            yield from _privileges(name, session, client=tools.dump.client_version())
            needed = target.environment == EnvironmentKind.PRODUCTION and not target.rds_instance
            yield _recovery(name, session, needed=needed)
        yield _drill(name, tools, tools.drill_server(target))
    except ProductError as failure:
        yield Finding(name, ok=False, sentence=failure.sentence)


def _project(tools: Tools, target: Target) -> Finding:
    folder = tools.projects / target.project
    ready = [name for name, packages in PACKAGES.items() if (folder / packages).is_dir()]
    state = f"prepared for {' and '.join(ready)}" if ready else "not prepared"
    mend = "" if ready else f" {MEND}"
    return Finding(
        f"target {target.name}: project",
        ok=bool(ready),
        sentence=f"{folder} is {state}.{mend}",
    )


def _privileges(name: str, session: TargetSession, *, client: int) -> Iterator[Finding]:
    facts = session.rows(PRIVILEGES)[0]
    fits = not facts["standby"] and int(facts["major"]) <= client
    said = "standby" if facts["standby"] else f"PostgreSQL {facts['version']}, pg_dump {client}"
    yield Finding(name, ok=fits, sentence=f"It answers: {said}.")
    yield Finding(
        f"{name}: encryption",
        ok=bool(facts["encrypted"]),
        warning=True,
        sentence="The connection is encrypted."
        if facts["encrypted"]
        else "The connection is not encrypted. Turn TLS on.",
    )
    yield Finding(
        f"{name}: archiving",
        ok=bool(facts["archived"]),
        warning=True,
        sentence="Its WAL is archived."
        if facts["archived"]
        else "Its WAL is not archived, so what is written after the backup cannot be recovered.",
    )


def _recovery(name: str, session: TargetSession, *, needed: bool) -> Finding:
    """Say whether a backup could be put in the place of the database; where it is `needed`, no run begins without."""
    found = recoverable.obstacles(session)
    return Finding(
        f"{name}: recovery",
        ok=not found,
        warning=not needed,
        sentence=" ".join(found)
        or "Its role can put a backup in the place of the database, every owner as it is now.",
    )


def _drill(name: str, tools: Tools, endpoint: Endpoint) -> Finding:
    with tools.server.session(endpoint, application_name=APPLICATION) as session:
        may = bool(session.rows(MAY_CREATE)[0]["may"])
    return Finding(
        f"{name}: drills",
        ok=may,
        sentence="Its staging server answers and lets us create scratch databases."
        if may
        else "The role may not create databases on the staging server. ALTER ROLE … CREATEDB there.",
    )
