"""Keeping windows and freezes, and the feed. Every change has its ledger entry in the same transaction."""

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from migrations_portal.audit import services as audit
from migrations_portal.audit.rules import Draft, EntryKind
from migrations_portal.people import access
from migrations_portal.people.models import Person
from migrations_portal.targets.models import Target
from migrations_portal.windows import queries, words
from migrations_portal.windows.ics import ImportedFreeze
from migrations_portal.windows.models import CalendarFeed, Period
from migrations_portal.windows.recurrence import normalised
from migrations_portal.windows.rules import KEEPERS, PeriodKind, check_period


@dataclass(frozen=True)
class PeriodFacts:
    """What a person enters for a window or a freeze."""

    kind: PeriodKind
    name: str
    starts: datetime
    """Wall clock of the target."""
    minutes: int
    rule: str


@dataclass(frozen=True)
class ImportOutcome:
    """What an import did."""

    added: int
    changed: int
    unchanged: int
    ended: int

    @property
    def sentence(self) -> str:
        """What the page says."""
        return (
            f"{self.added} freezes added, {self.changed} changed, {self.unchanged} unchanged, "
            f"{self.ended} taken out because the file no longer holds them."
        )


def _check_keeper(*, by: Person, target: Target) -> None:
    if not access.roles_in(person=by, group=target.group) & KEEPERS:
        names = " or ".join(sorted(role.title.lower() for role in KEEPERS))
        raise access.NotAllowed(f"Windows and freezes of {target} are kept by a {names}.")


def _entry(target: Target, *, by: Person, sentence: str, reason: str, **facts: object) -> Draft:
    return Draft(
        kind=EntryKind.WINDOW_CHANGED,
        actor=audit.actor(by),
        sentence=sentence,
        target=target.name,
        environment=target.environment.lower(),
        reason=reason,
        facts=facts,
    )


def _facts(row: Period) -> dict[str, object]:
    return {
        "kind": row.kind,
        "name": row.name,
        "starts": f"{row.starts:%Y-%m-%dT%H:%M}",
        "minutes": row.minutes,
        "rule": row.rule,
        "time_zone": row.time_zone,
    }


def _said(row: Period) -> str:
    return f"“{row.name}” ({PeriodKind(row.kind).title.lower()}, {words.sentence(row.rule)})"


@transaction.atomic
def add(*, target: Target, facts: PeriodFacts, by: Person, now: datetime) -> Period:
    """Add a window or a freeze. Raises `NotAllowed`, `PeriodRefused`."""
    _check_keeper(by=by, target=target)
    row = Period(target=target, time_zone=target.time_zone, created_by=by, created_at=now)
    _fill(row, facts)
    row.save()
    sentence = f"{by.full_name} added {_said(row)} to {target}."
    audit.append(
        _entry(target, by=by, sentence=sentence, reason="", period=row.pk, after=_facts(row))
    )
    return row


@transaction.atomic
def change(*, period_id: int, facts: PeriodFacts, by: Person, reason: str) -> Period:
    """Change a window or a freeze. Plans that no longer fit are postponed when their time comes; the calendar shows them before."""
    row = _locked(period_id, by=by)
    before = _facts(row)
    _fill(row, facts)
    row.save()
    sentence = f"{by.full_name} changed {_said(row)} of {row.target}."
    audit.append(
        _entry(
            row.target,
            by=by,
            sentence=sentence,
            reason=reason,
            period=row.pk,
            before=before,
            after=_facts(row),
        )
    )
    return row


@transaction.atomic
def end(*, period_id: int, by: Person, reason: str, now: datetime) -> Period:
    """Take a window or a freeze out of the calendar."""
    row = _locked(period_id, by=by)
    row.ended_at, row.ended_by = now, by
    row.save(update_fields=["ended_at", "ended_by"])
    sentence = f"{by.full_name} took {_said(row)} out of the calendar of {row.target}."
    audit.append(
        _entry(
            row.target, by=by, sentence=sentence, reason=reason, period=row.pk, before=_facts(row)
        )
    )
    return row


def _locked(period_id: int, *, by: Person) -> Period:
    queries.get(period_id=period_id, person=by)
    return (
        Period.objects.select_for_update(of=("self",))
        .select_related("target__group")
        .get(pk=period_id)
    )


def _fill(row: Period, facts: PeriodFacts) -> None:
    check_period(kind=facts.kind, name=facts.name, minutes=facts.minutes)
    row.kind, row.name, row.minutes = str(facts.kind), facts.name.strip()[:120], facts.minutes
    row.first_day, row.first_time = facts.starts.date(), facts.starts.time()
    row.rule = normalised(facts.rule, starts=facts.starts, zone=row.recurrence.zone)


@transaction.atomic
def import_freezes(
    *, target: Target, events: Sequence[ImportedFreeze], by: Person, now: datetime
) -> ImportOutcome:
    """Make the imported freezes of the target equal to the file's; what was entered by hand is left alone."""
    _check_keeper(by=by, target=target)
    kept = {
        row.uid: row
        for row in Period.objects.select_for_update()
        .filter(target=target, ended_at__isnull=True)
        .exclude(uid="")
    }
    added = changed = 0
    for event in events:
        row = kept.pop(event.uid, None)
        before = None if row is None else (_facts(row), list(row.without))
        row = row or Period(target=target, uid=event.uid, created_by=by, created_at=now)
        _take(row, event)
        if before != (_facts(row), list(row.without)):
            row.save()
            added, changed = (added + 1, changed) if before is None else (added, changed + 1)
    ended = Period.objects.filter(pk__in=[row.pk for row in kept.values()]).update(
        ended_at=now, ended_by=by
    )
    outcome = ImportOutcome(added, changed, len(events) - added - changed, ended)
    sentence = f"{by.full_name} imported a freeze calendar for {target}: {outcome.sentence}"
    audit.append(_entry(target, by=by, sentence=sentence, reason="", **vars(outcome)))
    return outcome


def _take(row: Period, event: ImportedFreeze) -> None:
    row.kind, row.name, row.minutes = str(PeriodKind.FREEZE), event.name, event.minutes
    row.first_day, row.first_time = event.starts.date(), event.starts.time()
    row.rule, row.time_zone = event.rule, event.time_zone
    row.without = [f"{each:%Y-%m-%dT%H:%M:%S}" for each in event.without]


@transaction.atomic
def issue_feed(*, by: Person, now: datetime) -> str:
    """Give the person a new feed address and return its token, shown this once; an older one stops working."""
    CalendarFeed.objects.filter(person=by, revoked_at__isnull=True).update(revoked_at=now)
    token = secrets.token_urlsafe(32)
    CalendarFeed.objects.create(
        person=by, token_hash=hashlib.sha256(token.encode()).hexdigest(), created_at=now
    )
    sentence = f"{by.full_name} made an address for the calendar feed."
    audit.append(Draft(kind=EntryKind.TOKEN_ISSUED, actor=audit.actor(by), sentence=sentence))
    return token


@transaction.atomic
def revoke_feed(*, by: Person, now: datetime) -> bool:
    """Stop the person's feed; return whether there was one."""
    ended = CalendarFeed.objects.filter(person=by, revoked_at__isnull=True).update(revoked_at=now)
    if ended:
        sentence = f"{by.full_name} revoked the address of the calendar feed."
        audit.append(Draft(kind=EntryKind.TOKEN_REVOKED, actor=audit.actor(by), sentence=sentence))
    return bool(ended)
