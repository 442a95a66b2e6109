"""A real Celery worker on a broker database of its own, started as in production."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import redis
from celery import Celery
from django.conf import settings
from django.db import connection

ROOT = Path(__file__).resolve().parents[2]
BROKER_DATABASE = 1 + int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % 7
"""Each process of pytest has its own; from 8 on they are those of test_bells.py."""


def broker_url() -> str:
    return urlsplit(os.environ["WCO_REDIS_URL"])._replace(path=f"/{BROKER_DATABASE}").geturl()


def portal_environment() -> dict[str, str]:
    """Return the environment of a process of the portal on the test's own database and broker."""
    url, now = urlsplit(os.environ["WCO_DATABASE_URL"]), connection.settings_dict
    login = url.netloc.rpartition("@")[0]
    here = url._replace(netloc=f"{login}@{now['HOST']}:{now['PORT']}", path=f"/{now['NAME']}")
    return {
        **os.environ,
        "WCO_DATABASE_URL": here.geturl(),
        "WCO_REDIS_URL": broker_url(),
        "WCO_S3_BUCKET": settings.ENV.s3_bucket,
    }


@dataclass
class Worker:
    """A worker process with its pool."""

    process: "subprocess.Popen[bytes]"
    log: Path

    @property
    def pid(self) -> int:
        return self.process.pid

    def children(self) -> list[int]:
        """Return the pool's processes."""
        found = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()
        return [int(each) for each in found]

    def descendants(self) -> set[int]:
        """Return everything that the worker has started, directly or not."""
        found: set[int] = set()
        waiting = [self.pid]
        while waiting:
            with contextlib.suppress(FileNotFoundError):
                number = waiting.pop()
                for task in Path(f"/proc/{number}/task").iterdir():
                    for each in (task / "children").read_text().split():
                        if int(each) not in found:
                            found.add(int(each))
                            waiting.append(int(each))
        return found


def alive(pids: set[int]) -> set[int]:
    """Return those of the processes that still run; a zombie does not."""
    found = set()
    for pid in pids:
        with contextlib.suppress(OSError):
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z":
                found.add(pid)
    return found


@contextlib.contextmanager
def worker(
    folder: Path, *, processes: int = 2, queues: str = "runs", beat: bool = False
) -> Iterator[Worker]:
    """Start a worker for the queue of runs (`beat`: with the clock inside), wait until it answers, and end it with all that it has started."""
    log = folder / f"worker-{time.monotonic_ns()}.log"
    words = ["-m", "celery", "-A", "whitecross_ops.celery", "worker", "--queues", queues]
    words += ["--concurrency", str(processes), "--without-gossip", "--without-mingle"]
    words += ["--without-heartbeat", "--loglevel", "INFO", "--hostname", f"chaos{os.getpid()}@%h"]
    if beat:
        words += ["--beat", "--schedule", str(folder / "beat")]
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, *words],
            cwd=ROOT,
            env=portal_environment(),
            stdout=out,
            stderr=out,
            start_new_session=True,
        )
    started = Worker(process, log)
    try:
        deadline = time.monotonic() + 90
        while " ready." not in log.read_text(errors="replace"):
            assert process.poll() is None, log.read_text(errors="replace")[-2000:]
            assert time.monotonic() < deadline, "the worker did not start"
            time.sleep(0.1)
        yield started
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


@contextlib.contextmanager
def bell() -> Iterator[Celery]:
    """Yield an application that sends to the worker's broker, emptied before and after."""
    app = Celery("chaos", broker=broker_url())
    app.conf.task_serializer = "json"
    with redis.Redis.from_url(broker_url()) as broker:
        broker.flushdb()
        try:
            yield app
        finally:
            app.close()
            broker.flushdb()


def ring(app: Celery, run_id: object, *, task: str = "runs.execute") -> None:
    app.send_task(task, kwargs={"run_id": run_id}, queue="runs")
