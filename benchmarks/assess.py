"""How long an assessment takes, beside squawk on the same files. `make bench BENCH=assess`.

Each figure is given as wall time and as processor time: on a machine that has other work, only the second can be compared.

1,000 migrations of 20 statements each, as the engine in a process that is loaded and as the command from start to end, and one
call of squawk (a Rust program, PyPI `squawk-cli`, which uses all cores) with all cores and with one;
one typical file once everything is loaded; and one file of 1,000 and of 10,000 statements, to show that cost grows linearly.
"""

from __future__ import annotations

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
SEED = 1
ROOT = Path(__file__).resolve().parents[1]
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
    for count in (1_000, 10_000):
        text = _script(draw, count)
        spent = _timed(lambda text=text: assess([ScriptFile("long.sql", text)], schema=schema))
        print(
            f"{count:6,} statements in one file: {spent}, {spent.processor / count * 1e6:.0f} µs each"
        )


def _script(draw: random.Random, count: int) -> str:
    return "\n".join(draw.choice(PATTERNS).format(n=draw.randrange(10**6)) for _ in range(count))


def _beside_squawk(texts: list[str]) -> None:
    """Both tools as a program on the same files, JSON out: with all cores, and with one core each."""
    with tempfile.TemporaryDirectory() as folder:
        paths = []
        for number, text in enumerate(texts):
            path = Path(folder) / f"{number:04}.sql"
            path.write_text(text)
            paths.append(str(path))
        program = [sys.executable, "-m", "migrations_portal.risk", "--format", "json", *paths]
        other = [str(Path(sys.executable).parent / "squawk"), "--reporter", "json", *paths]
        library = _best(lambda: [assess([ScriptFile("a.sql", text)]) for text in texts])
        ours, theirs = _best(lambda: _run(program)), _best(lambda: _run(other))
        alone = _best(lambda: _run(["taskset", "--cpu-list", "0", *other]))
    print(
        f"{FILES:,} files of {STATEMENTS} statements, the engine in a process that is loaded: {library}"
    )
    print(f"the command from start to end:          {ours}")
    print(f"squawk on the same files, all cores:    {theirs}")
    print(f"squawk on the same files, one core:     {alone}")
    for name, spent in (("engine", library), ("command", ours)):
        print(
            f"{name} to squawk: {spent.wall / alone.wall:.1f} times its wall time on one core, "
            f"{spent.wall / theirs.wall:.1f} times on all cores, {spent.processor / theirs.processor:.1f} times its processor time"
        )


def _run(call: list[str]) -> None:
    subprocess.run(call, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)


def _best(call: Callable[[], object]) -> Spent:
    """The fastest of three: what else the machine does is not what is asked."""
    return min((_timed(call) for _ in range(3)), key=lambda spent: spent.wall)


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
