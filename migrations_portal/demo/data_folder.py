"""The folder in which the demo keeps everything: where it is, how it is emptied, and the sign-in password in it."""

import fcntl
import os
import pwd
import re
import secrets
import shutil
import signal
import subprocess
from pathlib import Path

from migrations_portal.demo.processes import Child, service_account
from migrations_portal.demo.servers import MARKER, DataFolderInUse, DataFolderUnfit

SYSTEM_FOLDER = Path("/var/lib/wco-demo")
"""Where root's demo keeps its data: the servers' account can walk there, which it cannot in root's home."""
PASSWORD_FILE = "sign-in-password"  # noqa: S105  # a file's name
STORY_FILE = "story-told"
"""There once the first plans are written, so that a later start need not look."""
PORT_FILE = "port"
WORDS = (
    *("amber", "badger", "birch", "bramble", "canoe", "cedar", "cobalt", "coral", "cricket", "dune"),
    *("ember", "falcon", "fern", "fjord", "ginger", "glacier", "harbor", "hazel", "heron", "indigo"),
    *("island", "ivory", "jasmine", "juniper", "kestrel", "lantern", "lichen", "lilac", "linen", "lotus"),
    *("maple", "marble", "meadow", "mosaic", "nectar", "nutmeg", "oak", "olive", "orchid", "otter"),
    *("pebble", "pepper", "pine", "plum", "quartz", "quill", "raven", "reef", "river", "saffron"),
    *("sage", "shale", "sorrel", "sparrow", "spruce", "summit", "thistle", "timber", "tulip", "velvet"),
    *("walnut", "willow", "wren", "zephyr"),
)  # fmt: skip


def default_folder() -> Path:
    """Return /var/lib/wco-demo for root, else wco-demo in the user's own data folder (XDG_DATA_HOME or ~/.local/share)."""
    if os.geteuid() == 0:
        return SYSTEM_FOLDER
    home = Path(os.environ.get("HOME") or pwd.getpwuid(os.geteuid()).pw_dir)
    return Path(os.environ.get("XDG_DATA_HOME") or home / ".local" / "share") / "wco-demo"


def check_reachable(folder: Path) -> None:
    """Make the folder; raise `DataFolderUnfit` where that is not allowed, or where the servers' account cannot walk to it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DataFolderUnfit(
            f"{folder} cannot be made ({error.strerror}). Choose another with --data."
        ) from None
    account = service_account()
    if account.is_ours or any(
        folder.iterdir()
    ):  # one in use was reachable, and others' are refused later
        return
    folder.chmod(0o711)
    walk = ["/usr/bin/env", "test", "-x", f"{folder}/."]
    if subprocess.run(walk, cwd="/", check=False, **account.drop()).returncode != 0:
        folder.rmdir()
        raise DataFolderUnfit(
            f"The servers run as {account.name}, who cannot reach {folder}. Choose a folder with --data that others"
            " may walk to, such as one in /var/lib."
        )


def clear(folder: Path) -> bool:
    """Remove the folder and what a killed demo left running on it; say whether there was one.

    Raises `DataFolderUnfit` when it is not a demo's folder (no marker file in it), `DataFolderInUse` when one runs on it.
    """
    marker = folder / MARKER
    if not folder.exists() or (folder.is_dir() and not any(folder.iterdir())):
        return False
    if not marker.is_file():
        raise DataFolderUnfit(
            f"{folder} is not the data folder of a demo (no file {MARKER} in it), so it is left alone."
        )
    with marker.open("r+b") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise DataFolderInUse from None
        for record in sorted((folder / "run").glob("*.pid")):
            # SIGINT ends each of them: PostgreSQL would wait for its clients after a SIGTERM.
            Child(
                name=record.stem,
                log=folder / "logs" / f"{record.stem}.log",
                record=record,
                account=service_account(),
                stop_signal=signal.SIGINT,
            ).end_leftover()
        # The marker goes last, so that a half removed folder is still known as ours.
        for each in list(folder.iterdir()):
            if each != marker:
                shutil.rmtree(each) if each.is_dir() and not each.is_symlink() else each.unlink()
        marker.unlink()
    return True


def sign_in_password(folder: Path) -> str:
    """Return the password with which everybody signs in, made at the first call (about 35 bits of chance)."""
    file = folder / PASSWORD_FILE
    if not file.exists():
        words = "-".join(secrets.choice(WORDS) for _ in range(4))
        half = file.with_suffix(".half")
        half.touch(mode=0o600)
        half.write_text(f"{words}-{secrets.randbelow(9000) + 1000}\n")
        half.rename(file)
    return file.read_text().strip()


def kept_port(folder: Path) -> int | None:
    """Return the web server's port of the last time, so that links in old mails still lead somewhere; None at the first."""
    file = folder / PORT_FILE
    text = file.read_text().strip() if file.exists() else ""
    return int(text) if re.fullmatch(r"[0-9]{1,5}", text) else None


def keep_port(folder: Path, port: int) -> None:
    """Note the web server's port for the next time."""
    (folder / PORT_FILE).write_text(f"{port}\n")
