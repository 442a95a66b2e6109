"""`manage.py demo` as a person runs it: as a process of its own, on a folder of its own, with few rows."""

import http.client
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlencode

import pytest

from migrations_portal.demo.customer.customer import prepare_projects
from migrations_portal.demo.processes import service_account
from migrations_portal.demo.servers import MARKER

ROOT = Path(__file__).resolve().parents[3]
READY_SECONDS = 150
pytestmark = pytest.mark.slow(55)


def environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("WCO_")}


@dataclass
class Demo:
    """The demo on one data folder, started and stopped at will."""

    data: Path
    process: subprocess.Popen[str] | None = None
    said: Path = field(init=False)

    def __post_init__(self) -> None:
        self.said = self.data.with_name(f"{self.data.name}.out")

    def command(self) -> list[str]:
        return [sys.executable, str(ROOT / "manage.py"), "demo", "--data", str(self.data)]

    def begin(self, *options: str) -> None:
        with self.said.open("w") as out:
            self.process = subprocess.Popen(
                [*self.command(), *options],
                cwd="/", env=environment(), stdout=out, stderr=out, text=True, start_new_session=True,
            )  # fmt: skip

    def start(self, *options: str) -> str:
        """Start it with few rows, wait for READY, and return all that it said."""
        self.begin("--students", "60", *options)
        return self.wait_for("READY http")

    def wait_for(self, words: str) -> str:
        deadline = time.monotonic() + READY_SECONDS
        while words not in self.said.read_text():
            assert self.process is not None
            assert self.process.poll() is None, self.said.read_text()
            assert time.monotonic() < deadline, self.said.read_text()
            time.sleep(0.1)
        return self.said.read_text()

    def stop(self, with_signal: signal.Signals = signal.SIGINT) -> int:
        assert self.process is not None
        self.process.send_signal(with_signal)
        return self.process.wait(60)

    def left_over(self) -> list[str]:
        """Return what still runs a moment after the end: a killed process is not gone at once."""
        deadline = time.monotonic() + 5
        while (found := self.processes()) and time.monotonic() < deadline:
            time.sleep(0.05)
        return found

    def processes(self) -> list[str]:
        """Return the command lines of all processes that work on this folder."""
        found = []
        for each in Path("/proc").glob("[0-9]*"):
            try:
                words = (each / "cmdline").read_bytes().replace(b"\0", b" ").decode()
                variables = (each / "environ").read_bytes().decode(errors="replace")
            except OSError:  # gone meanwhile, or another user's
                continue
            if words and (f"{self.data}" in words or f"WCO_DEMO_DIR={self.data}\0" in variables):
                found.append(words)
        return found


@dataclass(frozen=True)
class Answer:
    status: int
    location: str | None
    cookies: dict[str, str]
    body: str


def ask(port: int, method: str, path: str, *, cookies: dict[str, str] | None = None, form: dict[str, str] | None = None) -> Answer:  # fmt: skip
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    headers = {"Cookie": "; ".join(f"{name}={value}" for name, value in (cookies or {}).items())}
    if form is not None:
        headers["Content-Type"] = "application/x-www-form-urlencoded"
    connection.request(method, path, body=urlencode(form) if form else None, headers=headers)
    answer = connection.getresponse()
    set_cookies = answer.headers.get_all("Set-Cookie") or []
    given = dict(each.split(";")[0].split("=", 1) for each in set_cookies)
    body = answer.read().decode()
    connection.close()
    return Answer(answer.status, answer.getheader("Location"), given, body)


def sign_in(port: int, email: str, password: str) -> dict[str, str]:
    page = ask(port, "GET", "/sign-in/")
    token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page.body)
    assert token is not None
    form = {"csrfmiddlewaretoken": token[1], "username": email, "password": password}
    answer = ask(port, "POST", "/sign-in/", cookies=page.cookies, form=form)
    assert answer.status == 302, answer.body
    return {**page.cookies, **answer.cookies}


def port_of(said: str) -> int:
    found = re.search(r"^READY http://localhost:(\d+)$", said, re.MULTILINE)
    assert found is not None
    return int(found[1])


@pytest.fixture
def demo() -> Iterator[Demo]:
    """A demo whose customer's project is installed already, so that it needs no network."""
    shared = Path(os.environ["WCO_PROJECTS_DIR"])
    prepare_projects(shared)
    chosen = Path(tempfile.gettempdir())
    parent = chosen if service_account().can_read(chosen) else Path("/var/tmp")  # noqa: S108
    data = Path(tempfile.mkdtemp(prefix="wco-demo-test-", dir=parent))
    (data / MARKER).touch(mode=0o600)
    (data / "projects").symlink_to(shared)
    demo = Demo(data)
    yield demo
    if demo.process is not None and demo.process.poll() is None:
        demo.stop()
    demo.said.unlink(missing_ok=True)
    shutil.rmtree(data)


def test_the_demo_starts_mends_itself_stops_whole_and_goes_on(demo: Demo) -> None:
    said = demo.start("--port", "0")
    port = port_of(said)
    password = re.search(r"with the password (\S+)", said)
    assert password is not None
    session = sign_in(port, "ana@whitecross.example", password[1])

    assert ask(port, "GET", "/-/ready").status == 200
    assert ask(port, "GET", "/", cookies=session).status == 200
    assert len(demo.processes()) >= 9  # PostgreSQL, Valkey, S3, web, three workers, beat, itself

    duties = next(each for each in (demo.data / "run").glob("duties.pid"))
    pid = re.search(r'"pid": (\d+)', duties.read_text())
    assert pid is not None
    os.kill(int(pid[1]), signal.SIGKILL)
    said = demo.wait_for("ended with exit code -9, starts again in 1 s")
    assert "celery" in said.partition("exit code -9")[2]

    assert demo.stop() == 0
    assert demo.left_over() == []
    assert list((demo.data / "run").iterdir()) == []

    again = demo.start()
    assert port_of(again) == port
    assert password[1] in again
    assert ask(port, "GET", "/", cookies=session).status == 200
    assert demo.stop(signal.SIGTERM) == 0
    assert demo.left_over() == []


def test_a_demo_stopped_while_it_prepares_leaves_no_process(demo: Demo) -> None:
    demo.begin()
    demo.wait_for("PostgreSQL on")
    made = demo.data / "run" / "production.pid"
    deadline = time.monotonic() + 60
    while not made.exists() and time.monotonic() < deadline:
        time.sleep(0.02)

    assert made.exists(), demo.said.read_text()
    assert demo.stop() == 0
    assert demo.left_over() == []
    assert "READY" not in demo.said.read_text()


def test_two_demos_do_not_share_a_folder(demo: Demo) -> None:
    demo.begin()
    demo.wait_for("PostgreSQL on")

    other = subprocess.run(
        [*demo.command(), "--reset"], env=environment(), check=False, capture_output=True, text=True
    )

    assert other.returncode == 1
    assert other.stderr.startswith("Another demo runs on this data folder.")
    assert (demo.data / MARKER).exists()
    assert demo.stop() == 0
