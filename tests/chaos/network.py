"""Runs and mails whose network fails in the middle: what is put behind which proxy, and what is held against what."""

import contextlib
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from migrations_portal import wiring
from migrations_portal.adapters import mail, silence
from migrations_portal.adapters.s3 import S3Vault
from migrations_portal.adapters.s3_upload import Patience
from migrations_portal.execution.models import MigrationRun
from migrations_portal.kernel import failpoints
from migrations_portal.runbooks.tools import Tools
from tests.chaos.kit import DOWN, ROOT, UP, Scenario, prepare, settle, state, violations
from tests.chaos.proxy import Proxy, Weather
from tests.chaos.worker import portal_environment
from tests.customer import Customer
from tests.factories.plans import scheduled_run
from tests.runs_kit import claimed, execute, on_a_thread, story, until

Fault = Callable[[Proxy], None]


def weather(**bad: object) -> Fault:
    """Return what lets the weather turn bad and stay so."""

    def turn(proxy: Proxy) -> None:
        proxy.weather = Weather(**bad)  # type: ignore[arg-type]

    return turn


def a_moment(seconds: float, **bad: object) -> Fault:
    """Return what lets the weather be bad for so long; what was lost meanwhile stays lost, and nobody is told."""

    def turn(proxy: Proxy) -> None:
        weather(**bad)(proxy)
        threading.Timer(seconds, proxy.heal, kwargs={"cut": False}).start()

    return turn


FAULTS: dict[str, Fault] = {
    "cut": Proxy.cut,
    "refuse": weather(refuse=True),
    "cut and refuse": lambda proxy: (weather(refuse=True)(proxy), proxy.cut())[1],
    "black hole": weather(black_hole=True),
    "delay": weather(delay=0.02),
    "cut after 2,000 bytes": weather(cut_after=2_000),
}

SLEEP = "SELECT pg_sleep(4);\n"
GOOD = Scenario(UP + SLEEP + "ALTER TABLE students ADD nickname text;\n" + DOWN)
SLEEPING = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep(4)%' AND state = 'active'"


@dataclass(frozen=True)
class Seen:
    """How a run ended, how long after the fault, and what does not fit together."""

    run: MigrationRun
    seconds: float
    wrong: list[str]

    @property
    def ended(self) -> tuple[str, str]:
        return self.run.status, self.run.outcome

    def show(self, name: str) -> None:
        said = f"{' '.join(self.ended)} after {self.seconds:.1f} s: {self.run.problem}"
        print(f"NETWORK {name}: {said}")  # noqa: T201  # the table of docs/reference/faults.md, with -s
        assert self.wrong == [], story(self.run)


def impatient(monkeypatch) -> None:
    """Make the waits of this process short: what is tested is that they end, `make chaos` tests when."""
    monkeypatch.setattr(silence, "PATIENCE_SECONDS", 1.5)
    monkeypatch.setattr(silence, "PAUSE_SECONDS", 0.3)
    monkeypatch.setattr(silence, "ANSWER_SECONDS", 0.7)
    monkeypatch.setattr(mail, "TIMEOUT_SECONDS", 1)


@contextlib.contextmanager
def target_behind(school: Customer) -> Iterator[Proxy]:
    """Put a proxy before the target while the block lasts."""
    target = school.target
    where = target.host, target.port
    with Proxy(where) as proxy:
        target.host, target.port = "127.0.0.1", proxy.port
        target.save(update_fields=["host", "port"])
        try:
            yield proxy
        finally:
            proxy.heal()
            target.host, target.port = where
            target.save(update_fields=["host", "port"])


@contextlib.contextmanager
def vault_behind(patience: Patience) -> Iterator[tuple[Proxy, Tools]]:
    """Yield a proxy before S3, and tools that keep their backups through it."""
    where = urlsplit(os.environ["WCO_S3_ENDPOINT"])
    with Proxy((str(where.hostname), int(where.port or 80))) as proxy:
        vault = S3Vault(
            os.environ["WCO_S3_BUCKET"],
            access_key=os.environ["WCO_S3_ACCESS_KEY"],
            secret_key=os.environ["WCO_S3_SECRET_KEY"],
            endpoint_url=f"http://127.0.0.1:{proxy.port}",
            patience=patience,
        )
        yield proxy, replace(wiring.tools(), vault=vault)


def suffer(
    school: Customer,
    cast: dict,
    proxy: Proxy,
    *,
    fault: Fault,
    place: str = "",
    tools: Tools | None = None,
) -> Seen:
    """Carry out a run whose network fails at the failpoint `place`, or else while its statement is at work."""
    prepare(school)
    before = state(school)
    run = scheduled_run(cast=cast, target=school.target, example=GOOD)
    struck: list[float] = []

    def strike() -> None:
        if not struck:
            struck.append(time.monotonic())
            fault(proxy)

    fence = claimed(run)
    if place:
        failpoints.arm(place, strike)
    try:
        with on_a_thread(lambda: execute(run, fence=fence, tools=tools)) as thread:
            if not place:
                until(lambda: school.value(SLEEPING) == 1 or not thread.is_alive(), seconds=80)
                strike()
            thread.join(150)
            ended = time.monotonic()
    finally:
        failpoints.disarm()
    assert struck, story(run)
    proxy.heal()
    return _seen(school, run, before=before, seconds=ended - struck[0])


def suffer_without_portal(school: Customer, cast: dict, *, fault: Fault) -> Seen:
    """Carry out a run in a process of its own whose way to the portal's database fails while its statement is at work."""
    prepare(school)
    before = state(school)
    run = scheduled_run(cast=cast, target=school.target, example=GOOD)
    environment = portal_environment()
    url = urlsplit(environment["WCO_DATABASE_URL"])
    with Proxy((str(url.hostname), int(url.port or 5432))) as proxy:
        behind = url.netloc.rpartition(":")[0] + f":{proxy.port}"
        environment["WCO_DATABASE_URL"] = url._replace(netloc=behind).geturl()
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.chaos.victim", str(run.pk), "nowhere"],
            cwd=ROOT,
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            until(lambda: school.value(SLEEPING) == 1, seconds=90)
            began = time.monotonic()
            fault(proxy)
            process.wait(120)
            seconds = time.monotonic() - began
        finally:
            process.kill()
            process.wait()
    return _seen(school, run, before=before, seconds=seconds)


def _seen(school: Customer, run: MigrationRun, *, before: tuple, seconds: float) -> Seen:
    until(lambda: school.value(SLEEPING) == 0, seconds=10)
    settle(run)
    run.refresh_from_db()
    return Seen(run, seconds, violations(school, run, before=before))
