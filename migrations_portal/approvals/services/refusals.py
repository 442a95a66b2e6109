"""Writing down what was tried and refused (L13)."""

from django.db import transaction

from migrations_portal.approvals.models import Invitation, Seat
from migrations_portal.audit import services as audit
from migrations_portal.audit.rules import EntryKind
from migrations_portal.people.models import Person
from migrations_portal.plans import services as plans


@transaction.atomic
def record_refusal(*, seat: Seat, by: Person, code: str, sentence: str) -> None:
    """Write down that somebody tried to decide and was refused. Called after the refused transaction ended."""
    audit.append(
        plans.draft_entry(
            seat.revision.plan,
            kind=EntryKind.SIGN_OFF_REFUSED,
            actor=audit.actor(by),
            sentence=f"{by.full_name} tried to decide on a seat of WC-{seat.revision.plan_id} and was refused: {sentence}",
            result="refused",
            phi=seat.revision.phi,
            facts={"code": code, "seat_role": seat.role, "seat_stage": seat.stage},
        )
    )


@transaction.atomic
def record_wrong_person(*, invitation: Invitation, by: Person) -> None:
    """Write down that somebody else than the invited person opened a link (A13)."""
    audit.append(
        plans.draft_entry(
            invitation.seat.revision.plan,
            kind=EntryKind.WRONG_PERSON,
            actor=audit.actor(by),
            sentence=f"{by.full_name} opened a sign-off link that was sent to {invitation.person.full_name}.",
            result="refused",
        )
    )
