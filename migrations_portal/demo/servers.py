"""The servers that the portal needs, all real, all from wheels, all on 127.0.0.1: PostgreSQL, Valkey, S3, SMTP.

They serve `make demo` and the tests, never production. Ports are free ones, chosen anew at each start; passwords are
kept in the data folder. Works as root (servers then run as `wco-demo` or `nobody`) and as an ordinary user.
"""

import fcntl
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from migrations_portal.demo.keys import Keys
from migrations_portal.demo.mail_sink import MailSink
from migrations_portal.demo.postgres import ADMIN, EmbeddedPostgres
from migrations_portal.demo.processes import Child, service_account
from migrations_portal.demo.s3 import BUCKET, REGION, EmbeddedS3
from migrations_portal.demo.valkey import EmbeddedValkey
from migrations_portal.kernel.errors import Refused

MARKER = "wco-demo"
"""The file by which a data folder is known to be ours, so that nothing else is ever emptied."""


class DataFolderInUse(Refused):
    """Another demo runs on this data folder. Stop it first, or choose another folder with --data."""

    code = "data-folder-in-use"


class DataFolderUnfit(Refused):
    """The folder cannot hold a demo's data."""

    code = "data-folder-unfit"


@dataclass(frozen=True)
class Addresses:
    """Where the servers answer, and with which credentials. No secret shows in the repr."""

    pg_host: str
    pg_port: int
    pg_admin_user: str
    pg_admin_password: str = field(repr=False)
    pg_bin: Path
    """Folder with pg_dump, pg_restore and psql of the server's own version."""
    redis_url: str = field(repr=False)
    s3_endpoint: str
    s3_bucket: str
    s3_region: str
    s3_access_key: str = field(repr=False)
    s3_secret_key: str = field(repr=False)
    smtp_port: int
    inbox: Path
    """Folder into which the mail sink writes one .eml file per message."""

    def pg_dsn(self, database: str = "postgres") -> str:
        """Return the superuser's connection URL for a database."""
        server = f"{self.pg_host}:{self.pg_port}"
        return f"postgresql://{self.pg_admin_user}:{self.pg_admin_password}@{server}/{database}"


class _Server(Protocol):
    def start(self) -> None: ...
    def stop(self, *, thrown_away: bool = False) -> None: ...


class EmbeddedServers:
    """All four servers on one data folder.

    1. `start` locks the folder, ends what a killed session left running on it, and starts all four at once.
    2. `stop` ends them in reverse order. Nothing outlives the process that called `start`, even when it is killed.
    """

    def __init__(self, data_dir: Path, *, durable: bool = True) -> None:
        """Take the data folder; `durable=False` is for data that is thrown away (`stop` is then abrupt)."""
        self._durable = durable
        self.data = data_dir.absolute()
        self._pool: ThreadPoolExecutor | None = None
        self._lock: int | None = None

    def start(self) -> Addresses:
        """Start the servers and say where they are; raise `DataFolderInUse` or `ServerDidNotStart`."""
        self._prepare_folder()
        account, keys, data = service_account(), Keys.kept_in(self.data / "keys.json"), self.data
        self._postgres = EmbeddedPostgres(
            folder=data, account=account, password=keys.pg_admin, durable=self._durable
        )
        self._valkey = EmbeddedValkey(
            folder=data, account=account, password=keys.redis, durable=self._durable
        )
        self._s3 = EmbeddedS3(
            folder=data,
            account=account,
            access_key=keys.s3_access,
            secret_key=keys.s3_secret,
            encryption_key=keys.s3_encryption,
        )
        self._mail = MailSink(inbox=data / "inbox")
        self._start_together()
        return self._addresses(keys)

    def stop(self) -> None:
        """End all servers, the last first. Does nothing to servers that did not start."""
        if self._pool is None:
            return
        for server in reversed(self._all()):
            server.stop(thrown_away=not self._durable)
        self._pool.shutdown()
        self._pool = None
        self._unlock()

    def ended(self) -> list[Child]:
        """Return the server processes that have died since `start`; empty while all is well."""
        if self._pool is None:
            return []
        children = (self._postgres.child, self._valkey.child, self._s3.child)
        return [child for child in children if not child.running]

    def _all(self) -> list[_Server]:
        return [self._postgres, self._valkey, self._s3, self._mail]

    def _start_together(self) -> None:
        # The kernel ends a child when the *thread* that started it ends, so the threads of this pool live until `stop`.
        self._pool = ThreadPoolExecutor(max_workers=4, thread_name_prefix="server")
        started = [self._pool.submit(server.start) for server in self._all()]
        troubles = [trouble for each in started if (trouble := each.exception())]
        if troubles:
            for server, each in reversed(list(zip(self._all(), started, strict=True))):
                if not each.exception():
                    server.stop(thrown_away=not self._durable)
            self._pool.shutdown()
            self._pool = None
            self._unlock()
            raise troubles[0]

    def _prepare_folder(self) -> None:
        known = (self.data / MARKER).exists()
        if self.data.exists() and not known and any(self.data.iterdir()):
            raise DataFolderUnfit(
                f"{self.data} holds other things. Choose an empty folder for the demo's data."
            )
        self.data.mkdir(parents=True, exist_ok=True)
        self.data.chmod(0o711 if os.geteuid() == 0 else 0o700)
        self._lock = os.open(self.data / MARKER, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            self._unlock()
            raise DataFolderInUse from None

    def _unlock(self) -> None:
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def _addresses(self, keys: Keys) -> Addresses:
        return Addresses(
            pg_host="127.0.0.1",
            pg_port=self._postgres.port,
            pg_admin_user=ADMIN,
            pg_admin_password=keys.pg_admin,
            pg_bin=self._postgres.programs,
            redis_url=self._valkey.url,
            s3_endpoint=self._s3.endpoint,
            s3_bucket=BUCKET,
            s3_region=REGION,
            s3_access_key=keys.s3_access,
            s3_secret_key=keys.s3_secret,
            smtp_port=self._mail.port,
            inbox=self._mail.inbox,
        )
