"""The log of the real web server, started as in production: it tells who asked for what, and opens nothing (A3)."""

import http.client
import socket
import subprocess
import sys

import pytest

from migrations_portal.accounts import links
from migrations_portal.demo import programs
from tests.chaos.worker import ROOT, portal_environment
from tests.runs_kit import now, until

pytestmark = [pytest.mark.django_db(transaction=True)]
TOKEN = "f-Kz_9QmC4nTn0sVYw1Xb7h2uGdLr8aPEoJq5iWv3Zs"


def _asked(port: int, paths: list[str]) -> list[int]:
    found = []
    for path in paths:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        connection.request("GET", path)
        found.append(connection.getresponse().status)
        connection.close()
    return found


def _logged(tmp_path, paths: list[str], **environment: str) -> tuple[list[int], str]:
    """Return the answers of a web server to these requests, and its log."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = programs.web(python=sys.executable, port=port).command
    with (tmp_path / "web.log").open("wb") as log:
        web = subprocess.Popen(
            command, cwd=ROOT, env=portal_environment() | environment, stdout=log, stderr=log
        )
    try:
        until(lambda: "running on" in (tmp_path / "web.log").read_text(), seconds=60)
        answers = _asked(port, paths)
    finally:
        web.terminate()
        web.wait(timeout=30)
    return answers, (tmp_path / "web.log").read_text()


def test_no_token_of_a_link_stands_in_the_web_servers_log(cast, tmp_path):
    password = links.token(cast["dan"], now=now())
    paths = [
        f"/password/{links.uid(cast['dan'])}/{password}/",
        f"/password/{links.uid(cast['dan'])}/{password}zz/?again=/s/{TOKEN}/",
        f"/s/{TOKEN}/",
        f"/sign-in/?next=/s/{TOKEN}/",
        f"/calendar/feed/{TOKEN}.ics",
    ]

    answers, log = _logged(tmp_path, paths)

    assert answers == [302, 302, 302, 200, 404]
    assert TOKEN not in log
    assert password not in log
    assert "GET /s/[token]/ HTTP" in log  # who asked for what can still be read
    assert f"GET /password/{links.uid(cast['dan'])}/[token]/ HTTP" in log
    assert "Not Found: /calendar/feed/[token].ics" in log


def test_a_fault_names_no_token_either(cast, tmp_path):
    nowhere = "postgresql://nobody:nothing@127.0.0.1:9/nothing"

    answers, log = _logged(tmp_path, [f"/calendar/feed/{TOKEN}.ics"], WCO_DATABASE_URL=nowhere)

    assert answers == [500]
    assert "Traceback" in log
    assert "/calendar/feed/[token].ics" in log
    assert TOKEN not in log
