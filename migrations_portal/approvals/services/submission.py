"""Submitting a draft: its content is frozen, its chain laid out, its first stage opened."""

from datetime import datetime, timedelta

from django.db import transaction

from migrations_portal.approvals import queries
from migrations_portal.approvals.policy import POLICY_VERSION
from migrations_portal.approvals.rules import SeatUnfillable
from migrations_portal.approvals.services import chain, filling
from migrations_portal.approvals.services.advancing import advance
from migrations_portal.approvals.services.moment import Moment
from migrations_portal.audit import services as audit
from migrations_portal.audit.rules import EntryKind
from migrations_portal.kernel.memory import remembering
from migrations_portal.people.models import Person
from migrations_portal.plans import services as plans
from migrations_portal.plans.models import PlanRevision
from migrations_portal.rehearsals import services as rehearsals

BACKUP_POLICY = "full dump, read back and restored before the run; 90 days, 7 years when PHI"
"""What signers rely on; part of the signed content. Figures: spec, "Backup Retention"."""


@transaction.atomic
def submit(
    *, plan_id: int, by: Person, now: datetime, day: timedelta, public_url: str
) -> PlanRevision:
    """Submit a draft: freeze it, lay out its seats and open the first stage.

    Raises `PlanIncomplete` (names each missing thing), `NotYourPlan`, `NotADraft`, `NotAllowed`, `SeatUnfillable`.
    """
    at = Moment(now=now, day=day, public_url=public_url)
    revision = freeze(plan_id=plan_id, by=by, at=at)
    advance(plan=revision.plan, at=at)
    rehearsals.ask_anew(plan=revision.plan, revision=revision, now=now)
    _record(revision, by=by)
    return revision


def freeze(*, plan_id: int, by: Person, at: Moment, urgent: bool = False) -> PlanRevision:
    """Freeze the content and lay out the chain; open nothing yet."""
    revision = plans.freeze(
        plan_id=plan_id,
        by=by,
        policy_version=POLICY_VERSION,
        backup_policy=BACKUP_POLICY,
        now=at.now,
        day=at.day,
        urgent=urgent,
    )
    chain.lay_out(plan=revision.plan, revision=revision, at=at)
    _check_seats_can_be_filled(revision, now=at.now)
    return revision


def _check_seats_can_be_filled(revision: PlanRevision, *, now: datetime) -> None:
    """Raise `SeatUnfillable` when the roles of the chain cannot be filled by different people, none of them the author."""
    with remembering():
        short = filling.short_of_people(list(queries.seats(revision)), now=now)
    titles = sorted(role.title for role in short.roles)
    if short.together:
        raise SeatUnfillable(
            f"{' and '.join(titles)} need different people, and there are too few who hold these roles. "
            "Ask an administrator to give somebody else one of them."
        )
    if titles:
        raise SeatUnfillable(
            f"Nobody without a part in this plan could sign as {', '.join(titles)}. Ask an administrator to give somebody the role."
        )


def _record(revision: PlanRevision, *, by: Person) -> None:
    plan = revision.plan
    audit.append(
        plans.draft_entry(
            plan,
            kind=EntryKind.PLAN_SUBMITTED,
            actor=audit.actor(by),
            sentence=f"{by.full_name} submitted revision {revision.number} of {plan.number} for review.",
            reason=plan.justification,
            phi=revision.phi,
            facts={
                "digest": revision.digest,
                "level": revision.level,
                "policy_version": POLICY_VERSION,
            },
        )
    )
