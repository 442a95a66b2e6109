"""Two hundred people watch one run on one web process: everybody hears every line, soon, and one look serves them all."""

import asyncio
import json
import os
import re
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from django.conf import settings
from django.test import Client

from migrations_portal.execution.recorder import Recorder
from migrations_portal.execution.rules import STANDARD_STEPS
from tests.chaos.worker import ROOT, portal_environment
from tests.factories.plans import scheduled_run
from tests.runs_kit import ADD_COLUMN, claimed, now, on_a_thread, until

pytestmark = [pytest.mark.django_db(transaction=True)]
STUCK_SECONDS = 30
"""Later than that is stuck and not slow; how fast it is on a quiet machine is in docs/reference/faults.md."""
SECONDS = 10


def _cookie(person) -> str:
    client = Client()
    client.force_login(person, backend="django.contrib.auth.backends.ModelBackend")
    return f"{settings.SESSION_COOKIE_NAME}={client.cookies[settings.SESSION_COOKIE_NAME].value}"


async def _watch(
    port: int, path: str, cookie: str, heard: list[float], seen: list[int], *, number: int
) -> None:
    await asyncio.sleep(number * 0.015)  # two hundred people take three seconds to come
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nCookie: {cookie}\r\n\r\n".encode())
    try:
        async with asyncio.timeout(SECONDS + 60):
            assert b" 200 " in await reader.readline()
            event = b""
            while line := await reader.readline():
                event = line if line.startswith(b"event:") else event
                if b"over" in event:
                    return
                marks = re.findall(rb"tick (\d+\.\d+)", line) if b"lines" in event else []
                for mark in marks:
                    heard.append(time.time() - float(mark))
                    seen.append(1)
    finally:
        writer.close()


def _cpu_seconds(pid: int) -> float:
    words = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


def _crowd(cast, run, tmp_path, viewers: int) -> dict[str, float]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [
        sys.executable,
        "-m",
        "uvicorn",
        "whitecross_ops.asgi:application",
        "--port",
        str(port),
    ]
    with (tmp_path / "web.log").open("wb") as log:
        web = subprocess.Popen(
            [*command, "--lifespan", "off"],
            cwd=ROOT,
            env=portal_environment(),
            stdout=log,
            stderr=log,
        )
    try:
        until(lambda: _answers(port), seconds=60)
        return _measure(cast, run, web.pid, port, viewers)
    finally:
        web.terminate()
        web.wait(timeout=30)


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _measure(cast, run, pid: int, port: int, viewers: int) -> dict[str, float]:
    recorder = Recorder(run_id=run.pk, fence=run.fence, clock=now)
    heard: list[float] = []
    counts: list[list[int]] = [[] for _ in range(viewers)]
    cookies = [_cookie(cast["dan"]), _cookie(cast["ana"])]

    def story() -> None:
        time.sleep(8)  # everybody has come
        for number in range(SECONDS):
            recorder.renew()  # nobody else does here, and a busy machine outlasts the lease
            with recorder.step(STANDARD_STEPS[number % len(STANDARD_STEPS)]) as step:
                step.say(f"tick {time.time()}")
            time.sleep(1)
        time.sleep(2)
        run.__class__.objects.filter(pk=run.pk).update(status="FAILED", finished_at=now())

    async def crowd() -> None:
        path = f"/runs/{run.pk}/events/?after=0"
        await asyncio.gather(
            *(
                _watch(port, path, cookies[i % 2], heard, counts[i], number=i)
                for i in range(viewers)
            )
        )

    with on_a_thread(story):
        time.sleep(1)
        before, began = _cpu_seconds(pid), time.monotonic()
        asyncio.run(crowd())
        cpu, wall = _cpu_seconds(pid) - before, time.monotonic() - began
    assert {len(each) for each in counts} == {SECONDS}  # nobody missed a line, nobody got one twice
    heard.sort()
    memory = int(re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())[1]) // 1024
    return {
        "viewers": viewers,
        "p50_s": round(heard[len(heard) // 2], 2),
        "p95_s": round(heard[int(len(heard) * 0.95)], 2),
        "cpu_percent": round(100 * cpu / wall),
        "rss_mib": memory,
    }


def test_twenty_viewers_hear_every_line_once(school, cast, tmp_path):
    run = scheduled_run(cast=cast, target=school.target, example=ADD_COLUMN)
    run.fence = claimed(run)

    found = _crowd(cast, run, tmp_path, 20)

    assert found["p95_s"] < STUCK_SECONDS


@pytest.mark.chaos
def test_two_hundred_viewers_on_one_process(school, cast, tmp_path):
    run = scheduled_run(cast=cast, target=school.target, example=ADD_COLUMN)
    run.fence = claimed(run)

    found = _crowd(cast, run, tmp_path, 200)

    print("VIEWERS", json.dumps(found))  # noqa: T201
    assert found["p95_s"] < STUCK_SECONDS
