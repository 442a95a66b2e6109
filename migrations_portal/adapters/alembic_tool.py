"""Alembic behind the driver port: one approved file at a time, by name, in a sandbox with one door.

The customer's project is mounted read-only, with its packages in the folder `site-packages`, installed ahead from a lock file
with hashes. The revisions of a call are the project's own with the approved files over them, byte for byte. The interpreter is
the worker's, without the worker's packages; the project's `env.py`, `alembic.ini` and `.env` are never used.

Alembic keeps no list of what was applied, only the newest revisions (its heads). Which files these stand on is read from the
files' own text.
"""

import configparser
import re
from collections.abc import Sequence
from pathlib import Path

from migrations_portal.adapters import python_runtime
from migrations_portal.adapters.alembic_revisions import Revisions
from migrations_portal.adapters.bundle_layout import lay_out, passwd_mount, project_mounts
from migrations_portal.adapters.sandbox import Job, Mount
from migrations_portal.adapters.sandboxed_driver import SandboxedDriver, environment
from migrations_portal.adapters.socket_door_upstream import Transport
from migrations_portal.execution.ports import (
    Bundle,
    DriverFailed,
    DriverMissing,
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


class AlembicDriver(SandboxedDriver):
    """Runs Alembic 1.x from the customer's own packages.

    A file whose predecessor is not applied, or on which an applied one stands when it is to be undone, fails unchanged.
    """

    tool = "Alembic"
    packages_folder = PACKAGES
    to_status = ("status",)
    to_up = ("up",)
    to_down = ("down",)
    status_line = re.compile(r"(up|down) (\S+\.py)")

    def __init__(
        self,
        *,
        scratch: Path,
        bwrap: Path | None = None,
        history_table: str = "alembic_version",
        transport: Transport = Transport(),  # noqa: B008 (frozen)
    ) -> None:
        """Take a folder for the calls; raises `DriverMissing` without a sandbox."""
        super().__init__(
            scratch=scratch, bwrap=bwrap, history_table=history_table, transport=transport
        )

    def check(self, bundle: Bundle) -> None:
        """Raise `DriverMissing` when the project's packages are not there."""
        for part in ("alembic/__init__.py", "sqlalchemy/__init__.py"):
            if not (bundle.project / PACKAGES / part).is_file():
                raise DriverMissing(
                    f"The Alembic project {bundle.project.name} is not prepared on this worker ({PACKAGES}/{part} is "
                    f"missing). Run `pip install --require-hashes --only-binary :all: --target {PACKAGES} -r "
                    f"requirements.txt` in it, with Python {python_runtime.version()}."
                )

    def checked(self, name: str) -> str:
        """Return the name of a file; raise `DriverFailed` when it is none of Alembic's."""
        if not _NAME.fullmatch(name) or name == "__init__.py":
            raise DriverFailed(
                f"{name!r} is no name of an Alembic revision: letters, digits, dots, dashes, .py."
            )
        return name

    def mark(self, session: TargetSession, bundle: Bundle, *, name: str) -> None:
        """Record the file, in whatever order files are marked: the table holds those that nothing else stands on."""
        revisions = self._revisions(bundle)
        if self.checked(name) not in revisions.files:
            raise DriverFailed(f"{name} is not among the files; nothing was marked.")
        table = self._table()
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
        if not self._has_history(session):
            return []
        rows = session.rows(f"SELECT version_num FROM {self._table()}")  # noqa: S608
        return [str(row["version_num"]) for row in rows]

    def _revisions(self, bundle: Bundle) -> Revisions:
        return Revisions.of(bundle, versions=_versions(bundle.project))

    def _lay_out(self, endpoint: Endpoint, bundle: Bundle, folder: Path) -> None:
        del endpoint
        made = folder / "migrations" / "versions"
        lay_out(bundle, own=_versions(bundle.project), made=made, checked=self.checked)
        made.parent.chmod(0o755)
        (folder / "empty").mkdir(mode=0o755)

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
            environment=environment(endpoint, limits=limits)
            | {
                "PATH": f"{python_runtime.HOME}/bin",
                "LD_LIBRARY_PATH": python_runtime.library_path(),
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
