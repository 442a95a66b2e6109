"""The files of one call: the project's own migrations with the approved ones laid over them, readable from inside the sandbox."""

import hashlib
import shutil
from collections.abc import Callable
from pathlib import Path

from migrations_portal.adapters.sandbox import Mount
from migrations_portal.execution.ports import Bundle, DriverFailed


def lay_out(bundle: Bundle, *, own: Path, made: Path, checked: Callable[[str], str]) -> None:
    """Make the migrations folder of a call; raises `DriverFailed` when a file is not what was approved."""
    if own.is_dir():
        shutil.copytree(own, made, ignore=shutil.ignore_patterns("__pycache__"))
    else:
        made.mkdir(parents=True)
    for approved in bundle.files:
        if hashlib.sha256(approved.content).hexdigest() != approved.sha256:
            raise DriverFailed(
                f"{approved.name} is not the file that was approved; nothing was run."
            )
        (made / checked(approved.name)).write_bytes(approved.content)
    for path in (made, *made.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)


def passwd_mount(folder: Path) -> Mount:
    """Return an /etc/passwd that knows nobody but the sandbox's user."""
    passwd = folder / "passwd"
    passwd.write_text("migration:x:1000:1000::/tmp:/\n")
    passwd.chmod(0o644)
    return Mount(passwd, "/etc/passwd")


def project_mounts(project: Path, *, at: str, without: tuple[str, ...]) -> tuple[Mount, ...]:
    """Return the project's entries, but those named, its `.env` files and its history."""
    return tuple(
        Mount(entry, f"{at}/{entry.name}")
        for entry in sorted(project.iterdir())
        if entry.name not in without and not entry.name.startswith((".env", ".git"))
    )
