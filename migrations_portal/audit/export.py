"""The ledger as CSV, JSON and JSON Lines. The same rows give the same bytes (L11); nothing is held in memory."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice
from typing import Any

from asgiref.sync import sync_to_async
from django.db import connection
from django.db.models import QuerySet

from migrations_portal.audit.models import Entry
from migrations_portal.audit.rules import RECORD_KEYS

COLUMNS: dict[str, str] = {
    "seq": "{seq}",
    "at": "{at}",
    "kind": "{body,kind}",
    "who": "{body,who,email}",
    "name": "{body,who,name}",
    "what": "{body,what}",
    "target": "{body,where,target}",
    "target_environment": "{body,where,environment}",
    "plan": "{body,plan}",
    "revision": "{body,revision}",
    "phi": "{body,phi}",
    "why": "{body,why}",
    "result": "{body,result}",
    "prev_hash": "{prev}",
}
"""Column → where it stands in the hashed text. After these come the hash and the spec's 13 fields."""
FORMULA_STARTS = "=+-@\t\r\n\x00\uff1d\uff0b\uff0d\uff20"
"""A cell that begins so could run as a formula in some spreadsheet; it gets a leading quote (S9). The last four are full-width."""
LINES_A_HOP = 500
"""How many pieces are made on the database's thread before the event loop gets them."""


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
    """A file on its way to a reader: it is made while it is read, so the ledger is never held in memory."""

    name: str
    content_type: str
    pieces: Iterator[bytes]

    async def pieces_async(self) -> AsyncIterator[bytes]:
        """Yield the same bytes where an event loop sends them; the rows are read on the database's thread."""
        while piece := await sync_to_async(self._some)():
            yield piece

    def _some(self) -> bytes:
        return b"".join(islice(self.pieces, LINES_A_HOP))


def written(rows: QuerySet[Entry], *, form: ExportFormat) -> Iterator[bytes]:
    """Yield the rows, oldest first, in the form that was asked for."""
    return as_csv(rows) if form is ExportFormat.CSV else as_json(rows)


def cell(value: Any) -> str:
    """Return `value` as a cell that no spreadsheet takes for a formula."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    text = ";".join(map(str, value)) if isinstance(value, list) else str(value)
    return f"'{text}" if text[:1] and text[0] in FORMULA_STARTS else text


def as_csv(rows: QuerySet[Entry]) -> Iterator[bytes]:
    """Yield RFC 4180 lines: a head, then one line an entry, the spec's 13 fields in columns of their own.

    PostgreSQL itself writes them (COPY), five times as fast as Python could; here each line gets the CR before its end.
    """
    names = [*COLUMNS, "hash", *RECORD_KEYS]
    yield (",".join(names) + "\r\n").encode()
    inner, values = rows.order_by("seq").values("seq", "hash", "canonical").query.sql_with_params()
    statement = f"COPY ({csv_select(inner)}) TO STDOUT WITH (FORMAT csv)"
    with connection.cursor() as cursor, cursor.copy(statement, values) as copy:
        for line in copy:
            yield bytes(line[:-1]) + b"\r\n"


def csv_select(inner: str, *, defused: bool = True) -> str:
    """Return the query of the CSV's columns over `inner`, which gives seq, hash and canonical in order.

    The text is read as JSON once a row (OFFSET 0 keeps PostgreSQL from doing so for each column).
    """
    raw = [f"j #>> '{path}'" for path in COLUMNS.values()]
    raw += ["hash", *(_field(key) for key in RECORD_KEYS)]
    named = ", ".join(f"{expression} AS c{at}" for at, expression in enumerate(raw))
    shown = ", ".join(_safe(f"c{at}") if defused else f"c{at}" for at in range(len(raw)))
    parsed = f"SELECT hash, canonical::jsonb AS j FROM ({inner}) chosen OFFSET 0"  # noqa: S608  # no text of a user's
    return f"SELECT {shown} FROM (SELECT {named} FROM ({parsed}) parsed OFFSET 0) cells"  # noqa: S608


def _field(key: str) -> str:
    if key == "tables_affected":
        path = "j #> '{body,record,tables_affected}'"
        joined = f"SELECT string_agg(t, ';') FROM jsonb_array_elements_text({path}) t"  # noqa: S608
        return f"CASE WHEN {path} IS NOT NULL THEN ({joined}) END"
    return f"j #>> '{{body,record,{key}}}'"


def _safe(column: str) -> str:
    starts = "".join(f"\\u{ord(each):04x}" for each in FORMULA_STARTS if each != "\x00")
    return (
        f"CASE WHEN strpos(E'{starts}', left({column}, 1)) > 0 AND {column} <> '' "
        f"THEN '''' || {column} ELSE nullif({column}, '') END"
    )


def lines(rows: QuerySet[Entry]) -> Iterator[bytes]:
    """Yield each entry as one line of JSON, oldest first: its canonical bytes, with the hash as one more key at the end."""
    pairs = rows.order_by("seq").values_list("canonical", "hash").iterator(chunk_size=5_000)
    return (line_of(canonical, digest) for canonical, digest in pairs)


def line_of(canonical: str, digest: str) -> bytes:
    """Return one entry as a line, without the line feed."""
    return f'{canonical[:-1]},"hash":"{digest}"}}'.encode()


def as_json(rows: QuerySet[Entry]) -> Iterator[bytes]:
    """Yield one JSON array of what the entries say, each with its hash."""
    yield b"["
    for number, line in enumerate(lines(rows)):
        yield (b",\n" if number else b"\n") + line
    yield b"\n]\n"


def as_json_lines(rows: QuerySet[Entry]) -> Iterator[bytes]:
    """Yield the entries as JSON Lines."""
    for line in lines(rows):
        yield line + b"\n"
