"""The ledger as CSV and JSON Lines. The same rows give the same bytes (L11)."""

import csv
import io
import json
from collections.abc import AsyncIterator, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice
from typing import Any

from asgiref.sync import sync_to_async

from migrations_portal.audit.models import Entry
from migrations_portal.audit.rules import RECORD_KEYS

COLUMNS = ("seq", "at", "kind", "who", "name", "what", "target", "environment", "plan", "revision")
TAIL = ("phi", "why", "result", "prev_hash", "hash")
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\x00")
"""A cell that begins so could run as a formula in a spreadsheet; it gets a leading quote (S9)."""

LINES_A_HOP = 500
"""How many pieces of text are made on the database's thread before the event loop gets them."""


class ExportFormat(StrEnum):
    CSV = "csv"
    JSON = "json"

    @property
    def content_type(self) -> str:
        """The media type of the file."""
        return {
            ExportFormat.CSV: "text/csv; charset=utf-8",
            ExportFormat.JSON: "application/json",
        }[self]


@dataclass(frozen=True)
class Download:
    """A file on its way to a reader: its text is made while it is read, so the ledger is never held in memory."""

    name: str
    content_type: str
    pieces: Iterator[str]

    async def pieces_async(self) -> AsyncIterator[str]:
        """Yield the same text where an event loop sends it; the rows are read on the database's thread."""
        while text := await sync_to_async(self._some)():
            yield text

    def _some(self) -> str:
        return "".join(islice(self.pieces, LINES_A_HOP))


def written(rows: Iterable[Entry], *, form: ExportFormat) -> Iterator[str]:
    """Yield the rows in the form that was asked for."""
    return as_csv(rows) if form is ExportFormat.CSV else as_json(rows)


def cell(value: Any) -> str:
    """Return `value` as a cell that no spreadsheet takes for a formula."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    text = ";".join(map(str, value)) if isinstance(value, list) else str(value)
    return f"'{text}" if text.startswith(FORMULA_STARTS) else text


def as_csv(rows: Iterable[Entry]) -> Iterator[str]:
    """Yield RFC 4180 lines: a head, then one line an entry, the spec's 13 fields in columns of their own."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\r\n")
    writer.writerow([*COLUMNS, *TAIL, *RECORD_KEYS])
    yield _drained(buffer)
    for row in rows:
        said = json.loads(row.canonical)
        told, record = said["body"], said["body"]["record"] or {}
        writer.writerow(
            [
                cell(value)
                for value in (
                    said["seq"],
                    said["at"],
                    told["kind"],
                    told["who"]["email"],
                    told["who"]["name"],
                    told["what"],
                    told["where"]["target"],
                    told["where"]["environment"],
                    told["plan"],
                    told["revision"],
                    told["phi"],
                    told["why"],
                    told["result"],
                    row.prev_hash,
                    row.hash,
                    *(record.get(key) for key in RECORD_KEYS),
                )
            ]
        )
        yield _drained(buffer)


def as_json_lines(rows: Iterable[Entry]) -> Iterator[str]:
    """Yield one JSON object a line: the hashed bytes themselves, with their hash."""
    for row in rows:
        yield json.dumps(
            {"canonical": row.canonical, "hash": row.hash},
            ensure_ascii=False,
            separators=(",", ":"),
        )
        yield "\n"


def as_json(rows: Iterable[Entry]) -> Iterator[str]:
    """Yield one JSON array of what the entries say, each with its hash."""
    yield "["
    for number, row in enumerate(rows):
        yield (",\n" if number else "\n") + row.canonical[:-1] + f',"hash":"{row.hash}"}}'
    yield "\n]\n"


def _drained(buffer: io.StringIO) -> str:
    text = buffer.getvalue()
    buffer.seek(0)
    buffer.truncate()
    return text
