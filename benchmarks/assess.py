"""How long an assessment takes, beside squawk on the same files. `make bench BENCH=assess`.

Each figure is given as wall time and as processor time: on a machine that has other work, only the second can be compared.

1,000 migrations of 20 statements each, as the engine in a process that is loaded and as the command from start to end, and one
call of squawk (a Rust program, PyPI `squawk-cli`, which uses all cores) with all cores and with one; the tools take turns, and
the median of their ratios counts. Then one typical file once everything is loaded; one file of 1,000 and of 10,000 statements, to
show that cost grows linearly; and the most memory that a process takes.
"""

from __future__ import annotations

import os
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from migrations_portal.risk import Schema, ScriptFile, assess, schema_from_dump

FILES, STATEMENTS = 1_000, 20
ROUNDS = 5
LENGTHS = (1_000, 10_000)
SEED = 1
ROOT = Path(__file__).resolve().parents[1]
PROGRAM = [sys.executable, "-m", "migrations_portal.risk"]
SQUAWK = str(Path(sys.executable).parent / "squawk")
ONE_CORE = ["taskset", "--cpu-list", "0"]
MEASURED = """
import os, re, sys
from pathlib import Path
from migrations_portal.risk.__main__ import main
out, sys.stdout = sys.stdout, open(os.devnull, "w")
main(sys.argv[1:])
print(re.search(r"VmHWM:\\s+(\\d+)", Path("/proc/self/status").read_text())[1], file=out)
"""
SCHEMA = ROOT / "tests" / "oracle" / "clinic" / "schema.sql"
PATTERNS = (
    "ALTER TABLE patients ADD COLUMN c{n} text;",
    "ALTER TABLE patients ADD COLUMN c{n} integer NOT NULL DEFAULT 0;",
    "ALTER TABLE visits ADD COLUMN c{n} uuid DEFAULT gen_random_uuid();",
    "CREATE INDEX CONCURRENTLY i{n} ON visits (label, note);",
    "CREATE TABLE t{n} (id bigserial PRIMARY KEY, patient_id bigint REFERENCES patients (id), note text NOT NULL);",
    "ALTER TABLE doctors ALTER COLUMN note TYPE varchar(200);",
    "ALTER TABLE visits ADD CONSTRAINT k{n} CHECK (amount < 1000000) NOT VALID;",
    "UPDATE visits SET note = 'x' WHERE kept_at IS NULL AND amount > {n};",
    "INSERT INTO plain (a, b) VALUES ({n}, 'x'), ({n}, 'y');",
    "CREATE VIEW v{n} AS SELECT p.name, v.note FROM patients p JOIN visits v ON v.patient_id = p.id WHERE v.amount > {n};",
    "ALTER TABLE plain ALTER COLUMN d SET NOT NULL;",
    "COMMENT ON COLUMN patients.name IS 'number {n}';",
)


def main() -> None:
    """Measure, and print one line per figure."""
    draw = random.Random(SEED)  # noqa: S311 - the same files each time
    schema = schema_from_dump(SCHEMA.read_text())
    texts = [_script(draw, STATEMENTS) for _ in range(FILES)]
    assess([ScriptFile("warm.sql", texts[0])], schema=schema)
    _beside_squawk(texts)
    _one_file(texts, schema)
    for count in LENGTHS:
        text = _script(draw, count)
        spent = _timed(lambda text=text: assess([ScriptFile("long.sql", text)], schema=schema))
        print(
            f"{count:6,} statements in one file: {spent}, {spent.processor / count * 1e6:.0f} µs each"
        )
    _memory(draw)


def _script(draw: random.Random, count: int) -> str:
    return "\n".join(draw.choice(PATTERNS).format(n=draw.randrange(10**6)) for _ in range(count))


def _beside_squawk(texts: list[str]) -> None:
    """Both tools on the same files, JSON out, in turns: what else the machine does falls on both alike."""
    with tempfile.TemporaryDirectory() as folder:
        paths = []
        for number, text in enumerate(texts):
            path = Path(folder) / f"{number:04}.sql"
            path.write_text(text)
            paths.append(str(path))
        ways: dict[str, Callable[[], object]] = {
            "the engine in a process that is loaded": lambda: _each(texts),
            "the command from start to end": lambda: _run([*PROGRAM, "--format", "json", *paths]),
            "squawk, all cores": lambda: _run([SQUAWK, "--reporter", "json", *paths]),
            "squawk, one core": lambda: _run([*ONE_CORE, SQUAWK, "--reporter", "json", *paths]),
        }
        rounds = [{name: _timed(call) for name, call in ways.items()} for _ in range(ROUNDS)]
    print(f"{FILES:,} files of {STATEMENTS} statements, the best of {ROUNDS} rounds:")
    for name in ways:
        print(f"  {name:40} {min((each[name] for each in rounds), key=lambda one: one.wall)}")
    ours, theirs = list(ways)[:2], list(ways)[2:]
    for name in ours:
        ratios = [_median_ratio(rounds, name, other, "wall") for other in theirs]
        processor = _median_ratio(rounds, name, theirs[0], "processor")
        print(
            f"  {name} to squawk, median: {ratios[0]:.1f} times its wall time on all cores, "
            f"{ratios[1]:.1f} times on one core, {processor:.1f} times its processor time"
        )


def _each(texts: list[str]) -> None:
    for text in texts:
        assess([ScriptFile("a.sql", text)])


def _median_ratio(rounds: list[dict[str, Spent]], one: str, other: str, what: str) -> float:
    return statistics.median(getattr(r[one], what) / getattr(r[other], what) for r in rounds)


def _run(call: list[str]) -> None:
    """Run a program as it is installed: Python may keep what it has compiled."""
    kept = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    subprocess.run(
        call, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False, env=kept
    )


def _memory(draw: random.Random) -> None:
    """The most memory that one process takes for one long file, and for 10 MB of the shortest statements."""
    texts = {f"{count:,} statements": _script(draw, count) for count in LENGTHS}
    texts["10 MB of SELECT 1"] = "SELECT 1;\n" * 1_000_000
    for name, text in texts.items():
        with tempfile.NamedTemporaryFile("w", suffix=".sql") as file:
            file.write(text)
            file.flush()
            call = [sys.executable, "-c", MEASURED, file.name]
            said = subprocess.run(call, capture_output=True, text=True, check=True).stdout.split()
        print(f"{name} through the command: at most {int(said[-1]) / 1024:.0f} MB of memory")


def _one_file(texts: list[str], schema: Schema) -> None:
    def once(text: str) -> Spent:
        return _timed(lambda: assess([ScriptFile("a.sql", text)], schema=schema).as_json())

    spent = [once(text) for text in texts[:200]]
    for what in ("wall", "processor"):
        times = sorted(getattr(one, what) for one in spent)
        middle, worst = statistics.median(times), times[int(len(times) * 0.99)]
        print(
            f"one file with its schema:     {what} median {middle * 1e3:.1f} ms, 99 % below {worst * 1e3:.1f} ms"
        )


@dataclass(frozen=True)
class Spent:
    """Seconds by the clock and seconds of processor, those of ended child processes included."""

    wall: float
    processor: float

    def __str__(self) -> str:
        return f"{self.wall:.2f} s wall, {self.processor:.2f} s processor"


def _timed(call: Callable[[], object]) -> Spent:
    begin, used = time.perf_counter(), _processor()
    call()
    return Spent(time.perf_counter() - begin, _processor() - used)


def _processor() -> float:
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


if __name__ == "__main__":
    main()
