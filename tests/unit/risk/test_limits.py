"""The command line on hostile input: a sentence and an exit code, within a limit of memory and of processor time."""

import resource
import subprocess
import sys
from pathlib import Path

import pytest

MEMORY_BYTES = 2_000_000_000
PROCESSOR_SECONDS = 90
TEN_MEGABYTES = 10_000_000
SOME = 500_000


def _limit() -> None:
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (PROCESSOR_SECONDS, PROCESSOR_SECONDS))


def _repeated(statement: bytes, size: int = TEN_MEGABYTES) -> bytes:
    return statement * (size // len(statement))


HOSTILE = {
    "indexes": (_repeated(b"CREATE INDEX ON students (lower(name)) WHERE age > 5;\n", SOME), 0),
    "data changes": (_repeated(b"UPDATE students SET name = 'x' WHERE age > 5;\n", SOME), 0),
    "more statements than a migration has": (_repeated(b"ALTER TABLE students ADD c text;\n"), 2),
    "comments": (_repeated(b"-- nothing\n;"), 2),
    "one long INSERT": (b"INSERT INTO a VALUES " + _repeated(b"(1, 'note'),") + b"(2, 'end');", 2),
    "one long string": (b"SELECT '" + b"x" * TEN_MEGABYTES + b"';", 2),
    "a string that never ends": (b"SELECT '" + b"x;\n" * (TEN_MEGABYTES // 3), 2),
    "one long comment": (b"/*" + b"x" * TEN_MEGABYTES + b"*/", 2),
    "nested comments": (b"/*" * (TEN_MEGABYTES // 2), 2),
    "semicolons": (b";" * SOME, 2),
    "brackets": (b"SELECT " + b"(" * SOME, 2),
    "an expression": (b"SELECT 1" + b"+1" * (SOME // 2), 2),
    "CASE in CASE": (b"SELECT " + b"CASE WHEN true THEN " * 10_000, 2),
    "NOT NOT NOT": (b"SELECT " + b"NOT " * 100_000 + b"true;", 2),
    "queries in queries": (b"SELECT * FROM (" * 5_000 + b"SELECT 1", 2),
    "invalid UTF-8": (b"SELECT '\xff\xfe';" * 10_000, 2),
    "NUL bytes": (b"SELECT 1;\0" * 10_000, 2),
    "only NUL bytes": (b"\0" * SOME, 2),
    "commands of psql": (b"\\connect other\n" * 1_000, 2),
    "a DO block": (b"DO $$ BEGIN " + b"IF true THEN " * 2_500 + b" END $$;", 0),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_the_command_line_answers_within_its_limits(kind: str, tmp_path: Path) -> None:
    content, code = HOSTILE[kind]
    file = tmp_path / "hostile.sql"
    file.write_bytes(content)
    command = [sys.executable, "-m", "migrations_portal.risk", str(file)]

    answer = subprocess.run(
        command, capture_output=True, text=True, preexec_fn=_limit, check=False, timeout=900,
    )  # fmt: skip

    assert "Traceback" not in answer.stderr, answer.stderr[-2000:]
    assert answer.returncode == code, answer.stderr[-2000:]
    assert (answer.stdout or answer.stderr).startswith(
        ("CRITICAL", "HIGH", "MEDIUM", "LOW", str(file))
    )
