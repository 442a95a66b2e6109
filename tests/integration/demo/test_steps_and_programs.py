"""What the supervisor does with processes, shown with small ones."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from migrations_portal.demo.console import Console
from migrations_portal.demo.processes import Account
from migrations_portal.demo.programs import LONGEST_DELAY_SECONDS, BackOff, Program, Watched
from migrations_portal.demo.steps import Preparation, Step, StepDidNotSucceed

ROOT = Path(__file__).resolve().parents[3]
OURSELVES = Account(name="us", uid=os.geteuid(), gid=os.getegid())


def preparation(folder: Path, *steps: Step) -> Preparation:
    return Preparation(
        steps=steps, data=folder, folder=folder, account=OURSELVES, console=Console()
    )


def shell(name: str, script: str, *after: str) -> Step:
    environment = {"PATH": "/usr/bin:/bin"}
    return Step(name, ("/bin/sh", "-c", script), "done", after=after, environment=environment)


def has_ended(pid: int) -> bool:
    """Give the kernel a moment: a killed process is not gone at once."""
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            return True
        if state == "Z":
            return True
        time.sleep(0.02)
    return False


def test_a_step_begins_when_those_before_it_are_done(tmp_path: Path) -> None:
    steps = (
        shell("second", "cat first > second", "first"),
        shell("first", "sleep 0.2; echo made > first"),
    )

    assert preparation(tmp_path, *steps).run(given_up=lambda: False)

    assert (tmp_path / "second").read_text() == "made\n"


def test_a_step_that_fails_ends_the_others_with_their_children_and_shows_its_log(
    tmp_path: Path,
) -> None:
    long = shell("long", "sleep 600 & echo $! > child; wait")
    bad = shell("bad", "while [ ! -s child ]; do sleep 0.05; done; echo no space left >&2; exit 3")

    with pytest.raises(StepDidNotSucceed, match="`bad` failed:\nno space left"):
        preparation(tmp_path, long, bad).run(given_up=lambda: False)

    assert has_ended(int((tmp_path / "child").read_text()))
    assert list((tmp_path / "run").iterdir()) == []


def test_giving_up_ends_the_steps_that_run(tmp_path: Path) -> None:
    child = tmp_path / "child"
    steps = (shell("long", "sleep 600 & echo $! > child; wait"), shell("never", "touch x", "long"))

    done = preparation(tmp_path, *steps).run(
        given_up=lambda: child.exists() and bool(child.read_text())
    )

    assert not done
    assert has_ended(int(child.read_text()))
    assert not (tmp_path / "x").exists()


def watched(folder: Path, script: str) -> Watched:
    program = Program("small", ("/bin/sh", "-c", script), answers=lambda logged: "up" in logged)
    environment = {"PATH": "/usr/bin:/bin"}
    return Watched(program, folder, folder, OURSELVES, environment, Console())


def look_until(watched: Watched, text: str, capsys: pytest.CaptureFixture[str], *, now: float) -> str:  # fmt: skip
    said = ""
    deadline = time.monotonic() + 10
    while text not in said and time.monotonic() < deadline:
        watched.look(now=now)
        said += capsys.readouterr().out
        time.sleep(0.02)
    assert text in said
    return said


def test_a_program_that_dies_is_reported_with_its_last_words_and_started_again_later_each_time(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    program = watched(tmp_path, "echo up; echo first line; echo it broke; exit 7")
    program.start(now=0)

    said = look_until(program, "exit code 7, starts again in 1 s", capsys, now=0.0)
    assert "| first line\n" in said
    program.look(now=0.5)
    assert not program.child.running

    program.look(now=1.0)
    said = look_until(program, "starts again in 2 s", capsys, now=1.0)
    assert "Last words: it broke" in said
    assert "first line" not in said
    program.stop()


def test_a_program_answers_by_what_it_logged_since_its_last_start(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = tmp_path / "logs" / "small.log"
    log.parent.mkdir()
    log.write_text("up\n")
    program = watched(tmp_path, "sleep 0.3; echo up; sleep 600")
    program.start(now=0)

    program.look(now=0)
    before = program.answered
    look_until(program, "answers", capsys, now=0)

    assert (before, program.answered) == (False, True)
    program.stop()
    assert not program.child.running


def test_the_delay_doubles_to_half_a_minute_and_begins_anew_after_a_steady_while() -> None:
    back_off = BackOff()

    delays = [back_off.delay_after(seconds_alive=1) for _ in range(8)]

    assert delays == [1, 2, 4, 8, 16, 30, 30, LONGEST_DELAY_SECONDS]
    assert back_off.delay_after(seconds_alive=61) == 1
    assert back_off.delay_after(seconds_alive=1) == 2


def test_a_terminal_that_is_gone_does_not_stop_the_demo() -> None:
    script = """
from migrations_portal.demo.console import Console
console = Console()
for number in range(3):
    console.say("demo", f"line {number}")
"""
    read, write = os.pipe()
    os.close(read)

    done = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, stdout=write, stderr=subprocess.PIPE, check=False
    )

    os.close(write)
    assert (done.returncode, done.stderr) == (0, b"")
