"""The portal's own programs in the demo: web server, workers, beat. Watched, and started again when they die."""

import contextlib
import http.client
import os
import signal
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from migrations_portal.demo.console import Console
from migrations_portal.demo.processes import Account, Child

FIRST_DELAY_SECONDS = 1.0
LONGEST_DELAY_SECONDS = 30.0
STEADY_SECONDS = 60.0
"""A program that ran so long has recovered: its next death is a first one again."""
LONGEST_LOG = 8 * 1024 * 1024
"""A longer one is put aside as <name>.log.1 at the next start."""
OK = 200


@dataclass
class BackOff:
    """How long to wait before the next try: it doubles each time, and begins anew after a steady while."""

    _next: float = field(default=FIRST_DELAY_SECONDS, init=False)

    def delay_after(self, *, seconds_alive: float) -> float:
        """Return the seconds to wait after a life of so many seconds."""
        delay = FIRST_DELAY_SECONDS if seconds_alive > STEADY_SECONDS else self._next
        self._next = min(2 * delay, LONGEST_DELAY_SECONDS)
        return delay


@dataclass(frozen=True)
class Program:
    """A process that should always run while the demo does."""

    name: str
    """Also the name of its log."""
    command: Sequence[str | Path]
    answers: Callable[[str], bool]
    """Says whether it does its work; gets what it has logged since its start."""
    stop_seconds: float = 15
    """How long it may take to end its present work before it is killed."""


def portal_programs(*, python: Path, port: int, data: Path) -> list[Program]:
    """Return all of them, in the order in which they are started."""
    return [
        web(python=python, port=port),
        # A run under way gets time to end its present step; the others are quick.
        worker(python=python, name="runs", queues="runs", stop_seconds=30),
        worker(python=python, name="duties", queues="timeline,notices"),
        worker(python=python, name="exports", queues="exports", processes=1),
        # One at a time: each runs a file on a scratch database, for seconds, on the cores that the runs need.
        worker(python=python, name="rehearsals", queues="rehearsals"),
        beat(python=python, schedule=data / "beat-schedule"),
    ]


def web(*, python: Path, port: int) -> Program:
    """Return the web server."""
    command: list[str | Path] = [
        python,
        "-m",
        "uvicorn",
        "whitecross_ops.asgi:application",
        "--host",
        "127.0.0.1",
    ]
    command += ["--port", str(port), "--timeout-graceful-shutdown", "5", "--lifespan", "off"]
    return Program("web", command, answers=lambda _logged: is_ready(port))


def worker(
    *, python: Path, name: str, queues: str, processes: int = 2, stop_seconds: float = 15
) -> Program:
    """Return a Celery worker for these queues."""
    command: list[str | Path] = [python, "-m", "celery", "-A", "whitecross_ops.celery", "worker"]
    command += ["--queues", queues, "--hostname", f"{name}@%h", "--loglevel", "INFO"]
    command += ["--concurrency", str(processes), "--without-gossip", "--without-mingle"]
    command.append("--without-heartbeat")
    return Program(
        name, command, answers=lambda logged: " ready." in logged, stop_seconds=stop_seconds
    )


def beat(*, python: Path, schedule: Path) -> Program:
    """Return the clock that rings each few seconds."""
    command: list[str | Path] = [
        python,
        "-m",
        "celery",
        "-A",
        "whitecross_ops.celery",
        "beat",
        "--loglevel",
        "INFO",
    ]
    command += ["--schedule", str(schedule), "--pidfile", ""]
    return Program("beat", command, answers=lambda logged: "beat: Starting" in logged)


def is_ready(port: int) -> bool:
    """Tell whether the web server says that it can work."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/-/ready")
        return connection.getresponse().status == OK
    except (OSError, http.client.HTTPException):  # not listening yet
        return False
    finally:
        connection.close()


@dataclass
class Watched:
    """One program under watch. Instants are those of `time.monotonic`."""

    program: Program
    data: Path
    folder: Path
    account: Account
    environment: Mapping[str, str] = field(repr=False)
    console: Console
    answered: bool = field(default=False, init=False)
    """Whether it has answered since its last start."""
    _back_off: BackOff = field(default_factory=BackOff, init=False)
    _started: float = field(default=0, init=False)
    _again: float | None = field(default=None, init=False)
    """When to start it again, None while it runs."""
    _logged_before: int = field(default=0, init=False)
    _last_words: str = field(default="", init=False)

    def __post_init__(self) -> None:
        """Name the process, its log and its pid record."""
        self.child = Child(
            name=self.program.name,
            log=self.data / "logs" / f"{self.program.name}.log",
            record=self.data / "run" / f"{self.program.name}.pid",
            account=self.account,
        )

    def start(self, *, now: float) -> None:
        """Start it."""
        self._again = None
        self._started = now
        self.answered = False
        log = self.child.log
        if log.exists() and log.stat().st_size > LONGEST_LOG:
            log.rename(log.with_suffix(".log.1"))
        self._logged_before = log.stat().st_size if log.exists() else 0
        self.child.start(self.program.command, environment=self.environment, folder=self.folder)

    def look(self, *, now: float) -> None:
        """See whether it lives and answers; report its death, and start it again after a delay that doubles each time."""
        if self._again is not None:
            if now >= self._again:
                self.start(now=now)
        elif not self.child.running:
            self._report_death(now)
        elif not self.answered and self.program.answers(self._logged()):
            self.answered = True
            self.console.say(self.program.name, f"answers (process {self.child.process.pid})")  # type: ignore[union-attr]

    def stop(self) -> None:
        """End it, and kill it when it takes longer than it may."""
        self.child.stop(seconds=self.program.stop_seconds)

    def _report_death(self, now: float) -> None:
        self.answered = False
        delay = self._back_off.delay_after(seconds_alive=now - self._started)
        self._again = now + delay
        tail = self.child.tail()
        end = f"ended with exit code {self.child.exit_code}, starts again in {delay:g} s."
        last = tail.rpartition("\n")[2]
        if last == self._last_words:  # the same trouble again needs no second page of log
            self.console.say(self.program.name, f"{end} Last words: {last}")
        else:
            self.console.say(self.program.name, f"{end} Its log ({self.child.log}) ends:")
            self.console.show_log(tail)
        self._last_words = last
        self._end_its_children()

    def _end_its_children(self) -> None:
        """Kill what a program that died has left in its session, such as a worker's pool."""
        if self.child.process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.child.process.pid, signal.SIGKILL)

    def _logged(self) -> str:
        with self.child.log.open("rb") as log:
            log.seek(self._logged_before)
            return log.read().decode(errors="replace")
