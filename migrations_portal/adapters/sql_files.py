"""Plain SQL files behind the driver port: `<name>.sql` with an up part and, after a line `-- down`, a down part.

- Each part runs in one transaction together with its row in the history table `wco_schema_history`.
- A line `-- no transaction` in a part makes its statements run one by one, each committed by itself
  (`CREATE INDEX CONCURRENTLY`); the history row then follows the last.
- Statements go through the same socket door as any other tool's: same limits, same record, same silence
  about row values. No sandbox: SQL runs on the server and nowhere else.
"""

import hashlib
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import mkdtemp

import psycopg

from migrations_portal.adapters.sandboxed_tool import Listeners, call_folder, nothing
from migrations_portal.adapters.socket_door_upstream import Transport
from migrations_portal.adapters.sql_files_call import (
    ADD,
    CREATE,
    IS_THERE,
    NAMES,
    REMOVE,
    Part,
    SqlCall,
    applied_names,
    said,
)
from migrations_portal.adapters.sql_text import statements, whole_statements
from migrations_portal.execution.ports import (
    ApprovedFile,
    Bundle,
    ChildResult,
    DriverFailed,
    DriverStatus,
    SentStatement,
    SessionLimits,
)
from migrations_portal.targets.ports import Endpoint, TargetSession

_NAME = re.compile(r"[0-9A-Za-z][0-9A-Za-z._-]{0,200}\.sql")
_DOWN = re.compile(r"^--[ \t]*down[ \t]*$", re.IGNORECASE | re.MULTILINE)
_NO_TRANSACTION = re.compile(r"^--[ \t]*no transaction[ \t]*$", re.IGNORECASE | re.MULTILINE)
_ENDS_TRANSACTION = frozenset({"BEGIN", "START", "COMMIT", "END", "ROLLBACK", "ABORT"})


class SqlFileDriver:
    """Runs `.sql` files through psycopg and the socket door."""

    def __init__(self, *, scratch: Path | None = None, transport: Transport = Transport()) -> None:  # noqa: B008 (frozen)
        """Take a folder for the calls; one below the system's temporary folder when none is named."""
        self._scratch = scratch or Path(mkdtemp(prefix="wco-sql-"))
        self._transport = transport

    def check(self, bundle: Bundle) -> None:
        """Nothing has to be prepared for SQL."""

    def packages(self, bundle: Bundle) -> str:
        """Need none."""
        del bundle
        return ""

    def status(self, endpoint: Endpoint, bundle: Bundle, *, limits: SessionLimits) -> DriverStatus:
        """Compare the files with the history table; raises `DriverFailed`."""
        with self._call(limits, endpoint) as call:
            try:
                with call.connect() as connection:
                    applied = applied_names(connection)
            except psycopg.Error as failed:
                sentence = f"The history of SQL files cannot be read: {said(failed)}"
                raise DriverFailed(sentence) from failed
        own = bundle.project / "migrations"
        names = {path.name for path in own.glob("*.sql")} | {file.name for file in bundle.files}
        pending = tuple(sorted(names - set(applied)))
        lines = [f"up {name}" for name in applied] + [f"down {name}" for name in pending]
        return DriverStatus(applied, pending, "\n".join(lines))

    def up(
        self,
        endpoint: Endpoint,
        bundle: Bundle,
        *,
        name: str,
        limits: SessionLimits,
        on_output: Callable[[str], None] = nothing,
        on_statement: Callable[[SentStatement], None] = nothing,
    ) -> ChildResult:
        """Apply exactly the file `name`; raises `DriverFailed` for a file that cannot be run as it is."""
        file = _approved(bundle, name)
        part, _ = _parts(file)
        with self._call(limits, endpoint, Listeners(on_output, on_statement)) as call:
            call.run(part, name=name, applied=False, record=(ADD, (name, file.sha256)))
        return call.result()

    def down(
        self,
        endpoint: Endpoint,
        bundle: Bundle,
        *,
        name: str,
        limits: SessionLimits,
        on_output: Callable[[str], None] = nothing,
        on_statement: Callable[[SentStatement], None] = nothing,
    ) -> ChildResult:
        """Undo exactly the file `name`; raises `DriverFailed` also when it has no down part."""
        _, part = _parts(_approved(bundle, name))
        if part is None:
            raise DriverFailed(
                f"{name} has no down part (a line `-- down`); it cannot be undone by itself."
            )
        with self._call(limits, endpoint, Listeners(on_output, on_statement)) as call:
            call.run(part, name=name, applied=True, record=(REMOVE, (name,)))
        return call.result()

    def mark(self, session: TargetSession, bundle: Bundle, *, name: str) -> None:
        """Write the name and the hash into the history table."""
        session.rows(CREATE)
        session.rows(ADD, [name, _approved(bundle, name).sha256])

    def history(self, session: TargetSession, bundle: Bundle) -> Sequence[str]:
        """Return the recorded names, sorted; empty when there is no table yet."""
        del bundle
        if not session.rows(IS_THERE)[0]["there"]:
            return []
        return [str(row["name"]) for row in session.rows(NAMES)]

    @contextmanager
    def _call(
        self,
        limits: SessionLimits,
        endpoint: Endpoint,
        listeners: Listeners = Listeners(nothing, nothing),  # noqa: B008 (frozen)
    ) -> Iterator[SqlCall]:
        with call_folder(self._scratch) as folder:
            call = SqlCall(
                folder=folder,
                endpoint=endpoint,
                limits=limits,
                transport=self._transport,
                listeners=listeners,
            )
            with call.door:
                yield call
            call.tell_statements()


def _approved(bundle: Bundle, name: str) -> ApprovedFile:
    if not _NAME.fullmatch(name):
        raise DriverFailed(
            f"{name!r} is no name of an SQL migration: letters, digits, dots, dashes, .sql."
        )
    for file in bundle.files:
        if file.name == name:
            if hashlib.sha256(file.content).hexdigest() != file.sha256:
                raise DriverFailed(f"{name} is not the file that was approved; nothing was run.")
            return file
    raise DriverFailed(f"{name} is not among the approved files; nothing was run.")


def _parts(file: ApprovedFile) -> tuple[Part, Part | None]:
    """Read both directions; raises `DriverFailed` when a part would end its own transaction."""
    try:
        text = file.content.decode()
    except UnicodeDecodeError as broken:
        raise DriverFailed(f"{file.name} is not UTF-8 text; nothing was run.") from broken
    up, *down = _DOWN.split(text, maxsplit=1)
    return _part(file.name, up), _part(file.name, down[0]) if down else None


def _part(name: str, text: str) -> Part:
    one_transaction = _NO_TRANSACTION.search(text) is None
    for statement in statements(text):
        ends = statement.verb in _ENDS_TRANSACTION and not statement.undoes_to_savepoint
        if one_transaction and ends:
            raise DriverFailed(
                f"{name} runs in one transaction and must not say {statement.verb}; take it out, or "
                "mark the part with a line `-- no transaction`."
            )
    return Part(whole_statements(text), one_transaction)
