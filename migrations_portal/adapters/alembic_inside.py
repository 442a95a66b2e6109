"""Runs inside the sandbox, on the customer's Alembic: `status`, `up FILE` or `down FILE`, exactly one step.

Started as `python -I -S -B alembic_inside.py VERSION_TABLE WORD [FILE]`; imports nothing of the portal. The database is the one
behind the door (PGHOST and its like). The project's own `env.py` and `alembic.ini` are not used: connection, transaction and
history table are the run's, not the project's.

An error of the database is told by its SQLSTATE and sentence, without the statement and its values; any other by its kind and
line, without its words, which may hold a row.
"""

import sys
import traceback
from collections.abc import Callable, Iterable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

PROJECT = "/bundle"
HOME = "/opt/migrations"
"""Where the sandbox has the folder `versions`."""


class NotPossible(Exception):
    """The step would be wrong, so nothing is done."""


class Step:
    """One look at, or one step of, the project's revisions on one connection."""

    def __init__(self, connection: Any, *, version_table: str) -> None:
        """Take an open connection."""
        from alembic.config import Config
        from alembic.script import ScriptDirectory

        self._config = Config()
        self._config.set_main_option("script_location", HOME)
        self._scripts = ScriptDirectory.from_config(self._config)
        self._connection = connection
        self._version_table = version_table
        self._by_file = {Path(each.path).name: each for each in self._scripts.walk_revisions()}

    def status(self) -> None:
        """Print a line for each file: `up` for applied, `down` for pending."""
        applied = self._applied(self._heads())
        for name in sorted(self._by_file):
            print("up" if self._by_file[name].revision in applied else "down", name)

    def up(self, name: str) -> None:
        """Apply the file; what it follows has to be there."""
        script, applied = self._script(name), self._applied(self._heads())
        if script.revision in applied:
            raise NotPossible(f"{name} is already applied; nothing was run")
        for parent in self._parents(script):
            if parent not in applied:
                raise NotPossible(
                    f"{name} follows {self._file(parent)}, which is not applied; nothing was run"
                )
        self._migrate(script, upgrade=True)

    def down(self, name: str) -> None:
        """Undo the file, unless it is not applied or an applied one follows it."""
        script, applied = self._script(name), self._applied(self._heads())
        if script.revision not in applied:
            raise NotPossible(f"{name} is not applied; nothing was run")
        for other in self._by_file.values():
            if other.revision in applied and script.revision in self._parents(other):
                raise NotPossible(
                    f"{self._file(other.revision)} follows {name} and is applied; undo that first"
                )
        self._migrate(script, upgrade=False)

    def _migrate(self, script: Any, *, upgrade: bool) -> None:
        from alembic.runtime.environment import EnvironmentContext
        from alembic.runtime.migration import MigrationStep

        make = MigrationStep.upgrade_from_script if upgrade else MigrationStep.downgrade_from_script
        step = make(self._scripts.revision_map, script)
        with EnvironmentContext(
            self._config, self._scripts, fn=lambda _heads, _context: [step]
        ) as environment:
            environment.configure(
                connection=self._connection,
                transaction_per_migration=True,
                version_table=self._version_table,
            )
            with environment.begin_transaction():
                environment.run_migrations()

    def _heads(self) -> tuple[str, ...]:
        from alembic.runtime.migration import MigrationContext

        with self._connection.begin():
            context = MigrationContext.configure(
                self._connection, opts={"version_table": self._version_table}
            )
            return tuple(context.get_current_heads())

    def _applied(self, heads: Iterable[str]) -> set[str]:
        found: set[str] = set()
        waiting = list(heads)
        while waiting:
            script = self._scripts.get_revision(waiting.pop())
            if script.revision not in found:
                found.add(script.revision)
                waiting += self._parents(script)
        return found

    def _parents(self, script: Any) -> list[str]:
        named = [script.down_revision, script.dependencies]
        flat = [one for each in named for one in ([each] if isinstance(each, str) else each or ())]
        return [self._scripts.get_revision(each).revision for each in flat]

    def _script(self, name: str) -> Any:
        if name not in self._by_file:
            raise NotPossible(f"{name} is not among the files; nothing was run")
        return self._by_file[name]

    def _file(self, revision: str) -> str:
        return Path(self._scripts.get_revision(revision).path).name


def _engine() -> Any:
    from sqlalchemy import create_engine
    from sqlalchemy.pool import NullPool

    module = next((each for each in ("psycopg", "psycopg2") if find_spec(each)), None)
    if module is None:
        raise NotPossible("the project has neither psycopg nor psycopg2")
    return create_engine(f"postgresql+{module}://", poolclass=NullPool, hide_parameters=True)


def _told(failed: BaseException) -> str:
    from alembic.util import CommandError
    from sqlalchemy.exc import DBAPIError

    cause = failed.orig if isinstance(failed, DBAPIError) else failed
    state = getattr(cause, "sqlstate", None) or getattr(cause, "pgcode", None)
    said = getattr(getattr(cause, "diag", None), "message_primary", None)
    if state or said:
        return f"ERROR {state or ''}: {said or 'the connection ended'}"
    if isinstance(failed, (NotPossible, CommandError)):
        return f"ERROR: {failed}"
    return f"ERROR: {type(failed).__name__}{_place(failed)}"


def _place(failed: BaseException) -> str:
    frames = traceback.extract_tb(failed.__traceback__)
    own = [each for each in frames if each.filename.startswith((f"{HOME}/", f"{PROJECT}/"))]
    own = [each for each in own if "/site-packages/" not in each.filename]
    return f" at {Path(own[-1].filename).name}, line {own[-1].lineno}" if own else ""


def main(words: list[str]) -> int:
    """Do one step and return the exit code."""
    sys.path[:0] = [f"{PROJECT}/site-packages", PROJECT]
    version_table, word, *rest = words
    try:
        with _engine().connect() as connection:
            step = Step(connection, version_table=version_table)
            ways: dict[str, Callable[..., None]] = {
                "status": step.status,
                "up": step.up,
                "down": step.down,
            }
            ways[word](*rest)
    except BaseException as failed:  # noqa: BLE001  # also SystemExit: a file that ends the program did not succeed
        print(_told(failed))
        return 1
    if rest:
        print(f"{rest[0]}: {'applied' if word == 'up' else 'undone'}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
