"""How fast the ledger is. `make bench BENCH=ledger`; ROWS=1000000 EXPLORE=5000000 EACH=1000 are the sizes of the requirement.

ROWS=0 measures appends alone.

1. Appends a second and p99, with 1, 8 and 16 writers; of 16, one transaction in ten is rolled back and one dies with its session.
2. Rows a second of the check, in the database and offline.
3. A CSV export against PostgreSQL's own COPY of the same columns, and the memory it takes.
4. The explorer's page at depth, any filter: p95.

The environment has to name real servers: the tests' own are used (`python -m tests.servers python -m benchmarks.ledger`).
"""

import os
import random
import resource
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from statistics import quantiles

ROOT = Path(__file__).resolve().parents[1]
ROWS = int(os.environ.get("ROWS", "100000"))
EXPLORE = int(os.environ.get("EXPLORE", str(ROWS)))
EACH = int(os.environ.get("EACH", "250"))
PAGE = 50

FILL = """
INSERT INTO audit_entry (seq, at, kind, actor, plan, target, phi, result, canonical, prev_hash, hash)
SELECT n, at, kind, actor, plan, target, phi, result, line, lpad(to_hex(n - 1), 64, '0'), lpad(to_hex(n), 64, '0')
FROM (
  SELECT *, format(
      '{"alg":"SHA-256","at":"%s","body":{"facts":{},"kind":"%s","phi":%s,"plan":%s,"record":null,"result":"%s","revision":1,'
      '"what":"Person %s did act number %s on plan %s","where":{"environment":"production","target":"%s"},'
      '"who":{"email":"%s","name":"Person %s"},"why":"%s"},"prev":"%s","seq":%s,"v":1}',
      to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), kind, phi::text, plan, result, n % 97, n, plan, target,
      actor, n % 97, CASE WHEN n % 4 = 0 THEN '=1+' || n ELSE 'JIRA-' || n % 5000 END, lpad(to_hex(n - 1), 64, '0'), n) AS line
  FROM (SELECT n, timestamptz '2020-01-01' + n * interval '7 seconds' AS at,
          (ARRAY['SEAT_SIGNED','PLAN_CREATED','RUN_STARTED','RUN_FINISHED','MIGRATION_RECORD','CHECKLIST_TICKED'])[1 + n % 6] AS kind,
          'person' || n % 97 || '@whitecross.example' AS actor, 1 + n / 40 AS plan,
          (ARRAY['white_cross_production','white_cross_staging','billing'])[1 + n % 3] AS target, n % 5 = 0 AS phi,
          CASE WHEN n % 50 = 0 THEN 'failed' ELSE 'success' END AS result
        FROM generate_series({first}, {last}) n) said) entries
"""


def main() -> None:
    """Measure, and print one line a figure."""
    if "WCO_TEST_SERVERS" not in os.environ:
        command = [sys.executable, "-m", "tests.servers", sys.executable, "-m", "benchmarks.ledger"]
        raise SystemExit(subprocess.run(command, cwd=ROOT, check=False).returncode)
    import django  # noqa: PLC0415  # the environment has to be there first

    django.setup()
    from django.core.management import call_command  # noqa: PLC0415

    call_command("migrate", verbosity=0)
    appends()
    if ROWS:
        fill()
        explore()
        export()
        offline()


def _address(role: str = "") -> str:
    import psycopg  # noqa: PLC0415
    from django.db import connection  # noqa: PLC0415

    at = connection.settings_dict
    # On loopback: without it, a handshake for each killed session is most of what is measured.
    name = {"dbname": at["NAME"], "sslmode": "disable"}
    if role == "admin":
        return psycopg.conninfo.make_conninfo(os.environ["WCO_TEST_PG_DSN"], **name)
    return psycopg.conninfo.make_conninfo(
        host=at["HOST"], port=at["PORT"], user=at["USER"], password=at["PASSWORD"], **name
    )


class Writer(threading.Thread):
    """Appends entries that count; with `harm`, one in ten is rolled back first and one in ten dies with its session."""

    def __init__(self, number: int, *, harm: bool) -> None:
        """Take a number, which is also the seed."""
        super().__init__()
        self.number, self.harm, self.chance = number, harm, random.Random(number)  # noqa: S311
        self.waits: list[float] = []
        self.killed = self.undone = 0

    def run(self) -> None:
        """Write."""
        import psycopg  # noqa: PLC0415

        from migrations_portal.audit.rules import PORTAL, Draft, EntryKind  # noqa: PLC0415

        address = _address()
        session = psycopg.connect(address)
        while len(self.waits) < EACH:
            sentence = f"{self.number}/{len(self.waits)}"
            body = Draft(kind=EntryKind.SEAT_SIGNED, actor=PORTAL, sentence=sentence).body()
            begun = time.perf_counter()
            session.execute("SELECT audit_append(%s)", [body.decode()])
            fate = self.chance.random() if self.harm else 1
            if fate < 0.1:  # noqa: PLR2004
                self.killed += 1
                session.pgconn.finish()
                session = psycopg.connect(address)
            elif fate < 0.2:  # noqa: PLR2004
                self.undone += 1
                session.rollback()
            else:
                session.commit()
                self.waits.append(time.perf_counter() - begun)
        session.close()


def appends() -> None:
    """Figure 1, each on an empty ledger, and that it verifies."""
    from migrations_portal.audit import checks  # noqa: PLC0415
    from migrations_portal.audit.models import Entry  # noqa: PLC0415

    for count, harm in ((1, False), (8, False), (16, False), (16, True)):
        empty()
        writers = [Writer(number, harm=harm) for number in range(count)]
        begun = time.perf_counter()
        for each in writers:
            each.start()
        for each in writers:
            each.join()
        seconds = time.perf_counter() - begun
        p99 = quantiles([wait for each in writers for wait in each.waits], n=100)[98]
        found, rows = checks.verify(store=None), Entry.objects.count()
        undone, killed = sum(w.undone for w in writers), sum(w.killed for w in writers)
        print(
            f"appends, {count:2} writers: {rows / seconds:7,.0f}/s, p99 {p99 * 1000:4.0f} ms;"
            f" {rows:,} entries, {undone} rolled back, {killed} killed;"
            f" {'no gap, no fork, verifies' if found.intact and found.entries == rows == count * EACH else found}"
        )


def empty() -> None:
    """Empty the ledger, as only a superuser with the walls down can."""
    import psycopg  # noqa: PLC0415

    with psycopg.connect(_address("admin"), autocommit=True) as admin:
        admin.execute("ALTER TABLE audit_entry DISABLE TRIGGER USER; TRUNCATE audit_entry")
        for name in ("audit_entry_no_change", "audit_entry_no_truncate"):
            admin.execute(f"ALTER TABLE audit_entry ENABLE ALWAYS TRIGGER {name}".encode())


def fill() -> None:
    """Make many entries at once (their hashes are not real: these figures are about reading)."""
    import psycopg  # noqa: PLC0415

    empty()
    begun = time.perf_counter()
    with psycopg.connect(_address("admin"), autocommit=True) as admin:
        for first in range(1, EXPLORE + 1, 250_000):
            last = min(first + 249_999, EXPLORE)
            admin.execute(FILL.replace("{first}", str(first)).replace("{last}", str(last)).encode())
        admin.execute("VACUUM ANALYZE audit_entry")
    print(f"{EXPLORE:,} entries made in {time.perf_counter() - begun:.0f} s")


def explore() -> None:
    """Figure 4: 300 pages, each with filters and a depth of its own."""
    from datetime import UTC, datetime, timedelta  # noqa: PLC0415

    from migrations_portal.audit import explorer, queries  # noqa: PLC0415

    chance, took = random.Random(7), []  # noqa: S311
    targets = ["white_cross_production", "white_cross_staging"]
    choices = {
        "kind": lambda: chance.choice(["SEAT_SIGNED", "RUN_FINISHED"]),
        "person": lambda: f"person{chance.randrange(97)}@",
        "target": lambda: chance.choice(targets),
        "phi": lambda: chance.random() < 0.5,  # noqa: PLR2004
        "result": lambda: chance.choice(["failed", "success"]),
        "plan": lambda: chance.randrange(1, 2 + EXPLORE // 40),
        "text": lambda: f"JIRA-{chance.randrange(5000)}",
        "since": lambda: datetime(2020, 1, 1, tzinfo=UTC) + timedelta(seconds=7 * chance.randrange(EXPLORE)),
    }  # fmt: skip
    for _ in range(300):
        chosen = chance.sample(sorted(choices), chance.randrange(4))
        wanted = queries.LedgerFilter(**{name: choices[name]() for name in chosen})
        before = chance.randrange(1, EXPLORE + 1)
        begun = time.perf_counter()
        explorer.newest(targets=targets, wanted=wanted, before=before, count=PAGE + 1)
        took.append((time.perf_counter() - begun, tuple(chosen)))
    slowest = sorted(took)[-3:]
    p95 = quantiles([seconds for seconds, _ in took], n=20)[18]
    print(f"explorer at {EXPLORE:,} entries, 300 questions at any depth: p95 {p95 * 1000:.0f} ms")
    print(
        "  slowest: " + "; ".join(f"{s * 1000:.0f} ms {' + '.join(c) or 'all'}" for s, c in slowest)
    )


def export() -> None:
    """Figure 3."""
    import psycopg  # noqa: PLC0415

    from migrations_portal.audit import export as exporting  # noqa: PLC0415
    from migrations_portal.audit.models import Entry  # noqa: PLC0415

    rows = Entry.objects.filter(seq__lte=ROWS)
    inner = f"SELECT seq, hash, canonical FROM audit_entry WHERE seq <= {ROWS} ORDER BY seq"  # noqa: S608
    raw = f"COPY ({exporting.csv_select(inner, defused=False)}) TO STDOUT WITH (FORMAT csv)"
    begun = time.perf_counter()
    with psycopg.connect(_address()) as session, session.cursor().copy(raw.encode()) as copy:
        for _ in copy:
            pass
    by_copy = time.perf_counter() - begun
    begun, size = time.perf_counter(), 0
    with tempfile.TemporaryFile() as file:
        for piece in exporting.as_csv(rows):
            size += file.write(piece)
    ours = time.perf_counter() - begun
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"CSV of {ROWS:,} entries ({size / 1e6:.0f} MB): {ours:.1f} s, raw COPY of the same columns {by_copy:.1f} s:"
        f" {by_copy / ours:.2f} of its speed; peak memory of this process so far {peak:.0f} MiB"
    )


def offline() -> None:
    """Figure 2: entries with real hashes, in memory, as the offline verifier reads them."""
    from migrations_portal.audit import verifier  # noqa: PLC0415

    said, prev, lines = '{"alg":"SHA-256","at":"%s","body":{"facts":{},"kind":"SEAT_SIGNED","phi":false,"plan":1,"record":null,"result":"success","revision":1,"what":"Dan approved revision 3","where":{"environment":"production","target":"white_cross_production"},"who":{"email":"dan@whitecross.example","name":"Dan Okafor"},"why":"Read and understood"},"prev":"%s","seq":%d,"v":1}', verifier.GENESIS, []  # noqa: E501  # fmt: skip
    for n in range(1, ROWS + 1):
        at = f"2026-01-01T{n // 10**6 % 24:02d}:00:00.{n % 10**6:06d}Z"
        text = said % (at, prev, n)
        prev = verifier.leaf(text.encode())
        lines.append(f'{text[:-1]},"hash":"{prev}"}}'.encode())
    begun, used = time.perf_counter(), time.process_time()
    count, _, _ = verifier.check_rows(map(verifier.read_row, lines), leaf_of=lambda _: None, contiguous=True)  # fmt: skip
    seconds = time.perf_counter() - begun
    used = time.process_time() - used
    print(
        f"offline verifier: {count:,} entries in {seconds:.1f} s, {count / seconds:,.0f} rows/s;"
        f" {count / used:,.0f} rows a second of the processor's time"
    )


if __name__ == "__main__":
    main()
