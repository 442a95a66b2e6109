"""The demo, started as people start it, and driven through its story in Chromium by the links of its real mails."""

import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from migrations_portal.demo.customer.customer import prepare_projects
from migrations_portal.demo.data_folder import STORY_FILE
from migrations_portal.demo.servers import MARKER
from tools import story

ROOT = Path(__file__).resolve().parents[2]
READY_SECONDS = 120
ANSI = re.compile(r"\x1b\[[0-9;]*m")


@pytest.fixture
def demo():
    """A demo of its own on a free port; its output, and no process of it afterwards."""
    folder = Path(tempfile.mkdtemp(prefix="wco-story-", dir="/var/tmp"))
    folder.chmod(0o711)
    _prepared(folder / "data")
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("WCO_", "DJANGO_"))
    }
    command = [
        sys.executable,
        "manage.py",
        "demo",
        "--port",
        "0",
        "--data",
        str(folder / "data"),
        "--students",
        "500",
    ]
    with (folder / "out").open("wb") as out:
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=out, stderr=out)
        try:
            yield _ready(process, folder / "out")
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(timeout=90)
            shutil.rmtree(folder, ignore_errors=True)


def _prepared(data):
    """Spare the demo what other tests look at: installing the customer's project, and the plans with which it opens."""
    shared = Path(os.environ["WCO_PROJECTS_DIR"])
    prepare_projects(shared)
    data.mkdir(mode=0o711)
    (data / MARKER).touch(mode=0o600)
    (data / "projects").symlink_to(shared)
    if not os.environ.get("WCO_SCREENSHOTS"):
        (data / STORY_FILE).touch()


def _ready(process, out):
    deadline = time.monotonic() + READY_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        said = ANSI.sub("", out.read_text(encoding="utf-8", errors="replace"))
        address = re.search(r"^READY (\S+)$", said, re.MULTILINE)
        password = re.search(r"with the password (\S+)", said)
        if address and password:
            return address[1], password[1]
        time.sleep(0.3)
    raise AssertionError(f"the demo is not ready: {out.read_text(errors='replace')[-2000:]}")


@pytest.mark.browser
@pytest.mark.slow(180)
@pytest.mark.timeout(1_500)
def test_consent_tracking_goes_the_whole_road_in_chromium(demo):
    url, password = demo
    shots = os.environ.get("WCO_SCREENSHOTS")
    stories = story.STORIES if shots else story.STORIES[:1]

    story.tell(url, password=password, shots=Path(shots) if shots else None, stories=stories)
