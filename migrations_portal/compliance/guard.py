"""The watch over the ledger: who is told when it does not hold, and which runs wait because of it."""

import logging
from collections.abc import Callable
from datetime import datetime

from django.db import transaction

from migrations_portal.audit import checkpoints, checks, freezes
from migrations_portal.audit.checks import Verdict
from migrations_portal.audit.models import Freeze, LedgerCheck
from migrations_portal.audit.ports import CheckpointStore, Signer, SigningFailed
from migrations_portal.audit.rules import STORE_WARN_AFTER
from migrations_portal.execution.models import MigrationRun
from migrations_portal.notifications import services as notifications
from migrations_portal.people import access
from migrations_portal.people.models import Person
from migrations_portal.people.rules import Role
from migrations_portal.targets.models import TargetGroup
from migrations_portal.targets.queries import groups_of
from migrations_portal.targets.rules import EnvironmentKind

logger = logging.getLogger(__name__)

ALARMED = (Role.COMPLIANCE_OFFICER, Role.SECURITY_OFFICER)


def alarmed_people() -> list[Person]:
    """Return who is told at once when the ledger does not hold."""
    found = {
        person.pk: person
        for group in TargetGroup.objects.all()
        for role in ALARMED
        for person in access.holders(role=role, group=group)
    }
    return list(found.values())


def carry_out(
    check: LedgerCheck,
    *,
    store: CheckpointStore | None,
    clock: Callable[[], datetime],
    public_url: str,
) -> Verdict:
    """Do a claimed check; a harm holds all runs and alarms people (L8)."""
    found = checks.carry_out(check, store=store, clock=clock)
    if not found.intact:
        hold(cause=found.harm, sentence=found.sentence, now=clock(), public_url=public_url)
    return found


def compare_with_store(*, store: CheckpointStore, now: datetime, public_url: str) -> bool:
    """Hold all runs when the store knows another ledger than the database (X15); say whether they agree.

    Raises `CheckpointStoreUnavailable`.
    """
    problem = checkpoints.behind(store=store)
    if problem:
        hold(cause="checkpoint", sentence=problem, now=now, public_url=public_url)
    return not problem


@transaction.atomic
def hold(*, cause: str, sentence: str, now: datetime, public_url: str) -> None:
    """Hold all runs for this cause and alarm people, once."""
    made = freezes.freeze(cause=cause, sentence=sentence, now=now)
    if made is not None:
        _alarm(
            f"ledger-{cause}-{made.pk}",
            title="Ledger: it does not hold, all runs wait",
            text=sentence,
            to_do="Find out who changed the database. Runs go on when a compliance or security officer says so, with a reason.",
            now=now,
            public_url=public_url,
        )


def warn_of_silence(*, now: datetime, public_url: str) -> None:
    """Warn people when no checkpoint has reached the store for ten minutes (L6), once a silence."""
    silent = freezes.store_silent_since(now=now)
    if silent is not None and now - silent >= STORE_WARN_AFTER:
        _alarm(
            f"ledger-silent-{silent:%Y%m%d%H%M%S}",
            title="Ledger: checkpoints do not reach the store",
            text=f"The last one arrived at {silent:%Y-%m-%d %H:%M:%S} UTC.",
            to_do="Look at the store and at the workers' key. After 30 minutes runs of high risk and on PHI wait.",
            now=now,
            public_url=public_url,
        )


def _alarm(key: str, *, title: str, text: str, to_do: str, now: datetime, public_url: str) -> None:
    for person in alarmed_people():
        context = {
            "person_name": person.first_name,
            "title": title,
            "text": text,
            "to_do": to_do,
            "url": f"{public_url}/audit/",
        }
        notifications.queue_mail(
            template="ledger_alarm", to=person.email, context=context, dedup_key=key, now=now
        )


def checkpoint_now(
    *, signer: Callable[[], Signer], store: CheckpointStore, reason: str, now: datetime
) -> None:
    """Have the ledger signed as it stands, and kept in the store, before going on; what is away is logged and caught up later (L6).

    A fresh checkpoint that covers the newest entry already is as good as a new one, so that the doorbells of a run that waits
    leave no objects behind (S11).
    """
    try:
        if checkpoints.wanted(now=now):
            checkpoints.make(signer=signer(), reason=reason, now=now)
    except SigningFailed as trouble:
        logger.warning("checkpoint %s: %s", reason, trouble.sentence)
    checkpoints.store_waiting(store=store, now=now)


def is_production(*, run_id: int) -> bool:
    """Say whether the run is one on a production target: a checkpoint stands before and after each of them (L5)."""
    return MigrationRun.objects.filter(
        pk=run_id, target__environment=str(EnvironmentKind.PRODUCTION)
    ).exists()


def reasons_to_wait(*, run_id: int, now: datetime) -> list[str]:
    """Return why the run may not start now, nothing when it may."""
    run = MigrationRun.objects.select_related("revision").filter(pk=run_id).first()
    if run is None:
        return []
    return freezes.reasons_to_hold(level=run.revision.level, phi=run.revision.phi, now=now)


def may_lift(*, person: Person) -> bool:
    """Say whether `person` may let runs go on: who is alarmed may."""
    return bool(groups_of(person=person, roles=frozenset(ALARMED)))


def lift(*, freeze_id: int, by: Person, reason: str, now: datetime) -> bool:
    """Let runs go on; raise `NotAllowed`, `ReasonForLiftingMissing`."""
    if not may_lift(person=by):
        raise access.NotAllowed("Only a compliance or security officer lets runs go on.")
    return freezes.lift(freeze_id=freeze_id, by=by, reason=reason, now=now)


def held() -> list[Freeze]:
    """Return what holds all runs now."""
    return freezes.active()
