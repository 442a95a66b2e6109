"""The policy of approvals, as data: who signs, by when, and what happens when they do not.

Pages, API, mails, docs and tests read it here. A plan keeps the chain it was submitted under:
seats, stages and deadlines are copied into rows at submission (`services/chain.py`).
Change the data, and raise `POLICY_VERSION`; `docs/reference/approval-policy.md` is held against it by a test.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from enum import StrEnum

from migrations_portal.kernel.days import days_from
from migrations_portal.people.rules import SIGNING_ROLES, Role

POLICY_VERSION = 2
"""Counts changes of this file's data."""


class Stage(StrEnum):
    """The spec's timeline. T-3 and T-0 have no seats: the portal notifies, and runs."""

    REVIEW = "REVIEW"
    SECURITY = "SECURITY"
    NOTIFY = "NOTIFY"
    GO = "GO"
    RUN = "RUN"


class Duty(StrEnum):
    """What the portal does by itself when time passes, the weakest first."""

    REMIND = "REMIND"
    ESCALATE = "ESCALATE"
    POSTPONE = "POSTPONE"
    RUN_BY = "RUN_BY"
    """Ends an approved plan that did not begin in its window (A8, "execution expiry")."""
    SIGN_BY = "SIGN_BY"
    """Ends a plan that was not signed in time (A8, "approval expiry")."""
    REVIEW = "REVIEW"
    """Reminds of the review that an emergency owes."""

    @property
    def words(self) -> str:
        """What the policy page says."""
        return {
            Duty.REMIND: "remind those who can sign",
            Duty.ESCALATE: "tell the role above, and the author",
            Duty.POSTPONE: "postpone T-0 by a day, and tell everyone",
            Duty.RUN_BY: "end an approved plan that has not begun",
            Duty.SIGN_BY: "end a plan that is not signed",
            Duty.REVIEW: "remind of the review",
        }[self]


@dataclass(frozen=True)
class Nudge:
    """A duty, and when it falls due, measured from the stage's due time in hours of the clock."""

    duty: Duty
    after_due: timedelta


@dataclass(frozen=True)
class StageFacts:
    """What a stage is called, when it opens and is due in days before T-0, and what happens around that time."""

    label: str
    title: str
    due_days: int
    opens_days: int | None
    """Earliest opening in days before T-0; None opens as soon as the stage before it is complete."""
    nudges: tuple[Nudge, ...] = ()


def _h(hours: int) -> timedelta:
    return timedelta(hours=hours)


STAGES: dict[Stage, StageFacts] = {
    Stage.REVIEW: StageFacts(
        "T-7",
        "Review",
        due_days=5,
        opens_days=None,
        nudges=(
            Nudge(Duty.REMIND, _h(-24)),
            Nudge(Duty.REMIND, _h(0)),
            Nudge(Duty.ESCALATE, _h(24)),
            Nudge(Duty.POSTPONE, _h(72)),
        ),
    ),
    Stage.SECURITY: StageFacts(
        "T-5",
        "Security and compliance",
        due_days=3,
        opens_days=None,
        nudges=(
            Nudge(Duty.REMIND, _h(-24)),
            Nudge(Duty.REMIND, _h(0)),
            Nudge(Duty.ESCALATE, _h(12)),
            Nudge(Duty.POSTPONE, _h(24)),
        ),
    ),
    Stage.NOTIFY: StageFacts("T-3", "Stakeholders notified", due_days=3, opens_days=3),
    Stage.GO: StageFacts(
        "T-1",
        "Go / no-go",
        due_days=0,
        opens_days=1,
        nudges=(
            Nudge(Duty.REMIND, _h(-6)),
            Nudge(Duty.ESCALATE, _h(-2)),
            Nudge(Duty.POSTPONE, _h(1)),
        ),
    ),
    Stage.RUN: StageFacts("T-0", "Run", due_days=0, opens_days=0),
}
"""A review is due when the security stage's day comes (T-5), that one when stakeholders are told (T-3), and the go at T-0.

Reviews and security that are missing at T-2 postpone: stakeholders are promised three days' notice. A go that is missing an
hour after T-0 postpones too."""

SEATED_STAGES = (Stage.REVIEW, Stage.SECURITY, Stage.GO)

QUIET = timedelta(hours=1)
"""Nobody is reminded within an hour of the invitation."""

REVIEWERS: dict[str, tuple[Role, ...]] = {
    "LOW": (Role.DBA,),
    "MEDIUM": (Role.TECH_LEAD, Role.DBA),
    "HIGH": (Role.CTO, Role.DBA),
    "CRITICAL": (Role.EXECUTIVE,),
}
"""The spec's table "Migration Risk Levels", column "Approval Required"."""

SECURITY_SEATS = (Role.SECURITY_OFFICER, Role.COMPLIANCE_OFFICER)
PHI_SEATS = (Role.PRIVACY_OFFICER,)
"""Who joins at T-5 when the plan touches PHI (spec, "PHI-Impacting Migrations")."""

GO_PARTNERS: dict[str, tuple[Role, ...]] = {
    "LOW": (),
    "MEDIUM": (),
    "HIGH": (Role.CTO,),
    "CRITICAL": (Role.EXECUTIVE,),
}
"""Who joins the DBA at T-1 (design section 2: the highest approver of the level, for HIGH and CRITICAL)."""

BACKUPS: dict[Role, tuple[Role, ...]] = {
    Role.DBA: (Role.TECH_LEAD, Role.CTO),
    Role.TECH_LEAD: (Role.CTO,),
    Role.CTO: (Role.EXECUTIVE,),
    Role.EXECUTIVE: (Role.CTO,),
    Role.SECURITY_OFFICER: (Role.COMPLIANCE_OFFICER, Role.CTO),
    Role.COMPLIANCE_OFFICER: (Role.PRIVACY_OFFICER, Role.EXECUTIVE),
    Role.PRIVACY_OFFICER: (Role.COMPLIANCE_OFFICER, Role.EXECUTIVE),
}
"""Who hears that a seat of the role is late. They hear of it and can find a deputy; they get no seat by it."""

WINDOWS: dict[str, str] = {
    "LOW": "During business hours",
    "MEDIUM": "Off-peak hours",
    "HIGH": "Scheduled maintenance",
    "CRITICAL": "Planned downtime",
}
"""The spec's table, column "Maintenance Window"."""

RUN_WITHIN: dict[str, timedelta] = {
    "LOW": _h(8),
    "MEDIUM": _h(6),
    "HIGH": _h(4),
    "CRITICAL": _h(4),
}
"""An approved plan that has not begun so long after T-0 has missed its window and expires."""

STEP_UP_LEVELS = frozenset({"HIGH", "CRITICAL"})
"""Levels whose signature asks for a fresh proof of who signs (A5); PHI and emergencies ask too."""

READING_TIME = timedelta(seconds=3)
"""Between the page and the decision, for what asks for a fresh proof: nobody reads faster (A12)."""

TOKEN_LIFE = timedelta(days=7)
"""A link is good for seven days, or until T-0 has passed (A3)."""

COURSE_ROLES = frozenset(
    {Role.DBA, Role.TECH_LEAD, Role.CTO, Role.EXECUTIVE, Role.INCIDENT_RESPONDER}
)
"""Who may cancel or postpone a plan, beside its author."""

DELEGATION_AT_MOST = timedelta(days=30)
"""Longer than a month is another holder of the role, which an administrator gives."""

DEPUTIES = SIGNING_ROLES
"""A deputy holds a signing role for the same targets already."""

EMERGENCY_AT_MOST = timedelta(hours=24)
"""The time box of an emergency: approved and begun within it, or expired."""

EMERGENCY_CONFIRMERS = frozenset({Role.CTO, Role.EXECUTIVE, Role.INCIDENT_RESPONDER})
"""Who, beside the author, says that it is an emergency (two people)."""

EMERGENCY_REVIEWERS = frozenset({Role.COMPLIANCE_OFFICER, Role.SECURITY_OFFICER, Role.EXECUTIVE})
"""Who reviews an emergency afterwards; neither of the two who declared it."""

EMERGENCY_REVIEW_WITHIN = timedelta(hours=24)
EMERGENCY_NUDGES = (
    Nudge(Duty.REMIND, timedelta(minutes=15)),
    Nudge(Duty.ESCALATE, timedelta(minutes=30)),
)
"""In an emergency, measured from the opening of the seats."""

DIGEST_HOUR = 8
"""From this hour on, in the target's time zone, the daily mail of what waits goes out."""

DECISIONS_PER_MINUTE = 10
OPENINGS_PER_MINUTE = 30
"""Per person, and per link (A12)."""
ASKED_AGAIN_PER_HOUR = 5
"""How often the mail of one seat is sent again (A12)."""

MEANINGS: dict[Stage, str] = {
    Stage.REVIEW: "reviewed and approve as {role}",
    Stage.SECURITY: "approve as {role}",
    Stage.GO: "give the go as {role}",
}
"""What a signature means (21 CFR 11.50: name, time and meaning)."""


@dataclass(frozen=True)
class SeatSpec:
    """One signature that a plan needs."""

    stage: Stage
    role: Role


def seats_for(*, level: str, phi: bool) -> tuple[SeatSpec, ...]:
    """Return every seat that a plan of this level needs, in the order of the chain."""
    return (
        *(SeatSpec(Stage.REVIEW, role) for role in REVIEWERS[level]),
        *(SeatSpec(Stage.SECURITY, role) for role in SECURITY_SEATS),
        *(SeatSpec(Stage.SECURITY, role) for role in PHI_SEATS if phi),
        SeatSpec(Stage.GO, Role.DBA),
        *(SeatSpec(Stage.GO, role) for role in GO_PARTNERS[level]),
    )


def due_at(stage: Stage, *, t0: datetime, zone: tzinfo, day: timedelta) -> datetime:
    """Return when the stage is due, counted back from T-0 in the target's time zone."""
    return days_from(t0, days=-STAGES[stage].due_days, zone=zone, day=day)


def opens_at(stage: Stage, *, t0: datetime, zone: tzinfo, day: timedelta) -> datetime | None:
    """Return the earliest instant at which the stage opens, None when only the stage before it matters."""
    days = STAGES[stage].opens_days
    return None if days is None else days_from(t0, days=-days, zone=zone, day=day)


def why_asked_again(*, level: str, phi: bool, emergency: bool) -> list[str]:
    """Return why a signature needs a fresh proof of who signs (A5); nothing when it needs none."""
    reasons = {
        f"{level.lower()} risk": level in STEP_UP_LEVELS,
        "patients' data (PHI)": phi,
        "the emergency": emergency,
    }
    return [words for words, holds in reasons.items() if holds]


def asks_again(*, level: str, phi: bool, emergency: bool) -> bool:
    """Say whether a signature needs a fresh proof of who signs (A5)."""
    return bool(why_asked_again(level=level, phi=phi, emergency=emergency))
