"""Alembic behind the driver port: one approved file at a time, by name, in a sandbox with one door.

The customer's project is mounted read-only, with its packages in the folder `site-packages`, installed ahead from a lock file
with hashes. The revisions of a call are the project's own with the approved files over them, byte for byte. The interpreter is
the worker's, without the worker's packages; the project's `env.py`, `alembic.ini` and `.env` are never used.

Alembic keeps no list of what was applied, only the newest revisions (its heads). Which files these stand on is read from the
files' own text.
"""

import configparser
import re
from collections.abc import Callable, Sequence
from pathlib import Path

from migrations_portal.adapters import python_runtime
from migrations_portal.adapters.alembic_revisions import Revisions
from migrations_portal.adapters.bundle_layout import lay_out, passwd_mount, project_mounts
from migrations_portal.adapters.sandbox import Job, Mount, Sandbox
from migrations_portal.adapters.sandboxed_tool import DOOR, Listeners, ToolCall, call_folder
from migrations_portal.adapters.socket_door_upstream import Transport
from migrations_portal.execution.ports import (
    Bundle,
    ChildResult,
    DriverFailed,
    DriverMissing,
    DriverStatus,
    SentStatement,
    SessionLimits,
)
from migrations_portal.targets.ports import Endpoint, TargetSession

PROJECT = "/bundle"
PROGRAM = "/opt/alembic_inside.py"
MIGRATIONS = "/opt/migrations"
PACKAGES = "site-packages"
USUAL_FOLDER = "alembic"
"""Where Alembic's own `init` puts the scripts when nobody names another folder."""

_NAME = re.compile(r"[0-9A-Za-z_][0-9A-Za-z._-]{0,200}\.py")
_STATUS_LINE = re.compile(r"(up|down) (\S+\.py)")


def _nothing(_: object) -> None:
    """Listen to nothing."""


class AlembicDriver:
    """Runs Alembic 1.x from the customer's own packages."""

    def __init__(
        self,
        *,
        scratch: Path,
        bwrap: Path | None = None,
        history_table: str = "alembic_version",
        transport: Transport = Transport(),  # noqa: B008 (frozen)
    ) -> None:
        """Take a folder for the calls; raises `DriverMissing` without a sandbox."""
        self._sandbox = Sandbox(bwrap=bwrap)
        self._scratch = scratch
        self._history_table = history_table
        self._transport = transport

    def check(self, bundle: Bundle) -> None:
        """Raise `DriverMissing` when the project's packages are not there."""
        for part in ("alembic/__init__.py", "sqlalchemy/__init__.py"):
            if not (bundle.project / PACKAGES / part).is_file():
                raise DriverMissing(
                    f"The Alembic project {bundle.project.name} is not prepared on this worker ({PACKAGES}/{part} is "
                    f"missing). Run `pip install --require-hashes --only-binary :all: --target {PACKAGES} -r "
                    f"requirements.txt` in it, with Python {python_runtime.version()}."
                )

    def status(self, endpoint: Endpoint, bundle: Bundle, *, limits: SessionLimits) -> DriverStatus:
        """Ask the tool what is applied and pending; raise `DriverFailed` or `DriverMissing`."""
        result = self._call(endpoint, bundle, ("status",), limits, Listeners(_nothing, _nothing))
        if result.exit_code != 0:
            said = result.output[-600:].strip() or "nothing"
            raise DriverFailed(
                f"Alembic could not report its status (exit code {result.exit_code}); it said: {said}"
            )
        found = [_STATUS_LINE.fullmatch(line.strip()) for line in result.output.splitlines()]
        rows = [(row[1], row[2]) for row in found if row]
        return DriverStatus(
            applied=tuple(name for word, name in rows if word == "up"),
            pending=tuple(name for word, name in rows if word == "down"),
            output=result.output,
        )

    def up(
        self,
        endpoint: Endpoint,
        bundle: Bundle,
        *,
        name: str,
        limits: SessionLimits,
        on_output: Callable[[str], None] = _nothing,
        on_statement: Callable[[SentStatement], None] = _nothing,
    ) -> ChildResult:
        """Apply exactly the file `name`; a file whose predecessor is not applied fails unchanged."""
        words = ("up", _checked(name))
        return self._call(endpoint, bundle, words, limits, Listeners(on_output, on_statement))

    def down(
        self,
        endpoint: Endpoint,
        bundle: Bundle,
        *,
        name: str,
        limits: SessionLimits,
        on_output: Callable[[str], None] = _nothing,
        on_statement: Callable[[SentStatement], None] = _nothing,
    ) -> ChildResult:
        """Undo exactly the file `name`; one on which an applied file stands fails unchanged (X11)."""
        words = ("down", _checked(name))
        return self._call(endpoint, bundle, words, limits, Listeners(on_output, on_statement))

    def mark(self, session: TargetSession, bundle: Bundle, *, name: str) -> None:
        """Record the file, in whatever order files are marked: the table holds those that nothing else stands on."""
        revisions = self._revisions(bundle)
        if _checked(name) not in revisions.files:
            raise DriverFailed(f"{name} is not among the files; nothing was marked.")
        table = _quoted(self._history_table)
        session.rows(
            f"CREATE TABLE IF NOT EXISTS {table} (version_num varchar(32) NOT NULL, "
            f'CONSTRAINT "{self._history_table}_pkc" PRIMARY KEY (version_num))'
        )
        now = self._heads(session)
        wanted = {revisions.files[name].id} | {each.id for each in revisions.applied(now)}
        heads = revisions.heads(each for each in revisions.files.values() if each.id in wanted)
        session.rows(
            f"WITH gone AS (DELETE FROM {table} WHERE NOT version_num = ANY(%s))"  # noqa: S608
            f" INSERT INTO {table} SELECT unnest(%s::text[]) ON CONFLICT DO NOTHING",
            [sorted(heads), sorted(heads)],
        )

    def history(self, session: TargetSession, bundle: Bundle) -> Sequence[str]:
        """Return the files on which the recorded heads stand, sorted; raises `DriverFailed` for a head without a file."""
        heads = self._heads(session)
        if not heads:
            return []
        return sorted(each.file for each in self._revisions(bundle).applied(heads))

    def _heads(self, session: TargetSession) -> list[str]:
        table = _quoted(self._history_table)
        if not session.rows("SELECT to_regclass(%s) IS NOT NULL AS there", [table])[0]["there"]:
            return []
        rows = session.rows(f"SELECT version_num FROM {table}")  # noqa: S608
        return [str(row["version_num"]) for row in rows]

    def _revisions(self, bundle: Bundle) -> Revisions:
        return Revisions.of(bundle, versions=_versions(bundle.project))

    def _call(
        self,
        endpoint: Endpoint,
        bundle: Bundle,
        words: tuple[str, ...],
        limits: SessionLimits,
        listeners: Listeners,
    ) -> ChildResult:
        self.check(bundle)
        with call_folder(self._scratch) as folder:
            made = folder / "migrations" / "versions"
            lay_out(bundle, own=_versions(bundle.project), made=made, checked=_checked)
            made.parent.chmod(0o755)
            (folder / "empty").mkdir(mode=0o755)
            call = ToolCall(
                sandbox=self._sandbox,
                endpoint=endpoint,
                limits=limits,
                transport=self._transport,
                bookkeeping=self._history_table,
            )
            job = self._job(endpoint, bundle, words, limits, folder)
            return call.run(job, folder=folder, listeners=listeners)

    def _job(
        self,
        endpoint: Endpoint,
        bundle: Bundle,
        words: tuple[str, ...],
        limits: SessionLimits,
        folder: Path,
    ) -> Job:
        program = Path(__file__).with_name("alembic_inside.py")
        return Job(
            command=(
                *(f"{python_runtime.HOME}/bin/python3", "-I", "-S", "-B", "-u", "-X", "utf8"),
                *(PROGRAM, self._history_table, *words),
            ),
            mounts=(
                *python_runtime.mounts(empty=folder / "empty"),
                *project_mounts(bundle.project, at=PROJECT, without=("alembic.ini",)),
                Mount(program, PROGRAM),
                Mount(folder / "migrations", MIGRATIONS),
                passwd_mount(folder),
            ),
            environment={
                "PATH": f"{python_runtime.HOME}/bin",
                "HOME": "/tmp",  # noqa: S108 (inside the sandbox)
                "LANG": "C.UTF-8",
                "TZ": "UTC",
                "LD_LIBRARY_PATH": python_runtime.library_path(),
                "PGHOST": DOOR,
                "PGPORT": "5432",
                "PGUSER": endpoint.user,
                "PGDATABASE": endpoint.database,
                "PGAPPNAME": limits.application_name,
            },
            folder=PROJECT,
            cpu_seconds=limits.wall_clock_ms // 1000 + 60,
        )


def _versions(project: Path) -> Path:
    """Return the project's folder of revisions, as its `alembic.ini` names it; raises `DriverFailed` for one elsewhere."""
    settings = configparser.ConfigParser(interpolation=None)
    settings.read(project / "alembic.ini", encoding="utf-8")
    said = settings.get("alembic", "script_location", fallback=USUAL_FOLDER)
    folder = (project / said.replace("%(here)s/", "") / "versions").resolve()
    if not folder.is_relative_to(project.resolve()):
        raise DriverFailed(
            f"alembic.ini puts the scripts outside the project ({said}); nothing was run."
        )
    return folder


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _checked(name: str) -> str:
    if not _NAME.fullmatch(name) or name == "__init__.py":
        raise DriverFailed(
            f"{name!r} is no name of an Alembic revision: letters, digits, dots, dashes, .py."
        )
    return name
