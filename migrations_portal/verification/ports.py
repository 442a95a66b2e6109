"""How the application is asked whether it works."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from migrations_portal.kernel.errors import TargetTrouble


class SmokeUnreachable(TargetTrouble):
    """The application did not answer in time, or may not be asked; the sentence says which and what to do."""

    code = "smoke-unreachable"


@dataclass(frozen=True)
class SmokeAnswer:
    """What came back. The body may hold PHI: it is looked at and never kept."""

    status: int
    body: str = field(repr=False)
    seconds: float


class SmokeClient(Protocol):
    """Asks an application over HTTP."""

    def get(self, url: str, *, allowed: Sequence[str], seconds: int) -> SmokeAnswer:
        """GET an address that lies below one of `allowed`, following no redirect; raise `SmokeUnreachable`."""
        ...
