"""When may what happen to a plan, what a complete plan holds, and how its digest is made (A4)."""

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from enum import StrEnum
from typing import Any

import rfc8785

from migrations_portal.kernel.days import days_from
from migrations_portal.kernel.errors import Refused
from migrations_portal.kernel.plain_text import turned
from migrations_portal.kernel.states import StateTable
from migrations_portal.plans.commit import NO_COMMIT, Commit
from migrations_portal.plans.smoke import SmokeCheck
from migrations_portal.risk.reading import why_no_reading_query


class PlanStatus(StrEnum):
    DRAFT = "DRAFT"
    SUBMITTED = "SUBMITTED"
    APPROVED = "APPROVED"
    SCHEDULED = "SCHEDULED"
    RUNNING = "RUNNING"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    ROLLED_BACK = "ROLLED_BACK"
    RESTORED = "RESTORED"
    NEEDS_DECISION = "NEEDS_DECISION"
    REJECTED = "REJECTED"
    WITHDRAWN = "WITHDRAWN"
    EXPIRED = "EXPIRED"
    CANCELLED = "CANCELLED"


_S = PlanStatus
PLAN_STATES: StateTable[PlanStatus] = StateTable(
    noun="plan",
    allowed={
        _S.DRAFT: frozenset({_S.SUBMITTED, _S.WITHDRAWN}),
        _S.SUBMITTED: frozenset({_S.APPROVED, _S.REJECTED, _S.WITHDRAWN, _S.EXPIRED, _S.DRAFT}),
        _S.REJECTED: frozenset({_S.DRAFT, _S.WITHDRAWN}),
        _S.APPROVED: frozenset({_S.SCHEDULED, _S.EXPIRED, _S.CANCELLED, _S.DRAFT, _S.SUBMITTED}),
        _S.SCHEDULED: frozenset({_S.RUNNING, _S.EXPIRED, _S.CANCELLED, _S.DRAFT, _S.SUBMITTED}),
        _S.RUNNING: frozenset(
            {
                _S.SUCCEEDED,
                _S.FAILED,
                _S.ROLLED_BACK,
                _S.RESTORED,
                _S.NEEDS_DECISION,
                _S.APPROVED,
            }
        ),
        _S.NEEDS_DECISION: frozenset({_S.ROLLED_BACK, _S.RESTORED, _S.SUCCEEDED}),
        _S.SUCCEEDED: frozenset({_S.ROLLED_BACK, _S.RESTORED, _S.NEEDS_DECISION}),
    },
)
"""Design section 4, plus FAILED: the run stopped and the target is proven unchanged (ADR 0004); plus the ways back to DRAFT
(opened for changes) and to SUBMITTED (postponed: the go is asked anew) (ADR 0005); plus RUNNING → APPROVED: the window closed
before the migration began, so the plan gets another run in the next one (ADR 0011)."""

CLOSED = frozenset(
    {status for status in PlanStatus if PLAN_STATES.final(status)} | {PlanStatus.SUCCEEDED}
)
"""Nothing is to be done any more; a success can still be rolled back or restored by two people."""

MAX_FILE_BYTES = 1024 * 1024
MAX_FILES = 20
_FILE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,190}\.(?:js|cjs|sql|py)")


class FileRefused(Refused):
    """This file cannot be a migration."""

    code = "file-refused"


class PlanIncomplete(Refused):
    """Something is still missing; `missing` names each thing."""

    code = "plan-incomplete"

    def __init__(self, missing: Mapping[str, str]) -> None:
        """Take a sentence per missing field."""
        super().__init__("The plan cannot be submitted yet. " + " ".join(missing.values()))
        self.missing = dict(missing)


def check_file(*, name: str, content: bytes) -> str:
    """Return the text of an uploaded file, or raise `FileRefused` with what is wrong and what to do."""
    shown = name[:80].encode("ascii", "replace").decode() or "(no name)"
    if not _FILE_NAME.fullmatch(name):
        raise FileRefused(
            f"“{shown}” is not a name for a migration file. Use letters, digits, dots, dashes and underscores, "
            "no folders, ending in .js, .cjs, .sql or .py."
        )
    if not content.strip():
        raise FileRefused(f"{shown} is empty. Choose the file that holds the migration.")
    if len(content) > MAX_FILE_BYTES:
        raise FileRefused(
            f"{shown} is larger than 1 MiB. A migration file holds code; load data by another way."
        )
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise FileRefused(
            f"{shown} is not UTF-8 text (byte {error.start}). Save it as UTF-8 and upload again."
        ) from None
    if "\x00" in text:
        raise FileRefused(
            f"{shown} holds NUL characters, so it is not a text file. Upload the source file."
        )
    if where := turned(text):
        raise FileRefused(
            f"{shown} holds a character that turns the order of the text round ({where}), so it would not do what it shows. "
            "Take it out, and upload the file again."
        )
    return text


def check_title(title: str) -> None:
    """Raise `PlanIncomplete` for a title that people would read in another order than it stands."""
    if turned(title):
        raise PlanIncomplete(
            {
                "title": "The title holds a character that turns the order of the text round. Take it out, or type the title anew."
            }
        )


@dataclass(frozen=True)
class Documentation:
    """The spec's seven documentation items, and the justification with its ticket."""

    purpose: str
    tables_affected: str
    expected_seconds: int | None
    rollback_procedure: str
    verification_steps: str
    risk_mitigation: str
    communication_plan: str
    justification: str


DOCUMENTATION_ITEMS: dict[str, tuple[str, str]] = {
    "purpose": (
        "Migration purpose and scope",
        "Say what the migration is for and what it does not touch.",
    ),
    "tables_affected": ("Tables and columns affected", "Name the tables and columns that change."),
    "expected_seconds": ("Expected execution time", "Say how many seconds the migration may take."),
    "rollback_procedure": (
        "Rollback procedure",
        "Say how it is undone, and what is lost by undoing it.",
    ),
    "verification_steps": (
        "Post-migration verification steps",
        "Say how you will know that it worked.",
    ),
    "risk_mitigation": (
        "Risk assessment and mitigation",
        "Say what may go wrong and what you do about it.",
    ),
    "communication_plan": ("Communication plan", "Say who is told what, and when."),
    "justification": (
        "Justification with a ticket",
        "Say why, with the ticket's number, such as JIRA-1234.",
    ),
}
"""Field → its name in the spec's list, and the sentence shown while it is missing. Justification is the audit trail's "why"."""

TICKET = re.compile(r"\b[A-Z][A-Z0-9]+-\d+\b")


def missing_documentation(documentation: Documentation) -> dict[str, str]:
    """Return a sentence for each documentation item that is not there yet."""
    missing = {}
    for field, (title, ask) in DOCUMENTATION_ITEMS.items():
        value = getattr(documentation, field)
        if value is None or (isinstance(value, str) and not value.strip()):
            missing[field] = f"{title} is missing. {ask}"
    if "justification" not in missing and not TICKET.search(documentation.justification):
        missing["justification"] = (
            "The justification names no ticket. Add its number, such as JIRA-1234."
        )
    return missing


def names_folder(name: str) -> bool:
    """Whether a file name, as it was sent, has a folder in it, on any system."""
    return "/" in name or "\\" in name


def check_names(names: Sequence[str]) -> None:
    """Raise `FileRefused` when two files that were sent together have one name: only one of them could be kept."""
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise FileRefused(f"Two of the files are named {twice[0]}. Give each a name of its own.")


class QueryRefused(Refused):
    """A verification query has to be one SELECT that returns one value."""

    code = "query-refused"


def check_query(*, name: str, sql: str) -> None:
    """Raise `QueryRefused` for a verification query that is not one SELECT of one column."""
    if why := why_no_reading_query(sql):
        raise QueryRefused(f"The query “{name}” {why}.")


def files_digest(*, target_id: int, files: Sequence[tuple[str, str]]) -> str:
    """Return the SHA-256 over target, names and hashes; an assessment belongs to exactly one such digest."""
    lines = [f"{sha256}  {name}\n" for name, sha256 in files]
    return hashlib.sha256("".join([f"target {target_id}\n", *lines]).encode()).hexdigest()


ASSESSMENT_LEASE = timedelta(minutes=3)
"""A worker that took an assessment and did not finish it in this time has died."""

REASSESSED = frozenset(
    {PlanStatus.DRAFT, PlanStatus.SUBMITTED, PlanStatus.APPROVED, PlanStatus.SCHEDULED}
)
"""While a plan may still run, its files are assessed again on demand."""

POSTPONED_AT_MOST = timedelta(days=7)
"""T-0 moves at most this far from the one that people signed; what is not approved by then expires."""

LEAD_DAYS = 7
"""T-7: a plan is submitted at least this many days before its T-0 (spec, "Communication & Approval")."""


def earliest_start(*, now: datetime, zone: tzinfo, day: timedelta) -> datetime:
    """Return the earliest T-0 for a plan that is submitted now, in the target's days. `day` is 24 h, shorter only in the demo."""
    return days_from(now, days=LEAD_DAYS, zone=zone, day=day)


@dataclass(frozen=True)
class PlanContent:
    """Everything a signer relies on; any change of it is another revision."""

    plan: int
    title: str
    target: str
    database: str
    scheduled_for: datetime
    window_ends_at: datetime | None
    """When the window of T-0 closes; None where the target has no windows."""
    author: str
    level: str
    phi: bool
    documentation: Documentation
    files: tuple[tuple[str, str], ...]
    """(name, SHA-256) in the order in which they run."""
    checks: tuple[tuple[str, str, str], ...]
    """(name, query, expected) of the plan's own verification."""
    backup_policy: str
    executor: str = ""
    emergency: tuple[str, str] | None = None
    """(reason, end of the time box) on the emergency path."""
    smoke: tuple[SmokeCheck, ...] = ()
    """What the application is asked after the run on staging."""
    packages: str = ""
    """SHA-256 of the packages that the migration tool ran with in the assessment; empty when it needs none."""
    commit: Commit = NO_COMMIT
    """Where the files come from."""

    def canonical(self) -> bytes:
        """Return the RFC 8785 bytes of the content."""
        documentation: dict[str, Any] = dict(vars(self.documentation))
        more: dict[str, Any] = {}
        if self.executor:
            more["executor"] = self.executor
        if self.emergency:
            more["emergency"] = dict(zip(("reason", "until"), self.emergency, strict=True))
        if self.packages:
            more["packages"] = self.packages
        if self.smoke:
            more["smoke"] = [dict(vars(each)) for each in self.smoke]
        if self.commit:
            more["commit"] = {"sha": self.commit.sha, "authors": list(self.commit.authors)}
        return rfc8785.dumps(
            {
                **more,
                "plan": self.plan,
                "title": self.title,
                "target": self.target,
                "database": self.database,
                "scheduled_for": self.scheduled_for.isoformat(),
                "window_ends_at": self.window_ends_at.isoformat() if self.window_ends_at else None,
                "author": self.author,
                "level": self.level,
                "phi": self.phi,
                "documentation": documentation,
                "files": [{"name": name, "sha256": digest} for name, digest in self.files],
                "checks": [
                    {"name": name, "sql": sql, "expected": expected}
                    for name, sql, expected in self.checks
                ],
                "backup_policy": self.backup_policy,
                "v": 2,
            }
        )

    def digest(self) -> str:
        """Return the SHA-256 of the canonical bytes, as hex."""
        return hashlib.sha256(self.canonical()).hexdigest()
