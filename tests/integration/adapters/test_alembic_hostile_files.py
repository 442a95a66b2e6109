"""Alembic revisions that mean harm: contained, and told as what they are (S6, S7, X6)."""

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from migrations_portal.adapters.alembic_tool import AlembicDriver
from migrations_portal.execution.ports import ChildResult
from tests.driver_kit import LIMITS, Target, alembic_bundle, alembic_revision, fresh_target, plus

MARK = "wco-hostile-alembic"


@pytest.fixture
def target() -> Iterator[Target]:
    with fresh_target() as made:
        yield made


def _up(
    tmp_path: Path, target: Target, body: str, *, wall_clock_ms: int = 60_000
) -> tuple[ChildResult, str]:
    """Run a revision whose `upgrade` begins with `body`; return the result and its file's name."""
    indented = "\n    ".join(body.strip().splitlines())
    file = alembic_revision("h1", up=["CREATE TABLE one (id int)"], follows=None, body=indented)
    driver = AlembicDriver(scratch=tmp_path / "scratch")
    result = driver.up(
        target.endpoint,
        plus(alembic_bundle(tmp_path), file),
        name=file.name,
        limits=replace(LIMITS, wall_clock_ms=wall_clock_ms),
    )
    return result, file.name


def _left() -> list[str]:
    """Return the processes of this machine that carry the mark in their command line."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            words = (folder / "cmdline").read_bytes()
        except OSError:  # ended meanwhile
            continue
        if MARK.encode() in words and folder.name != str(os.getpid()):
            found.append(folder.name)
    return found


BOMB = f"""
import os, sys, time
refused, started = False, 0
for _ in range(400):
    try:
        if os.fork() == 0:
            os.execv(sys.executable, [sys.executable, "-c", "import time; time.sleep(60)", "{MARK}"])
        started += 1
    except OSError:
        refused = True
        break
print("refused", refused, "after", started)
"""


def test_a_fork_bomb_meets_its_limit_and_leaves_nothing(tmp_path: Path, target: Target) -> None:
    result, _ = _up(tmp_path, target, BOMB, wall_clock_ms=40_000)

    assert result.timed_out or "refused True" in result.output, result.output
    assert _left() == []


FLOOD = """
import sys
line = "x" * 1023 + chr(10)
for number in range(100 * 1024):
    if number % 4096 == 0:
        op.execute("SELECT 1")  # the transaction is not idle for too long, however busy the machine
    sys.stdout.write(line)
print("the end")
"""


def test_a_flood_of_100_mb_is_cut_and_the_file_is_applied(tmp_path: Path, target: Target) -> None:
    result, name = _up(tmp_path, target, FLOOD)

    assert result.exit_code == 0
    assert len(result.output) < 1_100_000
    assert "characters of output left out here" in result.output
    assert f"{name}: applied" in result.output
    assert target.relations() == ["one.id"]


def _reads(host: str, port: int) -> str:
    return f"""
import os, socket
seen = "".join(name + value for name, value in os.environ.items())
for pid in filter(str.isdigit, os.listdir("/proc")):
    for part in ("environ", "cmdline", "maps"):
        try:
            seen += open("/proc/" + pid + "/" + part, "rb").read().decode("utf-8", "replace")
        except OSError:
            pass
print("processes", sum(map(str.isdigit, os.listdir("/proc"))) < 10)
print("secrets", "canary" in seen or "WCO_" in seen)
for where in (("{host}", {port}), ("169.254.169.254", 80)):
    try:
        socket.create_connection(where, 2)
        print("CONNECTED", where)
    except OSError as refused:
        print("no way", type(refused).__name__)
"""


def test_neither_secrets_nor_processes_nor_a_network_are_seen(
    tmp_path: Path, target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WCO_CANARY", "portal-secret-canary")
    result, name = _up(tmp_path, target, _reads(target.endpoint.host, int(target.endpoint.port)))

    assert result.exit_code == 0, result.output
    assert result.output.splitlines() == [
        "processes True",
        "secrets False",
        "no way ConnectionRefusedError",
        "no way OSError",
        f"{name}: applied",
    ]
    assert target.endpoint.password not in repr(result)
