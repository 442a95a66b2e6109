"""Who signs what, and when: the policy, in one place. Pages, mails, API, docs and tests read it from here."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from migrations_portal.kernel.errors import Refused
from migrations_portal.people.rules import Role

POLICY_VERSION = 1
"""Counts changes of this file's data. A submitted plan keeps the chain it was submitted under."""


class Stage(StrEnum):
    """The spec's timeline. T-3 and T-0 have no seats: the portal notifies, and runs."""

    REVIEW = "REVIEW"
    SECURITY = "SECURITY"
    NOTIFY = "NOTIFY"
    GO = "GO"
    RUN = "RUN"


@dataclass(frozen=True)
class StageFacts:
    """What a stage is called and when it is due, in days before T-0."""

    label: str
    title: str
    due_days: int
    opens_days: int | None
    """Earliest opening in days before T-0; None opens as soon as the stage before it is complete."""


STAGES: dict[Stage, StageFacts] = {
    Stage.REVIEW: StageFacts("T-7", "Review", due_days=5, opens_days=None),
    Stage.SECURITY: StageFacts("T-5", "Security and compliance", due_days=3, opens_days=None),
    Stage.NOTIFY: StageFacts("T-3", "Stakeholders notified", due_days=3, opens_days=3),
    Stage.GO: StageFacts("T-1", "Go / no-go", due_days=0, opens_days=1),
    Stage.RUN: StageFacts("T-0", "Run", due_days=0, opens_days=0),
}
"""A review is due when the security stage's day comes (T-5), that one when stakeholders are told (T-3), and the go at T-0."""

SEATED_STAGES = (Stage.REVIEW, Stage.SECURITY, Stage.GO)

REVIEWERS: dict[str, tuple[Role, ...]] = {
    "LOW": (Role.DBA,),
    "MEDIUM": (Role.TECH_LEAD, Role.DBA),
    "HIGH": (Role.CTO, Role.DBA),
    "CRITICAL": (Role.EXECUTIVE,),
}
"""The spec's table "Migration Risk Levels", column "Approval Required"."""

GO_PARTNERS: dict[str, tuple[Role, ...]] = {
    "LOW": (),
    "MEDIUM": (),
    "HIGH": (Role.CTO,),
    "CRITICAL": (Role.EXECUTIVE,),
}
"""Who joins the DBA at T-1 (design section 2: the highest approver of the level, for HIGH and CRITICAL)."""

WINDOWS: dict[str, str] = {
    "LOW": "During business hours",
    "MEDIUM": "Off-peak hours",
    "HIGH": "Scheduled maintenance",
    "CRITICAL": "Planned downtime",
}
"""The spec's table, column "Maintenance Window"."""

STEP_UP_LEVELS = frozenset({"HIGH", "CRITICAL"})
"""Levels whose signature asks for the password again (A5; passkey or one-time code come with issue 3/6)."""


class Decision(StrEnum):
    APPROVE = "APPROVE"
    REJECT = "REJECT"


@dataclass(frozen=True)
class SeatSpec:
    """One signature that a plan needs."""

    stage: Stage
    role: Role


def seats_for(*, level: str, phi: bool) -> tuple[SeatSpec, ...]:
    """Return every seat that a plan of this level needs, in the order of the chain."""
    security = [
        Role.SECURITY_OFFICER,
        Role.COMPLIANCE_OFFICER,
        *([Role.PRIVACY_OFFICER] if phi else []),
    ]
    return (
        *(SeatSpec(Stage.REVIEW, role) for role in REVIEWERS[level]),
        *(SeatSpec(Stage.SECURITY, role) for role in security),
        SeatSpec(Stage.GO, Role.DBA),
        *(SeatSpec(Stage.GO, role) for role in GO_PARTNERS[level]),
    )


def due_at(stage: Stage, *, t0: datetime, day: timedelta) -> datetime:
    """Return when the stage is due, computed from T-0."""
    return t0 - STAGES[stage].due_days * day


def opens_at(stage: Stage, *, t0: datetime, day: timedelta) -> datetime | None:
    """Return the earliest instant at which the stage opens, None when only the stage before it matters."""
    days = STAGES[stage].opens_days
    return None if days is None else t0 - days * day


TOKEN_LIFE = timedelta(days=7)
"""A link is good for seven days, or until T-0 has passed (A3)."""

MEANINGS: dict[Stage, str] = {
    Stage.REVIEW: "reviewed and approve as {role}",
    Stage.SECURITY: "approve as {role}",
    Stage.GO: "give the go as {role}",
}
"""What a signature means (21 CFR 11.50: name, time and meaning)."""


class SeatNotOpen(Refused):
    """This seat cannot be signed yet."""

    code = "seat-not-open"


class SeatUnfillable(Refused):
    """A seat of this plan could not be signed by anybody."""

    code = "seat-unfillable"


class AlreadyDecided(Refused):
    """This seat was decided already."""

    code = "already-decided"


class OwnPlan(Refused):
    """Nobody signs a plan that they wrote or edited."""

    code = "own-plan"


class AnotherRole(Refused):
    """You signed this revision in another role already; one person acts in one role."""

    code = "another-role"


class ReasonMissing(Refused):
    """Say why: a decision needs a reason of its own words."""

    code = "reason-missing"


class RevisionStale(Refused):
    """The plan changed after this page was loaded. Load it again and read what changed."""

    code = "revision-stale"


@dataclass(frozen=True)
class SeatFacts:
    """What the rules need to know of a seat and of the person who wants to decide on it."""

    stage: Stage
    role: Role
    opened: bool
    decided: bool
    plan_open: bool
    involved: frozenset[int]
    """Author and editors."""
    other_roles_signed: frozenset[Role]
    """Roles in which the same person signed this revision."""
    person: int


def check_may_sign(seat: SeatFacts) -> None:
    """Raise the reason why this seat cannot be decided by this person now. Holding the role is asked in people.access."""
    if seat.decided:
        raise AlreadyDecided
    if not seat.plan_open:
        raise SeatNotOpen("This plan is no longer waiting for signatures.")
    if not seat.opened:
        raise SeatNotOpen(
            f"{STAGES[seat.stage].label} {STAGES[seat.stage].title} is not open yet; you get a mail when it is."
        )
    if seat.person in seat.involved:
        raise OwnPlan("You wrote or edited this plan, so somebody else has to sign it.")
    if seat.other_roles_signed - {seat.role}:
        other = ", ".join(
            sorted(role.title.lower() for role in seat.other_roles_signed - {seat.role})
        )
        raise AnotherRole(
            f"You signed this revision as {other} already; one person acts in one role."
        )
