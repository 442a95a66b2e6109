import re
from datetime import UTC, datetime, timedelta

import pytest
from django.conf import settings
from django.test import Client

from migrations_portal.accounts import queries, services
from migrations_portal.accounts.models import RecoveryCode, SecondFactor
from migrations_portal.accounts.rules import (
    CodeLocked,
    CodeWrong,
    FactorMissing,
    FactorPresent,
    code_at,
    step_at,
)
from migrations_portal.approvals.models import Seat
from migrations_portal.audit.models import Entry
from migrations_portal.kernel.errors import Refused
from migrations_portal.people import access
from migrations_portal.people.access import NotAllowed
from migrations_portal.people.rules import Role
from migrations_portal.web import shown
from tests.factories.plans import submitted, time_left

KEY = "a key of the tests, long enough for it"
NOW = datetime(2026, 3, 2, 12, 0, 5, tzinfo=UTC)
PASSWORD = "a long pass phrase"


def code(person, *, at=NOW, key=KEY):
    row = SecondFactor.objects.get(person=person)
    secret = services.unseal(row.sealed_secret, key=key)
    return code_at(secret=secret, step=step_at(at))


def enrolled(person, *, now=NOW, key=KEY):
    services.begin(person=person, key=key, now=now)
    return services.confirm(person=person, code=code(person, at=now, key=key), key=key, now=now)


def prove(person, typed, *, now=NOW):
    return services.prove(person=person, code=typed, key=KEY, now=now)


def kinds():
    return list(
        Entry.objects.filter(kind__startswith="FACTOR_")
        .order_by("seq")
        .values_list("kind", flat=True)
    )


def test_a_factor_counts_only_after_its_first_code(cast):
    dan = cast["dan"]
    services.begin(person=dan, key=KEY, now=NOW)
    assert queries.factor(person=dan) is None

    with pytest.raises(CodeWrong):
        services.confirm(person=dan, code="000", key=KEY, now=NOW)
    codes = services.confirm(person=dan, code=code(dan), key=KEY, now=NOW)

    assert queries.factor(person=dan) is not None
    assert len(set(codes)) == 10
    stored = set(RecoveryCode.objects.values_list("code_hash", flat=True))
    assert not stored & set(codes)
    assert kinds() == ["FACTOR_ENROLLED"]
    with pytest.raises(FactorPresent):
        services.begin(person=dan, key=KEY, now=NOW)


def test_a_code_is_good_once_and_so_is_a_recovery_code(cast):
    dan = cast["dan"]
    spare = enrolled(dan)[0]
    later = NOW + timedelta(minutes=1)

    with pytest.raises(CodeWrong):
        prove(dan, code(dan))  # the one that confirmed the factor
    assert prove(dan, code(dan, at=later), now=later) == "code"
    with pytest.raises(CodeWrong):
        prove(dan, code(dan, at=later), now=later)
    assert prove(dan, spare.lower(), now=later) == "recovery code"
    with pytest.raises(CodeWrong):
        prove(dan, spare, now=later)
    assert kinds() == ["FACTOR_ENROLLED", "FACTOR_RECOVERY_USED"]


def test_five_wrong_codes_lock_for_ten_minutes_even_the_right_one(cast):
    dan = cast["dan"]
    enrolled(dan)
    later = NOW + timedelta(minutes=1)

    for _ in range(4):
        with pytest.raises(CodeWrong):
            prove(dan, "000", now=later)
    with pytest.raises(CodeLocked, match="10 minutes"):
        prove(dan, "000", now=later)
    with pytest.raises(CodeLocked):
        prove(dan, code(dan, at=later), now=later)

    after = later + timedelta(minutes=10)
    assert prove(dan, code(dan, at=after), now=after) == "code"
    assert kinds() == ["FACTOR_ENROLLED", "FACTOR_LOCKED"]


def test_removing_takes_the_password_and_a_code(cast):
    dan = cast["dan"]
    client, (spare, other) = browser(dan), enrolled(dan, key=settings.FACTOR_KEY)[:2]
    url = "/account/factor/remove/"

    for password, typed in (("no", spare), (PASSWORD, "0"), ("", spare), (PASSWORD, "")):
        refused = client.post(url, {"password": password, "code": typed})
        assert (refused.status_code, bool(queries.factor(person=dan))) == (422, True)
    client.post(url, {"password": PASSWORD, "code": other})

    assert not queries.held(person=dan)
    assert not RecoveryCode.objects.exists()
    assert kinds()[-1] == "FACTOR_REMOVED"


def test_only_another_administrator_of_the_group_resets_with_a_reason(cast, group):
    dan, mallory = cast["dan"], cast["mallory"]
    enrolled(dan)

    def reset(by, reason="Phone lost"):
        services.reset(person=dan, by=by, group=group, reason=reason)

    with pytest.raises(NotAllowed):
        reset(cast["sam"])
    access.grant(person=mallory, role=Role.ADMINISTRATOR, group=group)
    with pytest.raises(Refused, match="Say why"):
        reset(mallory, reason=" ")
    with pytest.raises(Refused, match="their own"):
        services.reset(person=mallory, by=mallory, group=group, reason="x")
    reset(mallory)

    assert queries.factor(person=dan) is None
    assert kinds()[-1] == "FACTOR_RESET"
    with pytest.raises(FactorMissing):
        reset(mallory)


def browser(person):
    person.set_password(PASSWORD)
    person.save()
    client = Client()
    client.force_login(person, backend="django.contrib.auth.backends.ModelBackend")
    return client


def test_the_page_leads_from_nothing_to_ten_codes_and_away_again(cast):
    dan = cast["dan"]
    client = browser(dan)

    assert b"Set up an authenticator app" in client.get("/account/").content
    client.post("/account/factor/begin/")
    page = client.get("/account/")
    assert "no-store" in page["Cache-Control"]
    wrong = client.post("/account/factor/confirm/", {"code": "12"})
    assert wrong.status_code == 422
    right = {"code": code(dan, at=datetime.now(UTC), key=settings.FACTOR_KEY)}
    shown = client.post("/account/factor/confirm/", right).content.decode()
    codes = re.findall(r"<code>([A-Z2-7 ]{29})</code>", shown)
    assert len(codes) == 10
    again = client.get("/account/").content.decode()
    assert codes[0] not in again

    gone = client.post("/account/factor/remove/", {"password": PASSWORD, "code": codes[0]})
    assert gone.status_code == 302
    assert queries.factor(person=dan) is None


def test_a_seat_of_high_risk_takes_password_and_code_and_records_both(cast, production):
    dan = cast["dan"]
    submitted(by=cast["ana"], target=production)
    time_left()
    Seat.objects.update(due_at="2030-01-01T00:00Z")
    seat = Seat.objects.get(stage="REVIEW", role="DBA")
    client, spare = browser(dan), enrolled(dan, key=settings.FACTOR_KEY)[0]
    then = datetime.now(UTC) - timedelta(seconds=10)
    answer = {
        "shown": shown.written(seat_id=seat.pk, person_id=dan.pk, at=then),
        "reason": "Read it",
        "digest": seat.revision.digest,
        "decision": "APPROVE",
    }
    url = f"/sign-off/{seat.pk}/"

    for told in ({"password": PASSWORD}, {"password": PASSWORD, "code": "000"}, {"code": spare}):
        assert client.post(url, answer | told).status_code == 422
    assert client.post(url, answer | {"password": PASSWORD, "code": spare}).status_code == 302

    seat.refresh_from_db()
    assert seat.factors == "session, password and recovery code"


def test_where_a_factor_is_required_the_page_says_so_first(cast, production, settings):
    settings.REQUIRE_SECOND_FACTOR = True
    submitted(by=cast["ana"], target=production)
    time_left()
    seat = Seat.objects.get(stage="REVIEW", role="DBA")
    client, url = browser(cast["dan"]), f"/sign-off/{seat.pk}/"

    page = client.get(url).content.decode()
    answer = {"reason": "Read it", "digest": seat.revision.digest, "decision": "APPROVE"}
    refused = client.post(url, answer | {"password": PASSWORD})

    assert "Set up your second factor first" in page
    assert "/account/" in page
    assert refused.status_code == 422
    seat.refresh_from_db()
    assert not seat.decision
