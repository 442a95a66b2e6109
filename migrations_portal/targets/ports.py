"""What the portal asks of a target database, and of the place that keeps the credentials."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Protocol

from migrations_portal.kernel.errors import TargetTrouble, Trouble


class TargetUnreachable(TargetTrouble):
    """The target does not answer."""

    code = "target-unreachable"
    permanent = False


class QueryFailed(TargetTrouble):
    """A query of ours failed on the target; `sqlstate` says why. Row values are never in the sentence (S10)."""

    code = "query-failed"

    def __init__(self, sentence: str = "", *, sqlstate: str = "") -> None:
        """Keep the five-letter SQLSTATE beside the sentence."""
        super().__init__(sentence)
        self.sqlstate = sqlstate


class CredentialMissing(Trouble):
    """No credential is stored under the name that the target gives."""

    code = "credential-missing"


class TrafficHookFailed(TargetTrouble):
    """The target's traffic hook did not do what it was asked."""

    code = "traffic-hook-failed"


class TrafficState(StrEnum):
    """Where the application's traffic goes."""

    MAINTENANCE = "maintenance"
    NORMAL = "normal"


class TrafficHook(Protocol):
    """Diverts a target's traffic and takes it back."""

    def switch(self, *, url: str, secret: str, state: TrafficState, run: int) -> None:
        """Set the state and read it back; raise `TrafficHookFailed`."""
        ...


@dataclass(frozen=True)
class Endpoint:
    """Where a database is and as whom to enter it. The password never shows in a repr."""

    host: str
    port: int
    database: str
    user: str
    password: str = field(repr=False)

    def on(self, database: str) -> "Endpoint":
        """Return the same server and user, another database."""
        return Endpoint(self.host, self.port, database, self.user, self.password)


@dataclass(frozen=True)
class Credential:
    """A user name and a password for a target."""

    user: str
    password: str = field(repr=False)


class CredentialSource(Protocol):
    """Where the executor fetches a target's credential, at the start of a step."""

    def fetch(self, name: str) -> Credential:
        """Return the credential; raise `CredentialMissing`."""
        ...


class TargetSession(Protocol):
    """One session on a target, in autocommit unless a snapshot is held."""

    def rows(self, sql: str, params: Sequence[Any] = ()) -> list[dict[str, Any]]:
        """Run one statement and return its rows (empty for a statement without any); raise `QueryFailed`."""
        ...

    def run_script(self, text: str) -> None:
        """Run many statements as one text, such as a schema; raise `QueryFailed`."""
        ...

    def count(self, schema: str, table: str) -> int:
        """Count the rows of a table exactly."""
        ...

    def hold_snapshot(self) -> str:
        """Begin a repeatable-read, read-only transaction and return its exported snapshot id."""
        ...

    def release_snapshot(self) -> None:
        """End the transaction that `hold_snapshot` began."""
        ...

    def try_lock(self, key: int) -> bool:
        """Take the session's advisory lock `key` if it is free; it lives as long as the session."""
        ...


class TargetServer(Protocol):
    """Opens sessions on targets and makes, renames and drops whole databases."""

    def session(
        self, endpoint: Endpoint, *, application_name: str, statement_timeout_ms: int = 60_000
    ) -> AbstractContextManager[TargetSession]:
        """Open a session; raise `TargetUnreachable` with host, port and what to do."""
        ...

    def create_database(self, endpoint: Endpoint, *, like: str = "") -> None:
        """Create the empty database that `endpoint` names (from template0), with encoding and locale of the database `like`."""
        ...

    def drop_database(self, endpoint: Endpoint) -> None:
        """Drop the database that `endpoint` names, if it is there; ends sessions on it."""
        ...

    def swap_databases(self, live: Endpoint, *, replacement: str, keep_as: str) -> None:
        """Rename `live` to `keep_as` and `replacement` to the live name; sessions on both are ended. Undone when half fails."""
        ...
