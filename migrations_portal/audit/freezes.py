"""When runs are held because of the ledger: a harm that was found (L8), a database that is an older copy (X15), a store away (L6)."""

from datetime import datetime

from django.db import transaction

from migrations_portal.audit import services
from migrations_portal.audit.models import Checkpoint, Entry, Freeze
from migrations_portal.audit.rules import (
    HELD_LEVELS,
    PORTAL,
    STORE_HOLD_AFTER,
    STORE_WARN_AFTER,
    Draft,
    EntryKind,
)
from migrations_portal.kernel.errors import Refused
from migrations_portal.people.models import Person


class ReasonForLiftingMissing(Refused):
    """Say what was found and why runs may go on; the reason goes into the ledger."""

    code = "reason-for-lifting-missing"


def active() -> list[Freeze]:
    """Return the freezes that nobody has lifted."""
    return list(Freeze.objects.filter(lifted_at__isnull=True).order_by("at"))


@transaction.atomic
def freeze(*, cause: str, sentence: str, now: datetime) -> Freeze | None:
    """Hold all runs from now on and write it into the ledger; None when they are held for this cause already."""
    made, new = Freeze.objects.get_or_create(
        cause=cause, lifted_at=None, defaults={"at": now, "sentence": sentence[:500]}
    )
    if not new:
        return None
    services.append(
        Draft(
            kind=EntryKind.LEDGER_FROZEN,
            actor=PORTAL,
            sentence="All runs are held: the ledger does not hold.",
            reason=sentence,
            result="failed",
        )
    )
    return made


@transaction.atomic
def lift(*, freeze_id: int, by: Person, reason: str, now: datetime) -> bool:
    """Let runs go on, by a person and with a reason; False when it was lifted already. Raises `ReasonForLiftingMissing`."""
    if not reason.strip():
        raise ReasonForLiftingMissing
    lifted = Freeze.objects.filter(pk=freeze_id, lifted_at__isnull=True).update(
        lifted_at=now, lifted_by=by.email, lift_reason=reason.strip()
    )
    if lifted != 1:
        return False
    services.append(
        Draft(
            kind=EntryKind.LEDGER_UNFROZEN,
            actor=services.actor(by),
            sentence=f"{by.full_name} let runs go on.",
            reason=reason.strip(),
        )
    )
    return True


def store_silent_since(*, now: datetime) -> datetime | None:
    """Return since when the store has no fresh checkpoint, None while it has one of the last ten minutes (L6)."""
    last = (
        Checkpoint.objects.filter(stored_at__isnull=False)
        .order_by("-number")
        .values_list("stored_at", flat=True)
        .first()
    )
    if last is None:
        first = Entry.objects.order_by("seq").values_list("at", flat=True).first()
        return first or now
    return last if last <= now - STORE_WARN_AFTER else None


def reasons_to_hold(*, level: str, phi: bool, now: datetime) -> list[str]:
    """Return why a run of this level may not start now, as sentences; nothing when it may."""
    reasons = [each.sentence for each in active()]
    silent = store_silent_since(now=now)
    if silent and silent <= now - STORE_HOLD_AFTER and (phi or level in HELD_LEVELS):
        reasons.append(
            f"No checkpoint of the ledger has reached the store since {silent:%Y-%m-%d %H:%M} UTC, so runs of high risk"
            " and on PHI wait. Look at the store, and whether the workers have the ledger's key."
        )
    return reasons
