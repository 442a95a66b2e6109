"""Named places at which the tests make the product fail: killed, thrown, stalled or cut off.

Nothing is armed in a running product: no setting, no environment variable and no message arms a place; only code in the same
process does, which is a test or a program that a test has started.
"""

from collections.abc import Callable

NAMES = (
    "claim.before-commit",
    "claim.after-commit",
    "run.before-lock",
    "run.after-lock",
    "step.opened",
    "backup.before",
    "backup.after-dump",
    "backup.after-proof",
    "status.before",
    "migrate.before-spawn",
    "migrate.statement-seen",
    "migrate.after-child",
    "migrate.after-truth",
    "migrate.recorded",
    "status-after.before",
    "verify.before",
    "verify.after",
    "health-after.before",
    "conclude.before",
    "conclude.before-commit",
    "conclude.after-commit",
    "rollback.before-undo",
    "rollback.after-undo",
    "restore.before-swap",
    "restore.after-swap",
    "takeover.after-claim",
    "takeover.sessions-ended",
)
_armed: dict[str, Callable[[], None]] = {}


def reach(name: str) -> None:
    """Pass the place; does nothing unless a test has armed it. A place acts once."""
    act = _armed.pop(name, None)
    if act is not None:
        act()


def arm(name: str, act: Callable[[], None]) -> None:
    """Have `act` done when the place is passed next. For tests only."""
    if name not in NAMES:
        raise KeyError(name)
    _armed[name] = act


def disarm() -> None:
    """Let every place be passed again."""
    _armed.clear()
