"""How long `manage.py demo` takes: the first start on an empty folder, the end, a second start. `make bench BENCH=demo_start`.

The customer's project is copied from var/projects where `make test` has prepared it, otherwise `npm ci` is part of the first start.
"""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from migrations_portal.demo.servers import MARKER

ROOT = Path(__file__).resolve().parents[1]
PREPARED = ROOT / "var" / "projects"
PARENT = "/var/tmp"  # noqa: S108  # the servers' account can walk there, also when we are root


def main() -> None:
    """Measure, and print one line per figure."""
    data = Path(tempfile.mkdtemp(prefix="wco-bench-", dir=PARENT))
    try:
        (data / MARKER).touch(mode=0o600)
        if PREPARED.exists():
            shutil.copytree(PREPARED, data / "projects", symlinks=True)
        for which in ("first", "second"):
            process, seconds = start(data)
            print(f"{which} start to READY: {seconds:5.1f} s")
            print(f"{which} stop:           {stop(process):5.1f} s")
        size = sum(each.lstat().st_size for each in data.rglob("*") if not each.is_dir())
        print(f"data folder:          {size / 1e6:5.0f} MB")
    finally:
        shutil.rmtree(data)


def start(data: Path) -> tuple[subprocess.Popen[str], float]:
    """Start the demo and return it with the seconds until READY; raise `SystemExit` when it ends instead."""
    begun = time.monotonic()
    command = [sys.executable, str(ROOT / "manage.py"), "demo", "--data", str(data), "--port", "0"]
    environment = {name: text for name, text in os.environ.items() if name[:4] != "WCO_"}
    process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
    for line in process.stdout or ():
        if line.startswith("READY"):
            return process, time.monotonic() - begun
    raise SystemExit(f"The demo ended with exit code {process.wait()} instead of being ready.")


def stop(process: subprocess.Popen[str]) -> float:
    """End the demo and return how long that took, in seconds."""
    begun = time.monotonic()
    process.send_signal(signal.SIGINT)
    process.communicate()
    return time.monotonic() - begun


if __name__ == "__main__":
    main()
