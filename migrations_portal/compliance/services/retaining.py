"""Whether backups are kept as long as promised; legal holds; the wish to dispose, which two people have to have."""

from datetime import date, datetime

from django.db import transaction

from migrations_portal.audit import services as audit
from migrations_portal.audit.rules import PORTAL, Draft, EntryKind
from migrations_portal.backups.models import Backup
from migrations_portal.backups.ports import StoredObject, Vault, VaultUnavailable
from migrations_portal.compliance import queries
from migrations_portal.compliance.models import (
    Disposal,
    LegalHold,
    RetentionCheck,
)
from migrations_portal.compliance.rules import (
    DISPOSERS,
    SLACK,
    DisposalRefused,
    check_disposal,
)
from migrations_portal.compliance.services.officers import check_officer, record
from migrations_portal.people.models import Person
from migrations_portal.targets.models import TargetGroup


def check_retention(*, vault: Vault, now: datetime) -> list[RetentionCheck]:
    """Ask the vault about every backup that must still be there, write down what it says, and the whole into the ledger."""
    rows = Backup.objects.filter(retain_until__gt=now).order_by("pk")
    made = [_ask_vault(each, vault=vault, now=now) for each in rows.iterator()]
    bad = [each for each in made if not each.held]
    with transaction.atomic():
        RetentionCheck.objects.bulk_create(made, batch_size=500)
        audit.append(
            Draft(
                kind=EntryKind.RETENTION_CHECKED,
                actor=PORTAL,
                sentence=f"The store was asked about {len(made)} backups; {len(made) - len(bad)} are held as promised.",
                result="failed" if bad else "success",
                facts={"not_held": [each.backup_id for each in bad][:200]},
            )
        )
    return made


def _ask_vault(backup: Backup, *, vault: Vault, now: datetime) -> RetentionCheck:
    stored = StoredObject(backup.bucket, backup.key, backup.version_id, backup.size, backup.sha256)
    try:
        facts = vault.describe(stored)
    except VaultUnavailable as away:
        return RetentionCheck(backup=backup, at=now, held=False, problem=away.sentence[:300])
    wrong = [
        said
        for holds, said in (
            (facts.size == backup.size, "its size is another"),
            (bool(facts.encryption), "it is not encrypted"),
            (facts.lock_mode == "COMPLIANCE", "it is not locked"),
            (
                facts.retain_until is not None
                and facts.retain_until >= backup.retain_until - SLACK,
                "its lock ends too early",
            ),
        )
        if not holds
    ]
    return RetentionCheck(
        backup=backup,
        at=now,
        held=not wrong,
        encryption=facts.encryption[:20],
        lock_mode=facts.lock_mode[:20],
        retain_until=facts.retain_until,
        problem="; ".join(wrong),
    )


@transaction.atomic
def set_hold(*, group: TargetGroup, matter: str, by: Person, now: datetime) -> LegalHold:
    """Forbid any disposal for a group until the hold is lifted; raise `NotAllowed`, `DisposalRefused`."""
    check_officer(person=by, group=group)
    if not matter.strip():
        raise DisposalRefused("Say what the hold is for.")
    made = LegalHold.objects.create(group=group, matter=matter.strip()[:300], set_by=by, set_at=now)
    record(
        EntryKind.LEGAL_HOLD_SET,
        by,
        f"{by.full_name} set a legal hold on {group}.",
        group=group,
        reason=made.matter,
    )
    return made


@transaction.atomic
def lift_hold(*, hold_id: int, reason: str, by: Person, now: datetime) -> None:
    """Lift a hold; raise `NotAllowed`, `DisposalRefused` without a reason or when it is lifted already."""
    row = LegalHold.objects.select_for_update(of=("self",)).select_related("group").get(pk=hold_id)
    check_officer(person=by, group=row.group)
    if not reason.strip():
        raise DisposalRefused("Say why the hold is lifted.")
    if row.lifted_at is not None:
        raise DisposalRefused("This hold is lifted already.")
    row.lifted_by, row.lifted_at, row.lift_reason = by, now, reason.strip()[:300]
    row.save(update_fields=["lifted_by", "lifted_at", "lift_reason"])
    record(
        EntryKind.LEGAL_HOLD_LIFTED,
        by,
        f"{by.full_name} lifted a legal hold on {row.group}.",
        group=row.group,
        reason=row.lift_reason,
    )


@transaction.atomic
def ask_disposal(
    *, group: TargetGroup, before: date, reason: str, by: Person, now: datetime
) -> Disposal:
    """Ask for the disposal of what is from before a day; raise `DisposalRefused` (under seven years, on hold), `NotAllowed`."""
    check_officer(person=by, group=group, roles=DISPOSERS)
    if not reason.strip():
        raise DisposalRefused("Say why the records are to be disposed of.")
    check_disposal(before=before, today=now.date(), held=queries.matters_on_hold(group=group))
    made = Disposal.objects.create(
        group=group, before=before, reason=reason.strip()[:300], asked_by=by, asked_at=now
    )
    record(
        EntryKind.DISPOSAL_ASKED,
        by,
        f"{by.full_name} asked to dispose of records of {group} from before {before}.",
        group=group,
        reason=made.reason,
    )
    return made


@transaction.atomic
def decide_disposal(*, disposal_id: int, agree: bool, by: Person, now: datetime) -> Disposal:
    """Agree or refuse, as a second person (dual authorization); raise `DisposalRefused`, `NotAllowed`."""
    row = (
        Disposal.objects.select_for_update(of=("self",)).select_related("group").get(pk=disposal_id)
    )
    check_officer(person=by, group=row.group, roles=DISPOSERS)
    if row.decided_at is not None:
        raise DisposalRefused("This was decided already.")
    if row.asked_by_id == by.pk:
        raise DisposalRefused("You asked for this, so somebody else has to agree.")
    if agree:
        held = queries.matters_on_hold(group=row.group)
        check_disposal(before=row.before, today=now.date(), held=held)
    row.decided_by, row.decided_at, row.agreed = by, now, agree
    row.save(update_fields=["decided_by", "decided_at", "agreed"])
    record(
        EntryKind.DISPOSAL_AGREED if agree else EntryKind.DISPOSAL_REFUSED,
        by,
        f"{by.full_name} {'agreed to' if agree else 'refused'} the disposal of records of {row.group} from before {row.before}.",
        group=row.group,
    )
    return row
