"""The demo's command line, and what it refuses to start on."""

import argparse
import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from migrations_portal.demo.customer.customer import FULL_SCALE
from migrations_portal.demo.data_folder import default_folder, kept_port
from migrations_portal.demo.processes import free_port, is_free
from migrations_portal.kernel.errors import Refused

USUAL_PORT = 8000
PLACES = (
    *("DATABASE_URL", "WCO_DATABASE_URL", "WCO_REDIS_URL"),
    *("WCO_PUBLIC_URL", "WCO_SMTP_URL", "WCO_S3_ENDPOINT"),
)
"""Variables that say where a portal's parts are."""


class NotOnThisMachine(Refused):
    """The environment describes a portal on other machines; the demo does not start beside it."""

    code = "not-on-this-machine"


class PortTaken(Refused):
    """The port is not free."""

    code = "port-taken"


@dataclass(frozen=True)
class Options:
    """What the person asked for."""

    data: Path
    port: int | None
    """None means: the one of the last time, else 8000, else a free one; 0 means: a free one."""
    reset: bool
    students: int
    """Rows of the largest target, in students; fewer only in tests."""


def read_options(arguments: list[str]) -> Options:
    """Read the arguments; a wrong one ends the process with a sentence, as argparse does."""
    parser = argparse.ArgumentParser(
        prog="manage.py demo",
        description="Run the whole product on this machine, on 127.0.0.1 only, until Ctrl-C.",
    )
    parser.add_argument(
        "--port", type=_port, help="port of the web server; default: 8000, or a free one"
    )
    parser.add_argument(
        "--data", type=Path, help=f"folder for all data and logs; default: {default_folder()}"
    )
    parser.add_argument("--reset", action="store_true", help="throw the demo's data away first")
    parser.add_argument("--students", type=int, default=FULL_SCALE, help=argparse.SUPPRESS)
    read = parser.parse_args(arguments)
    data = (read.data or default_folder()).expanduser().resolve()
    return Options(data=data, port=read.port, reset=read.reset, students=read.students)


def check_nothing_real(environ: Mapping[str, str]) -> None:
    """Raise `NotOnThisMachine` when a variable of the environment leads elsewhere: somebody may believe that the demo uses it."""
    for name in PLACES:
        if environ.get(f"{name}_FILE") or not _is_here(environ.get(name, "")):
            raise NotOnThisMachine(
                f"{name} is set and leads to another machine. The demo uses servers of its own on 127.0.0.1 and"
                f" never a real one. Start it where that is not set: env -u {name} -u {name}_FILE make demo"
            )


def choose_port(wanted: int | None, *, data: Path) -> int:
    """Return the web server's port; raise `PortTaken` when the wanted one is not free."""
    if wanted == 0:
        return free_port()
    if wanted is not None:
        if not is_free(wanted):
            raise PortTaken(
                f"Port {wanted} of 127.0.0.1 is taken, or not allowed to you. Choose another with --port."
            )
        return wanted
    candidates = (kept_port(data), USUAL_PORT)
    return next((port for port in candidates if port and is_free(port)), None) or free_port()


def _port(text: str) -> int:
    port = int(text)
    if not 0 <= port <= 65_535:  # noqa: PLR2004  # the largest TCP port
        raise argparse.ArgumentTypeError("a port is a number from 0 to 65535")
    return port


def _is_here(url: str) -> bool:
    host = urlsplit(url).hostname if "//" in url else url.strip()
    if not host or host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:  # a name
        return False
