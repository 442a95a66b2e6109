"""`assess FILE…`: files in, a report out, and an exit code that a pipeline can act on. Needs no database."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from msgspec import json

from migrations_portal.kernel.errors import Refused
from migrations_portal.risk.dump import schema_from_dump
from migrations_portal.risk.engine import (
    NEWEST_VERSION,
    OLDEST_VERSION,
    assess,
    collection_paused,
)
from migrations_portal.risk.extras import PROGRAMS
from migrations_portal.risk.levels import Level
from migrations_portal.risk.reports import as_github, as_sarif, as_text, coloured, plain
from migrations_portal.risk.scripts import ScriptFile

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from migrations_portal.risk.findings import Assessment
    from migrations_portal.risk.schema import Schema

FINE, BAR_REACHED, UNUSABLE = 0, 1, 2
"""Exit codes: below the bar of --fail-on; at it or above; input that is no SQL or cannot be read."""

_DOWN = re.compile(r"^--[ \t]*down[ \t]*$", re.IGNORECASE | re.MULTILINE)
_NO_TRANSACTION = re.compile(r"^--[ \t]*no transaction[ \t]*$", re.IGNORECASE | re.MULTILINE)
DEFAULT_VERSION = 17
OPTIONS = frozenset({"--down", "--pg", "--schema", "--phi", "--format", "--fail-on"})
"""The options that `add_arguments` declares."""


class InputUnusable(Refused):
    """The input cannot be read."""

    code = "input-unusable"


class Output(Protocol):
    """Where the report goes."""

    def write(self, text: str, /) -> object:
        """Take a piece of the report."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments that need no database."""
    add = parser.add_argument
    add(
        "files",
        nargs="+",
        metavar="FILE",
        help="SQL, in the order in which it runs; - reads standard input",
    )
    add("--down", action="append", default=[], metavar="FILE", help="SQL that undoes it")
    add(
        "--pg", type=int, choices=range(OLDEST_VERSION, NEWEST_VERSION + 1),
        help=f"major version of the server (that of --target, or {DEFAULT_VERSION})",
    )  # fmt: skip
    add("--schema", metavar="FILE", help="what `pg_dump --schema-only` wrote")
    add("--phi", metavar="FILE", help="names of tables with PHI, one a line")
    add("--format", choices=("text", "json", "sarif", "github"), default="text")
    add("--fail-on", type=str.upper, choices=[level.value for level in Level], metavar="LEVEL")


def run(
    options: argparse.Namespace,
    *,
    out: Output,
    colour: bool = False,
    schema: Schema | None = None,
    server_version: int | None = None,
    phi_tables: Sequence[str] = (),
) -> int:
    """Assess and report; returns the exit code. Raises `InputUnusable` when a file cannot be read."""
    with collection_paused():
        return _run(options, out, server_version, phi_tables, schema=schema, colour=colour)


def _run(
    options: argparse.Namespace,
    out: Output,
    server_version: int | None,
    phi_tables: Sequence[str],
    *,
    schema: Schema | None,
    colour: bool,
) -> int:
    up, down = _scripts(options)
    if options.schema:
        schema = schema_from_dump(_read(options.schema))
    listed = _names(_read(options.phi)) if options.phi else []
    assessed = assess(
        up,
        down=down,
        schema=schema,
        server_version=options.pg or server_version or DEFAULT_VERSION,
        phi_tables=[*phi_tables, *listed],
    )
    out.write(_report(assessed, options.format, colour=colour))
    if assessed.unusable:
        return UNUSABLE
    reached = options.fail_on is not None and assessed.level.at_least(Level(options.fail_on))
    return BAR_REACHED if reached else FINE


def _report(assessed: Assessment, form: str, *, colour: bool) -> str:
    if form == "text":
        return as_text(assessed, coloured if colour else plain)
    if form == "github":
        return as_github(assessed)
    said = assessed.as_json() if form == "json" else as_sarif(assessed)
    written = json.encode(said)
    return (json.format(written) if colour else written).decode() + "\n"


def _scripts(options: argparse.Namespace) -> tuple[list[ScriptFile], list[ScriptFile]]:
    """Read the files; a part after a line `-- down` in a file of ours undoes it, the newest file first."""
    up: list[ScriptFile] = []
    down: list[ScriptFile] = []
    for name in options.files:
        text = _read(name)
        found = _DOWN.search(text)
        if found is not None:
            # Empty lines in front keep the line numbers those of the file.
            down.insert(
                0, _script(name, "\n" * text.count("\n", 0, found.end()) + text[found.end() :])
            )
            text = text[: found.start()]
        up.append(_script(name, text))
    return up, [_script(name, _read(name)) for name in options.down] or down


def _script(name: str, text: str) -> ScriptFile:
    return ScriptFile(name, text, False if _NO_TRANSACTION.search(text) else None)


def _read(name: str) -> str:
    try:
        raw = sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
    except OSError as trouble:
        raise InputUnusable(f"{name} cannot be read: {trouble.strerror}.") from trouble
    if name.lower().endswith(PROGRAMS):
        raise InputUnusable(
            f"{name} is a program, and only running it shows the SQL it sends. Open a plan with it, or give the SQL."
        )
    # What is no UTF-8 stays visible, so that the assessment says so instead of a decoder.
    return raw.decode("utf-8-sig", "surrogateescape")


def _names(text: str) -> list[str]:
    lines = (line.partition("#")[0].strip() for line in text.splitlines())
    return [line for line in lines if line]
