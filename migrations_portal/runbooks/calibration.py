"""How fast a target's server rewrites, reads, indexes, checks and changes rows: measured, on a table of our own.

It runs on the staging server of the target, in a scratch database, never on the target itself. Each kind of work is done
`REPEATS` times; the middle is the usual rate, and the interval allows for what a calibration cannot see.
"""

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from migrations_portal.risk.prediction import Work
from migrations_portal.runbooks.catalogue import MAJOR
from migrations_portal.runbooks.tools import Tools
from migrations_portal.targets import services
from migrations_portal.targets.models import Target
from migrations_portal.targets.ports import TargetSession

ROWS = 150_000
PARENTS = 5_000
REPEATS = 3
SLOWER, FASTER = 3.0, 2.0
"""The interval around the samples. A table that does not fit into memory, and users who work meanwhile, were measured to cost
up to a factor of three; wider or narrower rows than ours make up to a factor of two. Of 35 tries on PostgreSQL 17 (rewrites, a
check, an index; 100,000 to 800,000 rows of seven widths, two cores busy with other work) 33 lay within; two took longer."""
FASTER_INDEX = 6.0
"""Our index is on a text; one on integers was measured to build four times as fast."""

SETUP = (
    "CREATE TABLE owners (id integer PRIMARY KEY)",
    f"INSERT INTO owners SELECT generate_series(1, {PARENTS})",
    """CREATE TABLE sample (id integer PRIMARY KEY, owner_id integer NOT NULL, amount integer NOT NULL,
        name text NOT NULL, note text NOT NULL, at timestamptz NOT NULL)""",
    f"""INSERT INTO sample SELECT n, mod(n, {PARENTS}) + 1, mod(n, 1000), md5(n::text), repeat(md5((n * 7)::text), 5),
        now() - n * interval '1 minute' FROM generate_series(1, {ROWS}) n""",  # noqa: S608 - our own numbers
    "CREATE INDEX sample_owner ON sample (owner_id)",
    "VACUUM (ANALYZE) sample",
)
SIZE = "SELECT pg_table_size('sample') AS heap, pg_total_relation_size('sample') AS bytes"


@dataclass(frozen=True)
class Trial:
    """One kind of work: the statement that is timed, and what puts the table back."""

    work: Work
    timed: str
    afterwards: tuple[str, ...]


TRIALS = (
    Trial(
        Work.REWRITE,
        "ALTER TABLE sample ALTER COLUMN amount TYPE bigint",
        ("ALTER TABLE sample ALTER COLUMN amount TYPE integer", "VACUUM sample"),
    ),
    Trial(
        Work.SCAN,
        "ALTER TABLE sample ADD CONSTRAINT positive CHECK (amount >= 0)",
        ("ALTER TABLE sample DROP CONSTRAINT positive",),
    ),
    Trial(Work.INDEX, "CREATE INDEX sample_name ON sample (name)", ("DROP INDEX sample_name",)),
    Trial(
        Work.FOREIGN_KEY,
        "ALTER TABLE sample ADD CONSTRAINT owner FOREIGN KEY (owner_id) REFERENCES owners (id)",
        ("ALTER TABLE sample DROP CONSTRAINT owner",),
    ),
    Trial(Work.CHANGE, "UPDATE sample SET amount = amount + 1", ("VACUUM FULL sample",)),
)


def measure(*, target_id: int, tools: Tools, clock: Callable[[], datetime]) -> None:
    """Measure the server of one target and keep the rates. Raises `TargetUnreachable`, `QueryFailed`, `CredentialMissing`."""
    target = Target.objects.select_related("drill_target").get(pk=target_id)
    home = target.drill_target or target
    scratch = tools.scratch(target, name=f"wco_calibration_{target.pk}")
    tools.server.drop_database(scratch)
    tools.server.create_database(scratch)
    try:
        with tools.server.session(scratch, application_name="wcops-calibration") as session:
            version = int(session.rows(MAJOR)[0]["major"])
            rates = measured(session)
    finally:
        tools.server.drop_database(scratch)
    services.note_rates(
        target=target, rates=rates, measured_on=home.name, server_version=version, now=clock()
    )


def measured(session: TargetSession) -> list[services.Measured]:
    """Do every kind of work on a table of our own and return its rates."""
    for statement in SETUP:
        session.rows(statement)
    return [_rate(session, trial) for trial in TRIALS]


def _rate(session: TargetSession, trial: Trial) -> services.Measured:
    samples = sorted(_sample(session, trial) for _ in range(REPEATS))
    return services.Measured(
        work=str(trial.work),
        usual=statistics.median(samples),
        slow=samples[0] / SLOWER,
        fast=samples[-1] * (FASTER_INDEX if trial.work is Work.INDEX else FASTER),
        samples=[round(each) for each in samples],
    )


def _sample(session: TargetSession, trial: Trial) -> float:
    """Do it once and return units per second."""
    size = session.rows(SIZE)[0]
    amount = {
        Work.REWRITE: int(size["bytes"]),
        Work.SCAN: int(size["heap"]),
    }.get(trial.work, ROWS)
    begun = time.perf_counter()
    session.rows(trial.timed)
    seconds = time.perf_counter() - begun
    for statement in trial.afterwards:
        session.rows(statement)
    return amount / max(seconds, 1e-6)
