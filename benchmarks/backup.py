"""A backup and its restore, the spec's way against ours, alternating in one run: `make bench BENCH=backup`.

The spec's way: `pg_dump -F c -b -v` into a file, `pg_restore -l`, one upload of the file; `pg_restore` with a single job.
Ours: `backups.take` (dumped in several archives at once, hashed, stored in parts, locked, asked for) and `restore_into`
(every byte read back and hashed). WCO_BENCH_GB sets the size (2), WCO_BENCH_ROUNDS the rounds (2), and
WCO_BENCH_GROWTH="0.5 1 2 4" measures ours alone at these sizes.
"""

import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import tests.servers as embedded

FILL = """
CREATE TABLE students (id int PRIMARY KEY, "firstName" text, "lastName" text, born date, "createdAt" timestamptz);
CREATE TABLE health_records (id bigint PRIMARY KEY, "studentId" int NOT NULL, kind text, note text, details jsonb,
                             "createdAt" timestamptz);
CREATE TABLE immunization_events (id bigint PRIMARY KEY, "studentId" int NOT NULL, code text, lot text, "givenAt" timestamptz);
CREATE TABLE documents (id int PRIMARY KEY, "studentId" int NOT NULL, body text);
CREATE TABLE audit_logs (id bigint PRIMARY KEY, at timestamptz, actor text, action text, entity text, payload jsonb);
INSERT INTO students SELECT i, (ARRAY['Ada','Ben','Cleo','Dora','Eli','Fay'])[1 + i % 6], 'Name' || hashint4(i) % 90000,
       date '2008-01-01' + i % 4000, now() - i * interval '7 minutes' FROM generate_series(1, {students}) i;
INSERT INTO health_records SELECT i, 1 + i % {students}, (ARRAY['visit','allergy','exam','screening'])[1 + i % 4],
       'Seen at ' || i % 24 || ':' || i % 60 || '. ' || repeat(md5((i % 5000)::text) || ' reports mild symptoms, ', 2)
       || md5(i::text),
       jsonb_build_object('temperature', 36 + (i % 40) / 10.0, 'pulse', 60 + i % 50, 'nurse', 'nurse' || i % 300,
                          'codes', jsonb_build_array(md5((i % 700)::text), i % 1000)),
       now() - i * interval '11 seconds' FROM generate_series(1, {records}) i;
INSERT INTO immunization_events SELECT i, 1 + (i * 7) % {students}, 'CVX-' || i % 180, upper(substr(md5(i::text), 1, 8)),
       now() - i * interval '29 seconds' FROM generate_series(1, {events}) i;
INSERT INTO documents SELECT i, 1 + i % {students},
       (SELECT string_agg(md5((i * 100 + j)::text) || ' ' || md5((j % 40)::text), E'\\n') FROM generate_series(1, 90) j)
  FROM generate_series(1, {documents}) i;
INSERT INTO audit_logs SELECT i, now() - i * interval '3 seconds', 'user' || i % 2000, (ARRAY['read','update','login'])[1 + i % 3],
       'health_records/' || i % {records}, jsonb_build_object('ip', '10.' || i % 255 || '.0.' || i % 200, 'agent', md5((i % 90)::text))
  FROM generate_series(1, {logs}) i;
CREATE INDEX ON health_records ("studentId"); CREATE INDEX ON health_records ("createdAt");
CREATE INDEX ON immunization_events ("studentId", "givenAt"); CREATE INDEX ON documents ("studentId");
CREATE INDEX ON audit_logs (at); CREATE INDEX ON audit_logs (actor, action);
CREATE INDEX ON health_records USING gin (details jsonb_path_ops);
ALTER TABLE health_records ADD FOREIGN KEY ("studentId") REFERENCES students;
ALTER TABLE immunization_events ADD FOREIGN KEY ("studentId") REFERENCES students;
ALTER TABLE documents ADD FOREIGN KEY ("studentId") REFERENCES students;
"""
"""Text, JSON, values that go to TOAST, indexes of three kinds and foreign keys."""

PER_GIGABYTE = {
    "students": 60_000,
    "records": 780_000,
    "events": 1_500_000,
    "documents": 50_000,
    "logs": 1_150_000,
}
"""Rows for about one gigabyte with its indexes."""


def main() -> None:
    """Make the portal's database and the customer's, measure, print."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "whitecross_ops.settings")
    import django  # noqa: PLC0415  # needs the environment that the servers made

    django.setup()
    from django.core.management import call_command  # noqa: PLC0415

    call_command("migrate", verbosity=0)
    sizes = os.environ.get("WCO_BENCH_GROWTH")
    if sizes:
        for size in sizes.split():
            _grow(float(size))
        return
    _compare(
        float(os.environ.get("WCO_BENCH_GB", "2")),
        rounds=int(os.environ.get("WCO_BENCH_ROUNDS", "2")),
    )


class Customer:
    """A database of about so many gigabytes, as a target."""

    def __init__(self, gigabytes: float) -> None:
        """Fill it."""
        import psycopg  # noqa: PLC0415
        from psycopg.conninfo import conninfo_to_dict, make_conninfo  # noqa: PLC0415

        from migrations_portal import wiring  # noqa: PLC0415
        from migrations_portal.demo.databases import MIGRATOR, ensure_database  # noqa: PLC0415
        from migrations_portal.demo.environment import CREDENTIAL  # noqa: PLC0415
        from migrations_portal.targets.models import Target, TargetGroup  # noqa: PLC0415

        admin = os.environ["WCO_TEST_PG_DSN"]
        where = conninfo_to_dict(admin)
        name = f"bench_{int(gigabytes * 1000)}"
        ensure_database(admin, name=name, owner=MIGRATOR)
        group, _ = TargetGroup.objects.get_or_create(name="Bench")
        self.target = Target.objects.create(
            name=name, group=group, environment="PRODUCTION", host=str(where["host"]), port=int(str(where["port"])),
            database=name, credential=CREDENTIAL, project="none",
        )  # fmt: skip
        self.tools = wiring.tools()
        self.endpoint = self.tools.endpoint(self.target)
        rows = {key: int(value * gigabytes) for key, value in PER_GIGABYTE.items()}
        with psycopg.connect(
            make_conninfo(
                host=self.endpoint.host, port=self.endpoint.port, dbname=name,
                user=self.endpoint.user, password=self.endpoint.password,
            ), autocommit=True,
        ) as connection:  # fmt: skip
            connection.execute(FILL.format(**rows).encode())
            connection.execute(b"VACUUM ANALYZE")
            (self.bytes,) = connection.execute(
                "SELECT pg_database_size(current_database())"
            ).fetchone() or (0,)

    def take(self) -> object:
        """Take a backup our way."""
        from migrations_portal.backups import services  # noqa: PLC0415

        return services.take(
            run_id=None, target=self.target, endpoint=self.endpoint, tools=self.tools.backup,
            application_name="wcops-bench", phi=False, purpose="bench", owner=f"bench-{time.monotonic_ns()}",
            now=datetime.now(UTC),
        )  # fmt: skip

    def restore(self, backup: object) -> None:
        """Restore our way."""
        from migrations_portal.backups import services  # noqa: PLC0415

        with self._empty("ours") as copy:
            services.restore_into(backup, into=copy, tools=self.tools.backup)  # type: ignore[arg-type]

    def spec_take(self, file: Path) -> None:
        """Take a backup the spec's way: a file, its list, one upload."""
        self._tool("pg_dump", "-F", "c", "-b", "-v", "-f", str(file), "-d", self.endpoint.database)
        self._tool("pg_restore", "-l", str(file))
        upload = (
            "import boto3, os, sys; from botocore.config import Config; e = os.environ; "
            "s = boto3.client('s3', endpoint_url=e['WCO_S3_ENDPOINT'], aws_access_key_id=e['WCO_S3_ACCESS_KEY'], "
            "aws_secret_access_key=e['WCO_S3_SECRET_KEY'], region_name='us-east-1', config=Config(s3={'addressing_style': 'path'})); "
            "s.put_object(Bucket=e['WCO_S3_BUCKET'], Key='spec/' + os.path.basename(sys.argv[1]), Body=open(sys.argv[1], 'rb'))"
        )
        subprocess.run([sys.executable, "-c", upload, str(file)], check=True)

    def spec_restore(self, file: Path) -> None:
        """Restore the spec's way, with a single job."""
        with self._empty("spec") as copy:
            self._tool(
                "pg_restore", "--no-owner", "--no-privileges", "-d", copy.database, str(file)
            )

    def _tool(self, name: str, *words: str) -> None:
        environment = {**os.environ, "PGHOST": self.endpoint.host, "PGPORT": str(self.endpoint.port),
                       "PGUSER": self.endpoint.user, "PGPASSWORD": self.endpoint.password}  # fmt: skip
        tool = Path(os.environ["WCO_PG_BIN"]) / name
        subprocess.run(
            [tool, *words],
            env=environment,
            check=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def _empty(self, word: str) -> "Scratch":
        return Scratch(self, f"wco_bench_{word}")


class Scratch:
    """An empty database for a block."""

    def __init__(self, customer: Customer, name: str) -> None:
        """Lie on the customer's server."""
        self._server, self._endpoint = customer.tools.server, customer.endpoint.on(name)

    def __enter__(self) -> object:
        """Make it."""
        self._server.drop_database(self._endpoint)
        self._server.create_database(self._endpoint)
        return self._endpoint

    def __exit__(self, *_: object) -> None:
        """Drop it."""
        self._server.drop_database(self._endpoint)


def _timed(work: Callable[[], object]) -> tuple[float, object]:
    started = time.monotonic()
    result = work()
    return time.monotonic() - started, result


def _compare(gigabytes: float, *, rounds: int) -> None:
    customer = Customer(gigabytes)
    lanes = customer.tools.backup.lanes
    print(
        f"{customer.bytes / 1e9:.2f} GB with indexes, {lanes} lanes, {os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}"
    )
    times: dict[str, list[float]] = {
        "spec take": [],
        "our take": [],
        "spec restore": [],
        "our restore": [],
    }
    with tempfile.TemporaryDirectory(dir="/var/tmp") as folder:
        for number in range(rounds):
            file = Path(folder) / f"{number}.dump"
            times["spec take"].append(_timed(lambda: customer.spec_take(file))[0])  # noqa: B023
            seconds, backup = _timed(customer.take)
            times["our take"].append(seconds)
            times["spec restore"].append(_timed(lambda: customer.spec_restore(file))[0])  # noqa: B023
            times["our restore"].append(_timed(lambda: customer.restore(backup))[0])  # noqa: B023
            print(
                {key: round(values[-1], 1) for key, values in times.items()},
                f"{file.stat().st_size / 1e6:.0f} MB spec, {backup.size / 1e6:.0f} MB ours",  # type: ignore[attr-defined]
            )
            file.unlink()
    middle = {key: statistics.median(values) for key, values in times.items()}
    print(
        f"stored and hashed: {middle['our take'] / middle['spec take']:.2f}x of the spec's way (goal 0.50)"
    )
    print(
        f"restore:           {middle['our restore'] / middle['spec restore']:.2f}x of a single job (goal 0.70)"
    )
    print(f"peak memory:       {_peak():.0f} MiB in our process (goal 300)")


def _grow(gigabytes: float) -> None:
    customer = Customer(gigabytes)
    taken, backup = _timed(customer.take)
    restored, _ = _timed(lambda: customer.restore(backup))
    print(
        f"{customer.bytes / 1e9:.2f} GB: taken in {taken:.1f} s, restored in {restored:.1f} s, peak {_peak():.0f} MiB"
    )
    customer.tools.server.drop_database(customer.endpoint)


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    try:
        main()
    finally:
        embedded.stop()
