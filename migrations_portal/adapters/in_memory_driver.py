"""A migration tool in memory, for tests of the runbooks: each file's behaviour is told to it before."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from migrations_portal.adapters.in_memory_server import InMemoryDatabase, InMemoryServer
from migrations_portal.execution.ports import (
    Bundle,
    ChildResult,
    DriverStatus,
    SentStatement,
    SessionLimits,
)
from migrations_portal.targets.ports import Endpoint, TargetSession

OK = ChildResult(
    exit_code=0, output="", seconds=0.01, statements=(), committed_writes=(), sqlstate=""
)
HISTORY_QUERY = 'SELECT name FROM "SequelizeMeta" ORDER BY name'


@dataclass
class Script:
    """What one file does when it is applied or undone."""

    table: str = ""
    """A table that `up` adds (and `down` drops), as `schema.table`."""
    rows: int = 0
    result: ChildResult = OK
    """How `up` ends."""
    records: bool = True
    """Whether `up` ends in the history."""
    changes: bool = True
    """Whether `up` changes the schema."""
    down_result: ChildResult = OK
    down_changes: bool = True
    attempts_without_lock: int = 0
    """So many times `up` gets no lock (SQLSTATE 55P03) and changes nothing."""


@dataclass
class InMemoryDriver:
    """A `MigrationDriver` on an `InMemoryServer`. Files without a script add a line to the schema."""

    server: InMemoryServer
    scripts: dict[str, Script] = field(default_factory=dict)
    calls: list[tuple[str, str]] = field(default_factory=list)
    """("up", name) and ("down", name), in order."""

    def __post_init__(self) -> None:
        """Answer the history query as the target would."""
        self.server.answer(
            HISTORY_QUERY,
            lambda database, _params: [{"name": each} for each in sorted(database.history)],
        )

    def check(self, bundle: Bundle) -> None:
        """Nothing has to be prepared."""

    def packages(self, bundle: Bundle) -> str:
        """Need none."""
        del bundle
        return ""

    def status(self, endpoint: Endpoint, bundle: Bundle, *, limits: SessionLimits) -> DriverStatus:
        """Say what is applied and what of the bundle is pending."""
        del limits
        applied = tuple(sorted(self.server.find(endpoint).history))
        pending = tuple(each.name for each in bundle.files if each.name not in applied)
        lines = [f"up {name}" for name in applied] + [f"down {name}" for name in pending]
        return DriverStatus(applied, pending, "\n".join(lines))

    def up(
        self,
        endpoint: Endpoint,
        bundle: Bundle,
        *,
        name: str,
        limits: SessionLimits,
        on_output: Callable[[str], None] = lambda _text: None,
        on_statement: Callable[[SentStatement], None] = lambda _sent: None,
    ) -> ChildResult:
        """Do what the script of the file says."""
        del bundle, limits
        self.calls.append(("up", name))
        script, database = self.scripts.setdefault(name, Script()), self.server.find(endpoint)
        if script.attempts_without_lock:
            script.attempts_without_lock -= 1
            return replace(OK, exit_code=1, sqlstate="55P03")
        if script.changes:
            _apply(database, name=name, script=script)
        if script.records:
            database.history.append(name)
        return _tell(script.result, on_output=on_output, on_statement=on_statement)

    def down(
        self,
        endpoint: Endpoint,
        bundle: Bundle,
        *,
        name: str,
        limits: SessionLimits,
        on_output: Callable[[str], None] = lambda _text: None,
        on_statement: Callable[[SentStatement], None] = lambda _sent: None,
    ) -> ChildResult:
        """Undo the file, unless its script says that it cannot."""
        del bundle, limits
        self.calls.append(("down", name))
        script, database = self.scripts.setdefault(name, Script()), self.server.find(endpoint)
        if script.down_result.exit_code == 0 and name in database.history:
            database.history.remove(name)
            if script.down_changes:
                _undo(database, name=name, script=script)
        return _tell(script.down_result, on_output=on_output, on_statement=on_statement)

    def mark(self, session: TargetSession, bundle: Bundle, *, name: str) -> None:
        """Record the name on every database, as there is no SQL here."""
        del session, bundle
        for database in self.server.databases.values():
            database.history.append(name)

    def history(self, session: TargetSession, bundle: Bundle) -> Sequence[str]:
        """Return the names in the history."""
        del bundle
        return [row["name"] for row in session.rows(HISTORY_QUERY)]


def _line(name: str) -> str:
    return f"-- changed by {name}\n"


def _apply(database: InMemoryDatabase, *, name: str, script: Script) -> None:
    database.schema += _line(name)
    if script.table:
        database.tables[script.table] = script.rows


def _undo(database: InMemoryDatabase, *, name: str, script: Script) -> None:
    database.schema = database.schema.replace(_line(name), "")
    if script.table:
        database.tables.pop(script.table, None)


def _tell(
    result: ChildResult,
    *,
    on_output: Callable[[str], None],
    on_statement: Callable[[SentStatement], None],
) -> ChildResult:
    if result.output:
        on_output(result.output)
    for sent in result.statements:
        on_statement(sent)
    return result
