"""Servers of a test's own, behind a proxy so that their address stays, which are killed with all their children."""

import contextlib
import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from django.db import connections
from psycopg.conninfo import conninfo_to_dict

from migrations_portal import wiring
from migrations_portal.adapters.portal_roles import Login
from migrations_portal.demo.databases import APP, MIGRATOR, OWNER, ensure_roles
from migrations_portal.demo.environment import CREDENTIAL
from migrations_portal.demo.postgres import EmbeddedPostgres
from migrations_portal.demo.processes import service_account
from migrations_portal.demo.valkey import EmbeddedValkey
from tests.chaos.proxy import Proxy
from tests.chaos.worker import alive
from tests.customer import ADMIN, Customer
from tests.runs_kit import until
from tests.servers import temporary_folder

PORTAL_DATABASE = "default"


@dataclass
class Mortal:
    """One server that can die and come back."""

    server: EmbeddedPostgres | EmbeddedValkey
    proxy: Proxy

    def kill(self) -> None:
        """Kill the server and everything it has started with SIGKILL, and see that nothing of it is left."""
        process = self.server.child.process
        assert process is not None
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        pids = {process.pid, *map(int, children)}
        for pid in (process.pid, *map(int, children)):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        process.wait(10)
        until(lambda: not alive(pids - {process.pid}), seconds=2)

    def come_back(self) -> None:
        """Start it again on its data; the proxy leads to its new port."""
        self.server.start()
        self.proxy.upstream = ("127.0.0.1", self.server.port)


@contextlib.contextmanager
def mortal(server: EmbeddedPostgres | EmbeddedValkey) -> Iterator[Mortal]:
    """Start the server with a proxy before it; both are gone when the block ends, with the server's folder.

    The folder is none of pytest's: each session of pytest that starts shuts their parent to the servers' account.
    """
    server.start()
    try:
        with Proxy(("127.0.0.1", server.port)) as proxy:
            yield Mortal(server, proxy)
    finally:
        server.stop(thrown_away=True)
        shutil.rmtree(server.folder, ignore_errors=True)


def _folder() -> Path:
    """Make a folder that the servers' account can walk through."""
    made = temporary_folder()
    made.chmod(0o711)
    return made


def postgres() -> EmbeddedPostgres:
    password = str(conninfo_to_dict(ADMIN)["password"])
    return EmbeddedPostgres(folder=_folder(), account=service_account(), password=password)


def valkey() -> EmbeddedValkey:
    password = str(urlsplit(os.environ["WCO_REDIS_URL"]).password)
    return EmbeddedValkey(folder=_folder(), account=service_account(), password=password)


def _take_along(server: EmbeddedPostgres, *, database: str) -> None:
    """Copy a database of the tests' server to this one, with the roles, their passwords, owners and rights."""
    owner, app = (urlsplit(os.environ[f"WCO_{name}DATABASE_URL"]) for name in ("OWNER_", ""))
    migrator = wiring.tools().credentials.fetch(CREDENTIAL)
    ensure_roles(
        server.dsn(),
        owner=Login(OWNER, str(owner.password)),
        app=Login(APP, str(app.password)),
        migrator=Login(MIGRATOR, migrator.password),
    )
    there = conninfo_to_dict(ADMIN)
    source = f"postgresql://{there['user']}:{there['password']}@{there['host']}:{there['port']}/{database}"
    archive = server.folder / f"{database}.dump"
    for command in (
        [server.programs / "pg_dump", "-Fc", "--create", "-f", archive, "-d", source],
        [server.programs / "pg_restore", "--create", "-e", "-d", server.dsn(), archive],
    ):
        subprocess.run(command, check=True, capture_output=True)


@contextlib.contextmanager
def mortal_target(school: Customer) -> Iterator[Mortal]:
    """Move the target to a server of its own while the block lasts."""
    with mortal(postgres()) as server:
        _take_along(server.server, database=school.target.database)
        target, before = school.target, (school.target.host, school.target.port, school.admin)
        target.host, target.port, school.admin = "127.0.0.1", server.proxy.port, server.server.dsn()
        target.save(update_fields=["host", "port"])
        try:
            yield server
        finally:
            target.host, target.port, school.admin = before


@contextlib.contextmanager
def mortal_portal() -> Iterator[Mortal]:
    """Move the portal's own database, empty as it is, to a server of its own while the block lasts."""
    settings = connections[PORTAL_DATABASE].settings_dict
    with mortal(postgres()) as server:
        _take_along(server.server, database=settings["NAME"])
        before = {name: settings[name] for name in ("HOST", "PORT")}
        connections[PORTAL_DATABASE].close()
        settings.update(HOST="127.0.0.1", PORT=server.proxy.port)
        try:
            yield server
        finally:
            connections[PORTAL_DATABASE].close()
            settings.update(before)
