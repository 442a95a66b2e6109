"""Inviting those who can fill a seat, by a link that is theirs alone; and taking links back."""

import hashlib
import secrets
from collections.abc import Sequence
from datetime import datetime

from migrations_portal.approvals import queries
from migrations_portal.approvals.models import Invitation, Seat
from migrations_portal.approvals.policy import TOKEN_LIFE
from migrations_portal.approvals.services import mails
from migrations_portal.approvals.services.moment import Moment
from migrations_portal.people.models import Person
from migrations_portal.plans.models import MigrationPlan


def invite(seats: Sequence[Seat], *, plan: MigrationPlan, at: Moment) -> list[Person]:
    """Invite everybody who can sign one of the seats and has no link to it yet; return those who are new.

    `queries.with_links` or `progress.read` put the people with a live link on the seats.
    """
    asked = [
        (seat, person)
        for seat in seats
        for person in queries.signers_of(seat, now=at.now)
        if person.pk not in seat.asked
    ]
    tokens = [secrets.token_urlsafe(32) for _ in asked]
    made = Invitation.objects.bulk_create(
        Invitation(
            seat=seat,
            person=person,
            token_hash=hashlib.sha256(token.encode()).hexdigest(),
            created_at=at.now,
            expires_at=_expiry(plan, now=at.now),
        )
        for (seat, person), token in zip(asked, tokens, strict=True)
    )
    for row, token in zip(made, tokens, strict=True):
        # No link lives past T-0 (A3): who is asked later is led to the page's own address, which says nothing to others.
        path = f"/s/{token}/" if row.expires_at > at.now else f"/sign-off/{row.seat_id}/"
        mails.ask_for_signature(
            row.seat, person=row.person, plan=plan, link=at.public_url + path, key=row.pk, at=at
        )
    return [person for _, person in asked]


def _expiry(plan: MigrationPlan, *, now: datetime) -> datetime:
    return min(now + TOKEN_LIFE, max(plan.scheduled_for or now, now))


def prolong(seats: list[Seat], *, plan: MigrationPlan) -> None:
    """Let the links of open seats live as long as the new T-0 allows."""
    for row in Invitation.objects.filter(seat__in=seats, revoked_at__isnull=True):
        row.expires_at = max(row.expires_at, _expiry(plan, now=row.created_at))
        row.save(update_fields=["expires_at"])


def revoke(*, now: datetime, **which: object) -> None:
    """Take back the links that `which` (a filter on invitations) names."""
    Invitation.objects.filter(revoked_at__isnull=True, **which).update(revoked_at=now)
