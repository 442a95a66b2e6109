"""Asking a person's passkey, and taking its answer (WebAuthn): each question is for one act, answered once, within five minutes (A5).

A passkey that checked its person (fingerprint, face, PIN) is two factors in one, so it stands in for password and code (ADR 0015).
What is refused is in the ledger; after five refusals none is taken for ten minutes, as with wrong codes.
"""

import hashlib
import ipaddress
import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

import webauthn
from django.db import transaction
from webauthn.helpers import options_to_json_dict, parse_client_data_json
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AuthenticatorTransport,
    PublicKeyCredentialDescriptor,
    UserVerificationRequirement,
)

from migrations_portal.accounts import pace
from migrations_portal.accounts.models import Passkey, PasskeyChallenge
from migrations_portal.accounts.rules import (
    ASKED_AT_MOST,
    ASKED_WITHIN_SECONDS,
    CHALLENGE_LIVES,
    LOCKED_FOR,
    MOST_WRONG,
    PasskeyCopied,
    PasskeyLocked,
    PasskeyRefused,
    PasskeysUnavailable,
)
from migrations_portal.audit import services as audit
from migrations_portal.audit.rules import Draft, EntryKind
from migrations_portal.notifications import services as notifications
from migrations_portal.people.models import Person

LONGEST_ANSWER = 16_384
"""Characters. An answer of a real device has about a thousand."""
MALFORMED = (WebAuthnException, ValueError, KeyError, TypeError, AttributeError, RecursionError)
"""What reading a made-up answer raises."""


@dataclass(frozen=True)
class Site:
    """Where the portal is for browsers; passkeys are made for its host, and answer to no other."""

    origin: str

    @property
    def rp_id(self) -> str:
        """The host name, which a passkey is bound to."""
        return urlsplit(self.origin).hostname or ""


@dataclass(frozen=True)
class Answer:
    """What a browser sent back: JSON text; the act that it is for, in words that never repeat for another act; and where."""

    text: str
    bound_to: str
    site: Site | None


def site_of(public_url: str) -> Site | None:
    """Return the site of the portal's public address; None where browsers offer no passkeys: a bare IP, or plain http with a name."""
    parts = urlsplit(public_url)
    host = parts.hostname or ""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        if parts.scheme == "https" or host == "localhost":
            usual = {"https": 443, "http": 80}[parts.scheme]
            port = f":{parts.port}" if parts.port not in {None, usual} else ""
            return Site(f"{parts.scheme}://{host}{port}")
    return None


def check_site(site: Site | None) -> Site:
    """Return the site; raise `PasskeysUnavailable` without one."""
    if site is None:
        raise PasskeysUnavailable
    return site


def ask(*, person: Person, bound_to: str, site: Site | None, now: datetime) -> dict[str, Any]:
    """Return what the browser asks the person's passkeys (PublicKeyCredentialRequestOptionsJSON), for the act `bound_to`.

    Raises `PasskeysUnavailable`, `PasskeyLocked`, `PasskeyRefused` for somebody without passkeys.
    """
    at = check_site(site)
    keys = descriptors(person)
    if not keys:
        raise PasskeyRefused("You have no passkey any more. Give password and code.")
    options = webauthn.generate_authentication_options(
        rp_id=at.rp_id,
        challenge=new_challenge(person=person, bound_to=bound_to, now=now),
        timeout=int(CHALLENGE_LIVES.total_seconds() * 1000),
        allow_credentials=keys,
        user_verification=UserVerificationRequirement.REQUIRED,
    )
    return options_to_json_dict(options)


def descriptors(person: Person) -> list[PublicKeyCredentialDescriptor]:
    """Return the person's passkeys as browsers are told of them."""
    return [
        PublicKeyCredentialDescriptor(
            id=bytes(key.credential_id),
            transports=[AuthenticatorTransport(each) for each in key.transports],
        )
        for key in Passkey.objects.filter(person=person).order_by("pk")
    ]


def new_challenge(*, person: Person, bound_to: str, now: datetime) -> bytes:
    """Keep a new challenge for one act, and return it. Raises `PasskeyLocked` for who asks very often.

    Those of the person that nobody answered in time are thrown away with it.
    """
    asked = pace.count("passkey-asked", who=str(person.pk), seconds=ASKED_WITHIN_SECONDS)
    if asked > ASKED_AT_MOST:
        raise PasskeyLocked(
            "This was asked very often within a minute. Wait a minute, then try again."
        )
    PasskeyChallenge.objects.filter(person=person, expires_at__lte=now).delete()
    challenge = webauthn.helpers.generate_challenge()
    PasskeyChallenge.objects.create(
        person=person,
        challenge=challenge,
        bound_to=_hashed(bound_to),
        expires_at=now + CHALLENGE_LIVES,
    )
    return challenge


def _hashed(bound_to: str) -> str:
    return hashlib.sha256(bound_to.encode()).hexdigest()


def prove(*, person: Person, answer: Answer, now: datetime) -> None:
    """Take the answer of one of the person's passkeys, and spend the challenge, whatever comes of it.

    Raises `PasskeyRefused`, `PasskeyLocked`, `PasskeyCopied`. A refusal counts even when the caller's act is refused,
    so this must not be called inside a transaction that the refusal would undo.
    """
    check_site(answer.site)
    if refusal := _proved(person=person, answer=answer, now=now):
        raise refusal


@transaction.atomic(durable=True)
def _proved(*, person: Person, answer: Answer, now: datetime) -> PasskeyRefused | None:
    who = str(person.pk)
    tries = pace.count("passkey", who=who, seconds=int(LOCKED_FOR.total_seconds()))
    if tries > MOST_WRONG:
        return PasskeyLocked()
    try:
        key, count = _verified(person=person, answer=answer, now=now)
    except PasskeyRefused as refusal:
        record_refusal(person, refusal=refusal)
        if tries == MOST_WRONG:
            _record_lock(person)
        if isinstance(refusal, PasskeyCopied):
            tell(person, sentence=refusal.sentence, site=check_site(answer.site), now=now)
        return refusal
    Passkey.objects.filter(pk=key.pk).update(sign_count=count, last_used_at=now)
    pace.forget("passkey", who=who)
    return None


def _verified(*, person: Person, answer: Answer, now: datetime) -> tuple[Passkey, int]:
    """Return the passkey that answered, its row locked, and how often it was used by its own count.

    1. The challenge is one that this person got, for this act, and is spent. 2. The passkey is one of theirs.
    3. The signature holds, for our address, with the person checked. 4. The count has not gone back.
    """
    challenge = claim_challenge(person=person, answer=answer, now=now)
    key = _passkey(person=person, text=answer.text)
    site = check_site(answer.site)
    try:
        seen = webauthn.verify_authentication_response(
            credential=answer.text,
            expected_challenge=challenge,
            expected_rp_id=site.rp_id,
            expected_origin=site.origin,
            credential_public_key=bytes(key.public_key),
            credential_current_sign_count=0,  # looked at below, once the signature is known to hold
            require_user_verification=True,
        )
    except MALFORMED as problem:
        raise PasskeyRefused from problem
    if key.sign_count and seen.new_sign_count <= key.sign_count:
        raise PasskeyCopied(
            f"The passkey “{key.name}” counts fewer uses than it had, as a copy does. It was not accepted; remove it on "
            "your account page, and tell an administrator if you did not copy it."
        )
    return key, seen.new_sign_count


def claim_challenge(*, person: Person, answer: Answer, now: datetime) -> bytes:
    """Spend the challenge that was answered, and return it; raise `PasskeyRefused` when it is not one for this person and act."""
    try:
        if len(answer.text) > LONGEST_ANSWER:
            raise ValueError(f"{len(answer.text)} characters")
        told = json.loads(answer.text)["response"]["clientDataJSON"]
        data = parse_client_data_json(webauthn.base64url_to_bytes(told))
    except MALFORMED as problem:
        raise PasskeyRefused from problem
    row = PasskeyChallenge.objects.filter(person=person, challenge=data.challenge).first()
    if row is None or PasskeyChallenge.objects.filter(pk=row.pk).delete()[0] != 1:
        raise PasskeyRefused(
            "Your passkey answered a question that is not open any more. Nothing was done; press the button again."
        )
    if now >= row.expires_at:
        raise PasskeyRefused(
            "Your passkey answered later than five minutes. Nothing was done; press the button again."
        )
    if row.bound_to != _hashed(answer.bound_to):
        raise PasskeyRefused(
            "Your passkey confirmed something else than this. Nothing was done; look again, and press the button again."
        )
    return data.challenge


def _passkey(*, person: Person, text: str) -> Passkey:
    try:
        credential_id = webauthn.base64url_to_bytes(json.loads(text)["rawId"])
    except MALFORMED as problem:
        raise PasskeyRefused from problem
    rows = Passkey.objects.select_for_update().filter(person=person, credential_id=credential_id)
    if (found := rows.first()) is None:
        raise PasskeyRefused(
            "This passkey is not one of yours, or was removed. Nothing was done; use another one, or password and code."
        )
    return found


def record_refusal(person: Person, *, refusal: PasskeyRefused) -> None:
    """Write down that an answer was refused, and what about it was wrong."""
    _record(
        EntryKind.PASSKEY_REFUSED,
        person,
        said=f"A passkey's answer was refused to {person.full_name}: {refusal.sentence}",
        facts={"refusal": refusal.code, "cause": str(refusal.__cause__ or "")[:300]},
    )


def _record_lock(person: Person) -> None:
    _record(
        EntryKind.FACTOR_LOCKED,
        person,
        said=f"{MOST_WRONG} answers of passkeys were refused to {person.full_name}; none is taken for "
        f"{LOCKED_FOR.seconds // 60} minutes.",
        facts={},
    )


def _record(kind: EntryKind, person: Person, *, said: str, facts: dict[str, str]) -> None:
    audit.append(
        Draft(
            kind=kind,
            actor=audit.actor(person),
            sentence=said,
            result="refused",
            facts={"person": person.email, **facts},
        )
    )


def tell(person: Person, *, sentence: str, site: Site, now: datetime) -> None:
    """Write to the person what happened to their passkeys: they are the one who knows whether it was them."""
    notifications.queue_mail(
        template="passkey_changed",
        to=person.email,
        context={
            "person_name": person.first_name,
            "sentence": sentence,
            "url": f"{site.origin}/account/",
        },
        dedup_key=f"passkey-{person.pk}-{now.timestamp():.6f}-{_hashed(sentence)[:16]}",
        now=now,
    )
