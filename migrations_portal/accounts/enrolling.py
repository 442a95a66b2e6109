"""A person's passkeys: adding, renaming, removing; each act in the ledger, and told to the person by mail."""

from datetime import datetime
from typing import Any

import webauthn
from django.db import transaction
from django.utils.crypto import salted_hmac
from webauthn.helpers import options_to_json_dict, parse_registration_credential_json
from webauthn.helpers.structs import (
    AuthenticatorSelectionCriteria,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from migrations_portal.accounts import passkeys, queries, recovery
from migrations_portal.accounts.models import Passkey
from migrations_portal.accounts.passkeys import MALFORMED, Answer, Site
from migrations_portal.accounts.rules import (
    CHALLENGE_LIVES,
    PASSKEYS_AT_MOST,
    LastFactor,
    PasskeyNotFound,
    PasskeyRefused,
    TooManyPasskeys,
)
from migrations_portal.audit import services as audit
from migrations_portal.audit.rules import Draft, EntryKind
from migrations_portal.people.models import Person

NAME = "White Cross Ops"
LONGEST_NAME = 60


def begin(*, person: Person, bound_to: str, site: Site | None, now: datetime) -> dict[str, Any]:
    """Return what the browser makes a new passkey from (PublicKeyCredentialCreationOptionsJSON).

    Raises `PasskeysUnavailable`, `TooManyPasskeys`, `PasskeyLocked`.
    """
    at = passkeys.check_site(site)
    there = passkeys.descriptors(person)
    if len(there) >= PASSKEYS_AT_MOST:
        raise TooManyPasskeys
    options = webauthn.generate_registration_options(
        rp_id=at.rp_id,
        rp_name=NAME,
        user_id=_handle(person),
        user_name=person.email,
        user_display_name=person.full_name,
        challenge=passkeys.new_challenge(person=person, bound_to=bound_to, now=now),
        timeout=int(CHALLENGE_LIVES.total_seconds() * 1000),
        exclude_credentials=there,
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.PREFERRED,
            user_verification=UserVerificationRequirement.REQUIRED,
        ),
    )
    return options_to_json_dict(options)


def _handle(person: Person) -> bytes:
    """Return what devices know the person by; it says nothing of them, and is the same for all their passkeys."""
    return salted_hmac("passkey", str(person.pk), algorithm="sha256").digest()


def add(*, person: Person, answer: Answer, name: str, now: datetime) -> list[str]:
    """Keep the passkey that the person's device has made; return new recovery codes when they have none left.

    Raises `PasskeysUnavailable`, `PasskeyRefused`.
    """
    site = passkeys.check_site(answer.site)
    try:
        challenge = passkeys.claim_challenge(person=person, answer=answer, now=now)
        made = _verified(answer, challenge=challenge, site=site)
    except PasskeyRefused as refusal:
        passkeys.record_refusal(person, refusal=refusal)
        raise
    given = " ".join(name.split())[:LONGEST_NAME] or "Passkey"
    with transaction.atomic():
        Person.objects.select_for_update().get(pk=person.pk)
        if Passkey.objects.filter(credential_id=made.credential_id).exists():
            raise PasskeyRefused("This passkey is known already. Nothing was added.")
        Passkey.objects.create(person=person, name=given, created_at=now, **_columns(made, answer))
        _record(EntryKind.PASSKEY_ADDED, by=person, said=f"added the passkey “{given}”")
        passkeys.tell(
            person, sentence=f"The passkey “{given}” was added to your account.", site=site, now=now
        )
        if queries.codes_left(person=person):
            return []
        return recovery.renew(person=person)


def _verified(answer: Answer, *, challenge: bytes, site: Site) -> Any:
    try:
        return webauthn.verify_registration_response(
            credential=answer.text,
            expected_challenge=challenge,
            expected_rp_id=site.rp_id,
            expected_origin=site.origin,
            require_user_verification=True,
        )
    except MALFORMED as problem:
        raise PasskeyRefused(
            "This device's answer was not accepted. Nothing was added; try again, or use another device."
        ) from problem


def _columns(made: Any, answer: Answer) -> dict[str, Any]:
    told = parse_registration_credential_json(answer.text).response.transports or []
    return {
        "credential_id": made.credential_id,
        "public_key": made.credential_public_key,
        "sign_count": made.sign_count,
        "transports": sorted({each.value for each in told}),
    }


@transaction.atomic
def rename(*, person: Person, passkey_id: int, name: str) -> None:
    """Give a passkey another name. Raises `PasskeyNotFound`."""
    row, given = _own(person, passkey_id), " ".join(name.split())[:LONGEST_NAME]
    if not given or given == row.name:
        return
    Passkey.objects.filter(pk=row.pk).update(name=given)
    said = f"renamed the passkey “{row.name}” to “{given}”"
    _record(EntryKind.PASSKEY_RENAMED, by=person, said=said)


@transaction.atomic
def remove(
    *, person: Person, passkey_id: int, required: bool, site: Site | None, now: datetime
) -> None:
    """Take one passkey away; the door has had the person prove who they are. `required`: nobody may be without a second factor.

    Raises `PasskeyNotFound`, `LastFactor`.
    """
    Person.objects.select_for_update().get(pk=person.pk)
    row = _own(person, passkey_id)
    others = Passkey.objects.filter(person=person).exclude(pk=row.pk).exists()
    last = not others and queries.factor(person=person) is None
    if last and required:
        raise LastFactor
    row.delete()
    if last:
        recovery.forget(person=person)
    _record(EntryKind.PASSKEY_REMOVED, by=person, said=f"removed the passkey “{row.name}”")
    if site:
        sentence = f"The passkey “{row.name}” was removed from your account."
        passkeys.tell(person, sentence=sentence, site=site, now=now)


def _own(person: Person, passkey_id: int) -> Passkey:
    row = Passkey.objects.filter(person=person, pk=passkey_id).first()
    if row is None:
        raise PasskeyNotFound
    return row


def _record(kind: EntryKind, *, by: Person, said: str) -> None:
    audit.append(
        Draft(
            kind=kind,
            actor=audit.actor(by),
            sentence=f"{by.full_name} {said}.",
            facts={"person": by.email},
        )
    )
