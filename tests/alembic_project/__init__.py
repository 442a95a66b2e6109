"""A customer whose tool is Alembic: packages from a lock file of its own, installed once before the tests."""

import fcntl
import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

PROJECT = "white-cross-reports"
LOCK = Path(__file__).with_name("requirements.txt")
STAMP = ".prepared"


def prepare(projects: Path) -> Path:
    """Make the project below `projects` and install its packages as the docs say; does nothing when that was done."""
    projects.mkdir(parents=True, exist_ok=True)
    project = projects / PROJECT
    stamp = f"{sys.version_info[:2]} {hashlib.sha256(LOCK.read_bytes()).hexdigest()}"
    with (projects / f".{PROJECT}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if (project / STAMP).is_file() and (project / STAMP).read_text() == stamp:
            return project
        shutil.rmtree(project, ignore_errors=True)
        (project / "alembic" / "versions").mkdir(parents=True)
        (project / "alembic.ini").write_text("[alembic]\nscript_location = %(here)s/alembic\n")
        words = ["install", "--quiet", "--disable-pip-version-check", "--no-input", "--no-deps"]
        words += ["--require-hashes", "--only-binary", ":all:", "--requirement", str(LOCK)]
        words += ["--target", str(project / "site-packages")]
        subprocess.run([sys.executable, "-m", "pip", *words], check=True)
        (project / STAMP).write_text(stamp)
    return project
