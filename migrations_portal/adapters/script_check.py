"""Reading an uploaded file without running it: Node's own syntax check, the parsers of PostgreSQL and Python."""

import re
import subprocess
import tempfile
from pathlib import Path

import postgast

from migrations_portal.adapters.alembic_revisions import read_revision
from migrations_portal.execution.ports import DriverFailed, DriverMissing
from migrations_portal.plans.rules import FileRefused

SECONDS = 10


class NodeScriptChecker:
    """Checks JavaScript with `node --check`, which compiles and does not execute, SQL and Python with their parsers."""

    def __init__(self, *, node: Path) -> None:
        """Use this Node binary."""
        self._node = node

    def check(self, *, name: str, text: str) -> None:
        """Raise `FileRefused` when the text is no migration, `DriverMissing` when Node is not there."""
        if name.endswith(".sql"):
            self._check_sql(name, text)
        elif name.endswith(".py"):
            self._check_alembic(name, text)
        else:
            self._check_javascript(name, text)

    def _check_alembic(self, name: str, text: str) -> None:
        try:
            read_revision(name=name, text=text)
        except DriverFailed as unfit:
            raise FileRefused(unfit.sentence) from None

    def _check_sql(self, name: str, text: str) -> None:
        try:
            postgast.parse(text)
        except postgast.PgQueryError as error:
            raise FileRefused(f"{name} is not SQL that PostgreSQL can read: {error}.") from None

    def _check_javascript(self, name: str, text: str) -> None:
        with tempfile.TemporaryDirectory(prefix="wco-check-") as folder:
            path = Path(folder) / "migration.cjs"
            path.write_text(text, encoding="utf-8")
            try:
                done = subprocess.run(
                    [self._node, "--check", path],
                    capture_output=True,
                    check=False,
                    timeout=SECONDS,
                    env={"PATH": "/usr/bin:/bin"},
                )
            except FileNotFoundError:
                raise DriverMissing(
                    f"Node is not installed at {self._node}. Install the locked requirements."
                ) from None
            except subprocess.TimeoutExpired:
                raise FileRefused(
                    f"{name} could not be read within {SECONDS} s. Make it smaller."
                ) from None
        if done.returncode != 0:
            told = done.stderr.decode("utf-8", "replace")
            line = re.search(r"migration\.cjs:(\d+)", told)
            why = re.search(r"^SyntaxError: (.*)$", told, re.MULTILINE)
            raise FileRefused(
                f"{name} is not JavaScript: {why[1] if why else 'it does not compile'}"
                + (f" (line {line[1]})." if line else ".")
            )
