"""Passkeys as the services take them, answered by a device in software that signs for real."""

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection

from migrations_portal.accounts import enrolling, passkeys, proving, queries, services
from migrations_portal.accounts.models import Passkey, PasskeyChallenge, RecoveryCode
from migrations_portal.accounts.passkeys import Answer, site_of
from migrations_portal.accounts.rules import (
    CodeLocked,
    CodeWrong,
    LastFactor,
    PasskeyCopied,
    PasskeyLocked,
    PasskeyNotFound,
    PasskeyRefused,
    PasskeysUnavailable,
    PasswordWrong,
    ProofMissing,
)
from migrations_portal.audit.models import Entry
from migrations_portal.notifications.models import Notice
from migrations_portal.people import access
from migrations_portal.people.rules import Role
from tests.factories.authenticator import HERE, Authenticator, asked, give_passkey, stored
from tests.factories.proof import enrol

NOW = datetime(2026, 3, 2, 12, 0, 5, tzinfo=UTC)
KEY = "a key of the tests, long enough for it"
SEAT = "seat 7, revision ab12, approve"


def prove(person, text, *, bound_to=SEAT, now=NOW):
    answer = Answer(text=text, bound_to=bound_to, site=HERE)
    passkeys.prove(person=person, answer=answer, now=now)


def kinds():
    return list(
        Entry.objects.filter(kind__regex="^(FACTOR|PASSKEY)_")
        .order_by("seq")
        .values_list("kind", flat=True)
    )


def test_a_passkey_proves_who_its_person_is_and_a_challenge_is_good_once(cast):
    dan = cast["dan"]
    device, codes = give_passkey(dan, at=NOW)
    text = device.sign(asked(dan, bound_to=SEAT, now=NOW))

    prove(dan, text)

    row = stored(device)
    assert (row.name, row.sign_count, row.last_used_at) == ("Work laptop", 2, NOW)
    assert row.transports == ["internal"]
    assert len(set(codes)) == 10
    with pytest.raises(PasskeyRefused, match="not open any more"):
        prove(dan, text)
    assert kinds() == ["PASSKEY_ADDED", "PASSKEY_REFUSED"]
    assert Notice.objects.get(template="passkey_changed").recipient == dan.email


def test_the_question_names_our_host_the_persons_keys_and_wants_the_person_checked(cast):
    device, _ = give_passkey(cast["dan"], at=NOW)
    give_passkey(cast["tess"], at=NOW)

    told = asked(cast["dan"], bound_to=SEAT, now=NOW)

    assert (told["rpId"], told["userVerification"]) == ("localhost", "required")
    assert [each["id"] for each in told["allowCredentials"]] == [
        json.loads(device.sign(told))["id"]
    ]
    made = enrolling.begin(person=cast["dan"], bound_to="add", site=HERE, now=NOW)
    assert made["authenticatorSelection"]["userVerification"] == "required"
    assert [each["id"] for each in made["excludeCredentials"]] == [
        told["allowCredentials"][0]["id"]
    ]
    assert cast["dan"].email not in made["user"]["id"]


LIES = {
    "a page elsewhere": ({"origin": "https://whitecross-ops.example"}, "was not accepted"),
    "another host's passkey": ({"rp_id": "whitecross.example"}, "was not accepted"),
    "nobody checked": ({"verifies": False}, "was not accepted"),
    "a key that is not its own": ({"key": Authenticator().key}, "was not accepted"),
    "an unknown credential": ({"credential_id": b"x" * 32}, "not one of yours"),
}


@pytest.mark.parametrize("lie", LIES)
def test_what_is_not_as_it_should_be_is_refused_and_recorded(cast, lie):
    dan = cast["dan"]
    device, _ = give_passkey(dan, at=NOW)
    changed, sentence = LIES[lie]

    with pytest.raises(PasskeyRefused, match=sentence):
        prove(dan, replace(device, **changed).sign(asked(dan, bound_to=SEAT, now=NOW)))

    entry = Entry.objects.get(kind="PASSKEY_REFUSED")
    assert sentence in str(entry.canonical)
    assert stored(device).last_used_at is None
    assert not PasskeyChallenge.objects.filter(person=dan).exists()
    prove(dan, device.sign(asked(dan, bound_to=SEAT, now=NOW)))  # the device itself is still good


@pytest.mark.parametrize(
    "other",
    [
        "seat 8, revision ab12, approve",
        "seat 7, revision cd34, approve",
        "seat 7, revision ab12, reject",
    ],
)
def test_a_challenge_for_another_act_is_refused_and_spent(cast, other):
    dan = cast["dan"]
    device, _ = give_passkey(dan, at=NOW)
    text = device.sign(asked(dan, bound_to=other, now=NOW))

    with pytest.raises(PasskeyRefused, match="something else"):
        prove(dan, text)
    with pytest.raises(PasskeyRefused, match="not open any more"):
        prove(dan, text, bound_to=other)


def test_a_challenge_of_somebody_else_is_refused_and_stays_theirs(cast):
    dan, tess = cast["dan"], cast["tess"]
    device, _ = give_passkey(dan, at=NOW)
    hers, _ = give_passkey(tess, at=NOW)
    told = asked(tess, bound_to=SEAT, now=NOW)

    with pytest.raises(PasskeyRefused, match="not open any more"):
        prove(dan, device.sign(told))
    with pytest.raises(PasskeyRefused, match="not one of yours"):
        prove(dan, hers.sign(asked(dan, bound_to=SEAT, now=NOW)))
    prove(tess, hers.sign(told))


def test_a_challenge_waits_five_minutes_and_no_longer(cast):
    dan = cast["dan"]
    device, _ = give_passkey(dan, at=NOW)
    early, late = (asked(dan, bound_to=SEAT, now=NOW) for _ in range(2))

    prove(dan, device.sign(early), now=NOW + timedelta(minutes=4, seconds=59))
    with pytest.raises(PasskeyRefused, match="later than five minutes"):
        prove(dan, device.sign(late), now=NOW + timedelta(minutes=5))


def test_a_count_that_goes_back_is_refused_and_the_person_is_told(cast):
    dan = cast["dan"]
    device, _ = give_passkey(dan, at=NOW)
    copy = replace(device)
    prove(dan, device.sign(asked(dan, bound_to=SEAT, now=NOW)))

    with pytest.raises(PasskeyCopied, match="Work laptop"):
        prove(dan, copy.sign(asked(dan, bound_to=SEAT, now=NOW)))

    assert stored(device).sign_count == 2
    assert kinds() == ["PASSKEY_ADDED", "PASSKEY_REFUSED"]
    mail = Notice.objects.filter(template="passkey_changed").latest("pk")
    assert (mail.recipient, "as a copy does" in mail.context["sentence"]) == (dan.email, True)


def test_a_device_that_does_not_count_is_taken(cast):
    dan = cast["dan"]
    device, _ = give_passkey(dan, at=NOW)
    Passkey.objects.update(sign_count=0)

    for _ in range(2):
        device.count = -1
        prove(dan, device.sign(asked(dan, bound_to=SEAT, now=NOW)))

    assert stored(device).sign_count == 0


def test_five_refusals_lock_passkeys_and_not_the_codes(cast):
    dan = cast["dan"]
    device, codes = give_passkey(dan, at=NOW)
    liar = replace(device, verifies=False)

    for _ in range(5):
        with pytest.raises(PasskeyRefused, match="not accepted"):
            prove(dan, liar.sign(asked(dan, bound_to=SEAT, now=NOW)))
    with pytest.raises(PasskeyLocked, match="Wait ten minutes"):
        prove(dan, device.sign(asked(dan, bound_to=SEAT, now=NOW)))

    assert kinds() == ["PASSKEY_ADDED", *["PASSKEY_REFUSED"] * 5, "FACTOR_LOCKED"]
    assert services.prove(person=dan, code=codes[0], key=KEY, now=NOW) == "recovery code"


def test_a_good_answer_forgets_the_refusals_before_it(cast):
    dan = cast["dan"]
    device, _ = give_passkey(dan, at=NOW)
    for _ in range(2):
        for _ in range(4):
            with pytest.raises(PasskeyRefused):
                prove(dan, "{}")
        prove(dan, device.sign(asked(dan, bound_to=SEAT, now=NOW)))

    assert "FACTOR_LOCKED" not in kinds()


@pytest.mark.parametrize(
    "text",
    ["", "{}", "[]", "null", "{", "[" * 9_000, "x" * 20_000, '{"response": {"clientDataJSON": "e30"}}', '{"response": {"clientDataJSON": 7}}'],
)  # fmt: skip
def test_made_up_answers_are_refused(cast, text):
    give_passkey(cast["dan"], at=NOW)

    with pytest.raises(PasskeyRefused):
        prove(cast["dan"], text)


def test_a_removed_passkey_opens_nothing_and_the_last_one_stays_where_one_is_needed(cast):
    dan = cast["dan"]
    device, _ = give_passkey(dan, at=NOW)
    spare, none = give_passkey(dan, name="Key ring", at=NOW)
    told = asked(dan, bound_to=SEAT, now=NOW)
    remove = {"person": dan, "site": HERE, "now": NOW}

    enrolling.remove(passkey_id=stored(device).pk, required=True, **remove)

    assert none == []  # the codes of the first one are still there
    with pytest.raises(PasskeyRefused, match="was removed"):
        prove(dan, device.sign(told))
    with pytest.raises(LastFactor):
        enrolling.remove(passkey_id=stored(spare).pk, required=True, **remove)
    enrolling.remove(passkey_id=stored(spare).pk, required=False, **remove)
    assert not queries.held(person=dan)
    assert not RecoveryCode.objects.filter(person=dan).exists()
    assert Notice.objects.filter(template="passkey_changed", recipient=dan.email).count() == 4


def test_an_app_beside_it_lets_the_last_passkey_go_and_keeps_the_codes(cast):
    dan = cast["dan"]
    device, _ = give_passkey(dan, at=NOW)
    enrol(dan)

    enrolling.remove(person=dan, passkey_id=stored(device).pk, required=True, site=HERE, now=NOW)

    assert queries.held(person=dan)
    assert queries.codes_left(person=dan) == 10


def test_nobody_renames_or_removes_what_is_not_theirs(cast):
    device, _ = give_passkey(cast["dan"], at=NOW)
    pk = stored(device).pk

    with pytest.raises(PasskeyNotFound):
        enrolling.rename(person=cast["tess"], passkey_id=pk, name="Mine")
    with pytest.raises(PasskeyNotFound):
        enrolling.remove(person=cast["tess"], passkey_id=pk, required=False, site=HERE, now=NOW)
    enrolling.rename(person=cast["dan"], passkey_id=pk, name="  Ward   tablet ")

    assert stored(device).name == "Ward tablet"
    assert kinds()[-1] == "PASSKEY_RENAMED"


@pytest.mark.parametrize("changed", [{"origin": "https://evil.example"}, {"verifies": False}])
def test_a_new_passkey_is_refused_when_its_device_lies(cast, changed):
    dan = cast["dan"]
    told = enrolling.begin(person=dan, bound_to="add", site=HERE, now=NOW)
    answer = Answer(text=Authenticator(**changed).make(told), bound_to="add", site=HERE)

    for refusal in ("not accepted", "not open any more"):
        with pytest.raises(PasskeyRefused, match=refusal):
            enrolling.add(person=dan, answer=answer, name="x", now=NOW)

    assert kinds() == ["PASSKEY_REFUSED"] * 2


def test_an_answer_to_one_question_is_none_to_the_other(cast):
    """A new key never signs an act, and a signature never adds a key, though the same challenge is in both."""
    dan = cast["dan"]
    device, _ = give_passkey(dan, at=NOW)
    told = asked(dan, bound_to=SEAT, now=NOW)

    with pytest.raises(PasskeyRefused):
        prove(dan, device.make(told))
    told = enrolling.begin(person=dan, bound_to="add", site=HERE, now=NOW)
    answer = Answer(text=device.sign(told), bound_to="add", site=HERE)
    with pytest.raises(PasskeyRefused):
        enrolling.add(person=dan, answer=answer, name="x", now=NOW)


def test_with_passkeys_alone_a_code_is_a_recovery_code_and_wrong_ones_lock(cast):
    dan = cast["dan"]
    _, codes = give_passkey(dan, at=NOW)

    assert services.prove(person=dan, code=codes[0].lower(), key=KEY, now=NOW) == "recovery code"
    for _ in range(4):
        with pytest.raises(CodeWrong):
            services.prove(person=dan, code=codes[0], key=KEY, now=NOW)
    for _ in range(2):
        with pytest.raises(CodeLocked):
            services.prove(person=dan, code="0", key=KEY, now=NOW)
    with pytest.raises(CodeLocked):
        services.prove(person=dan, code=codes[1], key=KEY, now=NOW)


def test_a_passkey_stands_in_for_password_and_code_and_is_named_in_the_record(cast):
    dan = cast["dan"]
    dan.set_password("a long pass phrase")
    device, codes = give_passkey(dan, at=NOW)

    def said(**given):
        return proving.prove(
            proving.Given(**({"password": "", "code": ""} | given)),
            person=dan, held=queries.held(person=dan), required=True, key=KEY, now=NOW,
        )  # fmt: skip

    text = device.sign(asked(dan, bound_to=SEAT, now=NOW))
    assert said(answer=Answer(text=text, bound_to=SEAT, site=HERE)) == "session and passkey"
    with pytest.raises(ProofMissing):
        said()
    with pytest.raises(PasswordWrong):
        said(password="no", code=codes[0])
    both = said(password="a long pass phrase", code=codes[0])
    assert both == "session, password and recovery code"


def test_a_reset_takes_passkeys_and_codes_too(cast, group, adam):
    dan = cast["dan"]
    give_passkey(dan, at=NOW)
    access.grant(person=adam, role=Role.ADMINISTRATOR, group=group)

    services.reset(person=dan, by=adam, group=group, reason="Bag stolen")

    assert not queries.held(person=dan)
    assert not RecoveryCode.objects.exists()
    assert kinds()[-1] == "FACTOR_RESET"


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://ops.example.org", "https://ops.example.org"),
        ("https://ops.example.org:443/", "https://ops.example.org"),
        ("https://ops.example.org:8443", "https://ops.example.org:8443"),
        ("http://localhost:8000", "http://localhost:8000"),
        ("http://ops.example.org", None),
        ("http://127.0.0.1:8000", None),
        ("https://[::1]:8000", None),
    ],
)
def test_the_site_is_the_public_address_where_that_is_a_name(url, origin):
    found = site_of(url)

    assert (found.origin if found else None) == origin


def test_without_a_site_there_are_no_passkeys(cast):
    for call in (enrolling.begin, passkeys.ask):
        with pytest.raises(PasskeysUnavailable):
            call(person=cast["dan"], bound_to=SEAT, site=None, now=NOW)


@pytest.mark.django_db(transaction=True)
def test_one_answer_sent_many_times_at_once_is_taken_once(cast):
    dan = cast["dan"]
    device, _ = give_passkey(dan, at=NOW)
    Passkey.objects.update(sign_count=0)
    device.count = -1  # one that does not count, so that the challenge alone decides
    text = device.sign(asked(dan, bound_to=SEAT, now=NOW))

    def send(_number):
        try:
            prove(dan, text)
        except PasskeyRefused:
            return "refused"
        finally:
            connection.close()
        return "taken"

    with ThreadPoolExecutor(4) as many:
        said = list(many.map(send, range(4)))

    assert sorted(said) == ["refused"] * 3 + ["taken"]
