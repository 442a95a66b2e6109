"""What a rehearsal is, when it goes stale, and which of its results count. The verdict itself: `verdict`."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from migrations_portal.kernel.errors import Refused
from migrations_portal.kernel.states import StateTable


class RehearsalStatus(StrEnum):
    QUEUED = "QUEUED"
    RUNNING = "RUNNING"
    DONE = "DONE"
    FAILED = "FAILED"
    """It could not be carried out: the copy could not be made, a tool is missing. Says nothing about the files."""


_S = RehearsalStatus
REHEARSAL_STATES: StateTable[RehearsalStatus] = StateTable(
    noun="rehearsal",
    allowed={
        _S.QUEUED: frozenset({_S.RUNNING, _S.FAILED}),
        _S.RUNNING: frozenset({_S.QUEUED, _S.DONE, _S.FAILED}),
    },
)


class Copy(StrEnum):
    """What a rehearsal runs on."""

    BACKUP = "BACKUP"
    SCHEMA = "SCHEMA"


class TestClass(StrEnum):
    """The four classes of the spec, "Testing Requirements", 2."""

    __test__ = False  # pytest: no test of ours
    STRUCTURE = "STRUCTURE"
    APPLICATION = "APPLICATION"
    ROLLBACK = "ROLLBACK"
    IDEMPOTENCY = "IDEMPOTENCY"

    @property
    def title(self) -> str:  # type: ignore[override]  # a word of the product, not str.title
        """What the page calls it."""
        return {
            TestClass.STRUCTURE: "Structure: up and down exist",
            TestClass.APPLICATION: "Application: it runs without errors and verifies",
            TestClass.ROLLBACK: "Rollback: it reverses cleanly",
            TestClass.IDEMPOTENCY: "Idempotency: it can run again",
        }[self]


LIFE = timedelta(days=7)
"""How long a rehearsal counts. A week of the customer's data is as far as a forecast of times and locks carries; with the
spec's T-7 it means: rehearsed anew at least once before T-0."""
BACKUP_LIFE = timedelta(days=7)
"""The oldest backup that a rehearsal starts from; an older one is taken anew."""
MOST_ATTEMPTS = 3
"""A rehearsal whose worker died begins again so often (X9: it only touches a copy)."""
CLAIM_GRACE = timedelta(seconds=60)
"""How long after its claim a rehearsal may be without a sign of life before it counts as lost."""
LEASE = timedelta(seconds=60)


class RehearsalGoingOn(Refused):
    """These very files are being rehearsed already. The page shows the result when it is there."""

    code = "rehearsal-going-on"


class RehearsalNotFound(Refused):
    """There is no such rehearsal, or it belongs to targets that you have no role for."""

    code = "rehearsal-not-found"


class NothingToRehearse(Refused):
    """The plan has no migration file yet. Upload one, then rehearse."""

    code = "nothing-to-rehearse"


@dataclass(frozen=True)
class Standing:
    """What the newest rehearsal of a revision says now."""

    fresh: bool
    """There is one that was carried out, and it has not gone stale."""
    passing: bool
    """All four test classes of the spec passed in it."""
    sentence: str
    """Why it does not open the gate, and what to do; one line about the result when it does."""

    @property
    def opens_the_gate(self) -> bool:
        """Whether the go of T-1 may be given on it."""
        return self.fresh and self.passing


def stale_reason(  # the three ways of the issue, in the order in which they are told
    *,
    digest_then: str,
    digest_now: str,
    finished_at: datetime,
    newer_migration: str,
    now: datetime,
) -> str:
    """Return why a finished rehearsal does not count any more; empty while it counts."""
    if digest_then != digest_now:
        return "The plan has changed since it was rehearsed."
    if newer_migration:
        return f"{newer_migration} was applied to the target since this was rehearsed."
    if now - finished_at > LIFE:
        return f"The rehearsal is older than {LIFE.days} days."
    return ""


def passed(result: Mapping[str, Any], test: TestClass) -> bool:
    """Say whether a stored result holds this test class as passed."""
    verdicts = result.get("verdicts", [])
    return any(each["key"] == test and each["passed"] is True for each in verdicts)


def all_passed(result: Mapping[str, Any]) -> bool:
    """Say whether all four test classes of the spec passed."""
    return all(passed(result, test) for test in TestClass)


def contents_proven(result: Mapping[str, Any]) -> bool:
    """Say whether the copy held rows, and the same ones after going up and down. An older result does not say it."""
    rows = result.get("copy", {}).get("rows", 0)
    return (
        passed(result, TestClass.ROLLBACK) and rows > 0 and result.get("contents_after_down") == []
    )


def first_failure(result: Mapping[str, Any]) -> str:
    """Return which test class failed and how, empty when none did. What was not tried is not named: an earlier one failed."""
    for each in result.get("verdicts", []):
        if each["passed"] is False:
            return f"{TestClass(each['key']).title}. {each['sentence']}"
    return ""


def _short(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds >= 0.1 else f"{seconds * 1000:.0f} ms"  # noqa: PLR2004  # one digit


def one_line(result: Mapping[str, Any]) -> str:
    """Return what was measured in one line, "on 300,000 rows: up 0.4 s, down 0.3 s, schema identical"."""
    copy = result.get("copy", {})
    seconds = {each["key"]: each["seconds"] for each in result.get("phases", [])}
    where = f"on {copy['rows']:,} rows" if copy.get("rows") else "on an empty copy of the schema"
    times = [
        f"{word} {_short(seconds[key])}"
        for key, word in (("up", "up"), ("down", "down"))
        if key in seconds
    ]
    if passed(result, TestClass.ROLLBACK):
        end = "schema identical"
    elif passed(result, TestClass.APPLICATION):
        end = "the way back is not proven"
    else:
        end = "it does not run"
    return f"{where}: {', '.join([*times, end])}"
