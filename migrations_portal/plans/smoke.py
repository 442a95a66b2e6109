"""Smoke checks: HTTP questions to the application that a plan names, asked after its run on staging. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from migrations_portal.kernel.errors import Refused

MOST_CHECKS = 20
LONGEST_SECONDS = 60
"""A page that takes longer is not fit for users, whatever it answers in the end."""
_PORTS = {"https": 443, "http": 80}


class SmokeRefused(Refused):
    """This smoke check cannot be asked."""

    code = "smoke-refused"


@dataclass(frozen=True)
class SmokeCheck:
    """One GET, and what it has to answer."""

    name: str
    url: str
    status: int = 200
    text: str = ""
    """Must stand in the answer; empty: any answer will do."""
    seconds: int = 10


def check_smoke(check: SmokeCheck, *, allowed: Sequence[str]) -> None:
    """Raise `SmokeRefused`, with what to do, unless the check may be asked. `allowed` are the staging target's addresses."""
    if not check.name.strip():
        raise SmokeRefused("Each smoke check needs a name that says what works when it passes.")
    if not 100 <= check.status <= 599:  # noqa: PLR2004  # RFC 9110, section 15
        raise SmokeRefused(f"“{check.name}”: {check.status} is no HTTP status. Use one like 200.")
    if not 1 <= check.seconds <= LONGEST_SECONDS:
        raise SmokeRefused(f"“{check.name}”: give it between 1 and {LONGEST_SECONDS} seconds.")
    if not is_allowed(check.url, allowed=allowed):
        raise SmokeRefused(
            f"“{check.name}” asks an address that is not on the list of the staging target. Allowed is what lies below: "
            f"{', '.join(allowed) or 'nothing yet; an administrator adds addresses'}."
        )


def is_allowed(url: str, *, allowed: Sequence[str]) -> bool:
    """Say whether an address lies below one of the allowed ones: same scheme, host and port, and below its path.

    What could be read in two ways (a user name, a backslash, "..", a blank or control character) never is.
    """
    if any(ord(each) <= ord(" ") or ord(each) == 127 for each in url) or "\\" in url:  # noqa: PLR2004  # DEL
        return False
    wanted = _parts(url)
    return wanted is not None and any(
        base is not None and wanted[0] == base[0] and _below(wanted[1], base[1])
        for base in map(_parts, allowed)
    )


def _parts(url: str) -> tuple[tuple[str, str, int], str] | None:
    """Return ((scheme, host, port), path); None for what is no plain web address."""
    try:
        split = urlsplit(url)
        port = split.port or _PORTS.get(split.scheme, 0)
    except ValueError:
        return None
    host = (split.hostname or "").lower()
    dotted = ".." in split.path or "%2e" in split.path.lower()
    if split.scheme not in _PORTS or not host or "@" in split.netloc or dotted or split.fragment:
        return None
    return (split.scheme, host, port), split.path or "/"


def _below(path: str, base: str) -> bool:
    return path == base or path.startswith(base if base.endswith("/") else f"{base}/")
