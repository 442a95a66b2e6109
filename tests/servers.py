"""Real servers for the tests, and the environment that the settings need. A pytest plugin, loaded with `-p tests.servers`.

The controlling process starts PostgreSQL, Valkey, S3 and a mail sink when this module is imported (about a second), in a
folder that is removed at the end; workers of pytest-xdist inherit the environment and start nothing.
`python -m tests.servers COMMAND...` runs any command with the same servers, for example `manage.py shell`.

Beside the portal's own variables it sets WCO_TEST_PG_DSN (superuser, database `postgres`), WCO_TEST_INBOX (the folder of
received mails) and WCO_TEST_SERVERS (the pid of the process that owns the servers).
"""

from __future__ import annotations

import atexit
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from migrations_portal.demo.environment import (
    application_environment,
    make_roles,
    owner_environment,
)
from migrations_portal.demo.keys import Keys
from migrations_portal.demo.processes import service_account
from migrations_portal.demo.servers import EmbeddedServers

OWNER = "WCO_TEST_SERVERS"
ROOT = Path(__file__).resolve().parent.parent
PREFIX = "wco-tests-"
running: EmbeddedServers | None = None


def temporary_folder() -> Path:
    """Make a folder that the servers' account can reach, named after this process; remove those of dead processes."""
    chosen = Path(tempfile.gettempdir())
    parent = chosen if service_account().can_read(chosen) else Path("/var/tmp")  # noqa: S108
    for left in parent.glob(f"{PREFIX}*"):
        if not Path("/proc", left.name.removeprefix(PREFIX).partition("-")[0]).exists():
            shutil.rmtree(left, ignore_errors=True)
    return Path(tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-", dir=parent))


def _start() -> None:
    global running  # noqa: PLW0603  # pytest knows a plugin as a module
    folder = temporary_folder()
    running = EmbeddedServers(folder, durable=False)
    atexit.register(stop)
    addresses = running.start()
    keys = Keys.kept_in(folder / "keys.json")
    make_roles(addresses=addresses, keys=keys, data=folder, for_tests=True)
    os.environ.update(
        application_environment(
            addresses=addresses,
            keys=keys,
            public_url="http://127.0.0.1:8000",
            data=folder,
            projects=ROOT / "var" / "projects",
        )
    )
    os.environ.update(owner_environment(addresses=addresses, keys=keys))
    os.environ["WCO_ALLOWED_HOSTS"] = "127.0.0.1,testserver"
    os.environ["WCO_TEST_PG_DSN"] = addresses.pg_dsn()
    os.environ["WCO_TEST_INBOX"] = str(addresses.inbox)
    for name in ("WCO_DEMO_DIR", "WCO_DEMO_DAY_SECONDS", "WCO_DEBUG"):
        os.environ.pop(name, None)
    os.environ[OWNER] = str(os.getpid())


def stop() -> None:
    """End the servers and remove their folder, once."""
    global running
    if running is not None:
        servers, running = running, None
        servers.stop()
        shutil.rmtree(servers.data, ignore_errors=True)
        os.environ.pop(OWNER, None)


def pytest_unconfigure() -> None:
    """End the servers when pytest is done."""
    stop()


if not Path("/proc", os.environ.get(OWNER, "none")).exists():
    _start()

if __name__ == "__main__":
    sys.exit(subprocess.run(sys.argv[1:], check=False).returncode)
