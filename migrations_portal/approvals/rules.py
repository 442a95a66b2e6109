"""When may who do what in the chain. The data behind it is in `policy.py`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from itertools import combinations

from migrations_portal.approvals.policy import (
    DELEGATION_AT_MOST,
    EMERGENCY_AT_MOST,
    READING_TIME,
    STAGES,
    Stage,
)
from migrations_portal.kernel.errors import Refused
from migrations_portal.people.rules import Role
from migrations_portal.plans.rules import POSTPONED_AT_MOST


class Decision(StrEnum):
    APPROVE = "APPROVE"
    REJECT = "REJECT"


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
    """Nobody signs a plan that they wrote, edited or carry out, or whose commit they wrote."""

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


class SignedTooLate(Refused):
    """The time within which this plan had to be signed is over, so it ends without a run. Its author can clone it."""

    code = "signed-too-late"


class TooQuick(Refused):
    """That was quicker than anybody can read. Nothing was decided: read the page, then decide."""

    code = "too-quick"


class TooMany(Refused):
    """You decided very often within a minute. Nothing was decided this time: wait a minute, then go on."""

    code = "too-many"


class AskedAgainTooOften(Refused):
    """The mail of this seat was sent again five times within an hour. Wait, or speak to those who are asked."""

    code = "asked-again-too-often"


class PostponementRefused(Refused):
    """T-0 cannot be moved there."""

    code = "postponement-refused"


class DelegationRefused(Refused):
    """This role cannot be handed on like that."""

    code = "delegation-refused"


class EmergencyRefused(Refused):
    """The emergency path is not open like that."""

    code = "emergency-refused"


class SecondPersonNeeded(Refused):
    """An emergency is declared by two people: somebody else has to confirm it."""

    code = "emergency-second-person"


class NothingOwed(Refused):
    """There is no review to be written here."""

    code = "nothing-owed"


@dataclass(frozen=True)
class SeatFacts:
    """What the rules need to know of a seat and of the people who want to decide on it."""

    stage: Stage
    role: Role
    opened: bool
    decided: bool
    plan_open: bool
    involved: frozenset[int]
    """Author, last editor, executor, authors of the commit."""
    other_roles_signed: frozenset[Role]
    """Roles in which one of these people signed this revision, or was signed for."""
    people: frozenset[int]
    """Who decides and, when that is a deputy, whose role it is."""


def check_may_sign(seat: SeatFacts) -> None:
    """Raise the reason why this seat cannot be decided by these people now. Holding the role is asked in `services.powers`."""
    if seat.decided:
        raise AlreadyDecided
    if not seat.plan_open:
        raise SeatNotOpen("This plan is no longer waiting for signatures.")
    if not seat.opened:
        raise SeatNotOpen(
            f"{STAGES[seat.stage].label} {STAGES[seat.stage].title} is not open yet; you get a mail when it is."
        )
    if seat.people & seat.involved:
        raise OwnPlan(
            "You, or the person you sign for, wrote, edited or carry out this plan, or wrote the commit that its files come from, "
            "so somebody else has to sign it."
        )
    if others := seat.other_roles_signed - {seat.role}:
        other = ", ".join(sorted(role.noun for role in others))
        raise AnotherRole(
            f"You signed this revision as {other} already; one person acts in one role."
        )


def check_was_read(*, shown_at: datetime | None, now: datetime) -> None:
    """Raise `TooQuick` when the page was not on screen for long enough before the decision (A12)."""
    if shown_at is None or not now - shown_at >= READING_TIME:
        raise TooQuick


def check_reason(reason: str) -> str:
    """Return the reason without blanks around it, or raise `ReasonMissing`."""
    if not reason.strip():
        raise ReasonMissing
    return reason.strip()


def check_postponement(
    *, planned: datetime, present: datetime, wanted: datetime, now: datetime
) -> None:
    """Raise `PostponementRefused` unless `wanted` is later than T-0 is now, in the future, and within the bound people signed."""
    if wanted <= max(present, now):
        raise PostponementRefused(
            "The new T-0 has to lie after the present one, and in the future."
        )
    if wanted > planned + POSTPONED_AT_MOST:
        raise PostponementRefused(
            f"T-0 moves at most {POSTPONED_AT_MOST.days} days from the one that people signed. "
            "Open the plan for changes and choose a new date; it is signed anew then."
        )


def check_delegation(*, starts_at: datetime, ends_at: datetime, now: datetime) -> None:
    """Raise `DelegationRefused` unless the span is ahead of us, forward, and short enough."""
    if ends_at <= starts_at:
        raise DelegationRefused("The end has to come after the beginning.")
    if ends_at <= now:
        raise DelegationRefused("The end is past already. Choose a later one.")
    if ends_at - starts_at > DELEGATION_AT_MOST:
        raise DelegationRefused(
            f"A role is handed on for at most {DELEGATION_AT_MOST.days} days. "
            "For longer, ask an administrator to give the role to somebody."
        )


def check_time_box(*, t0: datetime, until: datetime, now: datetime) -> None:
    """Raise `EmergencyRefused` unless T-0 and the end of the time box are ahead, in order, and the box is short enough."""
    if until <= now or until > now + EMERGENCY_AT_MOST:
        hours = int(EMERGENCY_AT_MOST.total_seconds() // 3600)
        raise EmergencyRefused(
            f"The time box has to end within {hours} hours from now. What can wait longer is no emergency."
        )
    if not now <= t0 < until:
        raise EmergencyRefused("T-0 has to lie between now and the end of the time box.")


@dataclass(frozen=True)
class Short:
    """The roles for which people lack; none when all can be filled."""

    roles: frozenset[Role]
    together: bool
    """Whether each of them could be filled, but not all by different people."""


def short_of(options: Mapping[Role, Sequence[frozenset[int]]]) -> Short:
    """Return the roles without anybody; else the smallest group of roles that different people cannot fill.

    `options`: per role, by whom it could be filled; who is in one choice is in no other.
    """
    empty = frozenset(role for role, choices in options.items() if not choices)
    if empty:
        return Short(empty, together=False)
    for size in range(2, len(options) + 1):
        for roles in combinations(options, size):
            if not _can_be_filled([options[role] for role in roles], taken=frozenset()):
                return Short(frozenset(roles), together=True)
    return Short(frozenset(), together=False)


def _can_be_filled(options: Sequence[Sequence[frozenset[int]]], *, taken: frozenset[int]) -> bool:
    if not options:
        return True
    first, *rest = sorted(options, key=len)
    return any(_can_be_filled(rest, taken=taken | choice) for choice in first if not choice & taken)
