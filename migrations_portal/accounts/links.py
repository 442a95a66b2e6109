"""The link by which somebody chooses a password: asked for here, made when its mail is handed over, good once and for a day.

The outbox keeps whom it is for and never the link: whoever reads the database can choose nobody's password. The token is
Django's: an HMAC over the person, their password and their last sign-in, so that choosing a password, or signing in, spends it.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from django.conf import settings
from django.contrib.auth.tokens import PasswordResetTokenGenerator
from django.db import transaction
from django.utils.encoding import force_bytes
from django.utils.http import urlsafe_base64_decode, urlsafe_base64_encode

from migrations_portal.accounts.rules import LINKS_AT_MOST, LINKS_WITHIN, LinkNotGood
from migrations_portal.audit import services as audit
from migrations_portal.audit.rules import PORTAL, Draft, EntryKind
from migrations_portal.notifications import services as notifications
from migrations_portal.notifications.models import Notice
from migrations_portal.notifications.ports import DeliveryFailed
from migrations_portal.people.models import Person

TEMPLATE = "account_link"


class Why(StrEnum):
    """Why somebody gets a link; the mail says it."""

    INVITED = "invited"
    FORGOTTEN = "forgotten"


class _Tokens(PasswordResetTokenGenerator):
    """Django's tokens, by the clock that is passed in."""

    key_salt = "migrations_portal.accounts.links"

    def __init__(self, *, now: datetime) -> None:
        """Take the time now."""
        super().__init__()
        self._moment = now.astimezone(UTC).replace(tzinfo=None)

    def _now(self) -> datetime:
        return self._moment


def send(*, person: Person, why: Why, now: datetime, public_url: str, by: str = "") -> bool:
    """Put the mail with a link into the outbox; False when that address got as many as it may within the hour.

    `by` is who invites, for the mail. The caller's transaction holds it together with its ledger entry.
    """
    lately = Notice.objects.filter(
        template=TEMPLATE, recipient=person.email, created_at__gt=now - LINKS_WITHIN
    )
    if lately.count() >= LINKS_AT_MOST:
        return False
    notifications.queue_mail(
        template=TEMPLATE,
        to=person.email,
        context={
            "person_name": person.first_name,
            "person_id": person.pk,
            "why": str(why),
            "by": by,
            "hours": settings.PASSWORD_RESET_TIMEOUT // 3600,
            "public_url": public_url,
        },
        dedup_key=f"{TEMPLATE}-{person.pk}-{now.timestamp():.6f}",
        now=now,
    )
    return True


def forgotten(*, email: str, now: datetime, public_url: str) -> None:
    """Send a link to whoever has this address, if somebody does; nothing tells the asker whether that was so."""
    with transaction.atomic():
        person = (
            Person.objects.select_for_update()
            .filter(email__iexact=email.strip(), is_active=True)
            .first()
        )
        if person is None or not send(
            person=person, why=Why.FORGOTTEN, now=now, public_url=public_url
        ):
            return
        audit.append(
            Draft(
                kind=EntryKind.PASSWORD_LINK_ASKED,
                actor=PORTAL,
                sentence=f"Somebody asked for a new password for {person.full_name}; the link went to their address.",
                facts={"person": person.email},
            )
        )


def in_mail(notice: Notice, *, now: datetime) -> Mapping[str, Any]:
    """Return the link for a mail that is handed over now; nothing for other mails. Raises `DeliveryFailed`, for good."""
    if notice.template != TEMPLATE:
        return {}
    person = Person.objects.filter(pk=notice.context["person_id"], is_active=True).first()
    if person is None:
        raise DeliveryFailed("The person was deactivated meanwhile.", permanent=True)
    path = f"/password/{uid(person)}/{token(person, now=now)}/"
    return {"url": f"{notice.context['public_url']}{path}"}


def uid(person: Person) -> str:
    """Return the person's number as a link writes it."""
    return urlsafe_base64_encode(force_bytes(person.pk))


def token(person: Person, *, now: datetime) -> str:
    """Return a token that is good from now on for as long as the settings say."""
    return _Tokens(now=now).make_token(person)


def person_of(*, uid: str, token: str, now: datetime, lock: bool = False) -> Person:
    """Return whose link this is; raise `LinkNotGood`. Looking spends nothing. `lock` holds the row until the transaction ends."""
    rows = Person.objects.select_for_update() if lock else Person.objects.all()
    try:
        number = int(urlsafe_base64_decode(uid).decode())
    except ValueError:  # not base64, not UTF-8, or no number
        raise LinkNotGood from None
    person = rows.filter(pk=number, is_active=True).first() if number < 2**63 else None
    if person is None or not _Tokens(now=now).check_token(person, token):
        raise LinkNotGood
    return person
