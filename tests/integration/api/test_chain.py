"""Signing, sending back, opening for changes, calling off and commenting by the API: the page's words, and never by a token alone."""

from datetime import UTC, datetime, timedelta

import pytest
from django.contrib.auth.hashers import make_password

from migrations_portal.accounts.models import Pace
from migrations_portal.approvals.models import Delegation, Seat
from migrations_portal.audit.models import Entry
from migrations_portal.plans.models import MigrationPlan
from tests.factories.chain import Story, mails
from tests.factories.plans import submitted, time_left
from tests.factories.proof import code, enrol
from tests.integration.api.caller import PASSWORD


@pytest.fixture
def told(cast, production):
    def tell(level: str = "LOW", *, phi: bool = False) -> Story:
        hashed = make_password(PASSWORD)
        for person in cast.values():
            person.password = hashed
            person.save()
        told = Story(cast, submitted(by=cast["ana"], target=production, level=level, phi=phi))
        time_left()
        return told

    return tell


def wish(seat, **more):
    return {
        "decision": "APPROVE", "reason": "Read it", "digest": seat.revision.digest, "password": PASSWORD, **more
    }  # fmt: skip


def address(seat):
    return f"/plans/{seat.revision.plan_id}/seats/{seat.pk}/decision/"


def test_dan_signs_with_his_password_and_the_plan_says_so(told, program):
    story = told()
    seat = story.seat("REVIEW", "DBA")
    dan = program("dan")
    listed = {each["id"] for each in dan.get(f"/plans/{story.plan.pk}/")["seats"]}

    plan = dan.post(address(seat), wish(seat))

    seat.refresh_from_db()
    assert (seat.decision, seat.factors) == ("APPROVE", "token and password")
    assert seat.pk in listed
    assert {each["state"] for each in plan["seats"] if each["id"] == seat.pk} == {"approved"}
    assert mails("sign_off_requested", to="sam")


@pytest.mark.parametrize(
    ("level", "phi"), [("LOW", False), ("HIGH", False), ("CRITICAL", False), ("LOW", True)]
)
def test_a_token_alone_never_signs(told, program, level, phi):
    story = told(level, phi=phi)
    seat = Seat.objects.filter(stage="REVIEW").select_related("revision").first()
    name = {"DBA": "dan", "CTO": "carla", "EXECUTIVE": "eve", "TECH_LEAD": "tess"}[seat.role]
    without = {key: value for key, value in wish(seat).items() if key != "password"}

    program(name).post(address(seat), without, status=400)
    refused = program(name).post(address(seat), wish(seat, password="guessed"), status=409)

    assert refused["type"] == "urn:wco:password-wrong"
    assert Entry.objects.filter(kind="SIGN_OFF_REFUSED", plan=story.plan.pk).count() == 1
    seat.refresh_from_db()
    assert not seat.decision


def test_who_has_a_second_factor_gives_its_code_which_is_good_once(told, program, cast):
    story = told("HIGH", phi=True)
    seat, dan = story.seat("REVIEW", "DBA"), program("dan")
    enrol(cast["dan"])

    refused = dan.post(address(seat), wish(seat), status=409)
    assert refused["type"] == "urn:wco:code-wrong"
    dan.post(address(seat), wish(seat, code=code(cast["dan"])))

    seat.refresh_from_db()
    assert seat.factors == "token, password and code"


def test_where_a_factor_is_required_nobody_signs_high_risk_without(told, program, settings):
    settings.REQUIRE_SECOND_FACTOR = True
    seat = told("HIGH").seat("REVIEW", "DBA")

    refused = program("dan").post(address(seat), wish(seat), status=409)

    assert refused["type"] == "urn:wco:second-factor-missing"


def test_duties_are_separate_here_too(told, program):
    story = told()
    seat = story.seat("REVIEW", "DBA")

    assert (
        program("ana").post(address(seat), wish(seat), status=403)["type"].endswith("not-allowed")
    )
    program("mallory").post(address(seat), wish(seat), status=404)
    dan = program("dan")
    later = story.seat("GO", "DBA")
    assert dan.post(address(later), wish(later), status=409)["type"].endswith("seat-not-open")
    stale = dan.post(address(seat), wish(seat, digest="0" * 64), status=409)
    assert stale["type"].endswith("revision-stale")
    dan.post(f"/plans/{story.plan.pk}/seats/999999/decision/", wish(seat), status=404)
    assert Entry.objects.filter(kind="SIGN_OFF_REFUSED").count() == 3


def test_guessing_is_slowed_down(told, program):
    seat = told().seat("REVIEW", "DBA")
    dan = program("dan")

    dan.post(address(seat), wish(seat, password="guessed"), status=409)
    Pace.objects.update(
        ends_at=datetime.now(UTC) + timedelta(hours=1)
    )  # however slow this machine is
    for _ in range(9):
        dan.post(address(seat), wish(seat, password="guessed"), status=409)
    dan.post(address(seat), wish(seat), status=429)

    seat.refresh_from_db()
    assert not seat.decision


def test_sending_back_opening_for_changes_and_calling_off(told, program):
    story = told()
    seat, ana = story.seat("REVIEW", "DBA"), program("ana")
    back = program("dan").post(address(seat), wish(seat, decision="REJECT"))
    assert back["status"] == "REJECTED"

    opened = ana.post(f"/plans/{story.plan.pk}/revise/", {"reason": "A change"})
    assert opened["status"] == "DRAFT"
    program("dan").post(f"/plans/{story.plan.pk}/revise/", {"reason": "Mine"}, status=409)
    refused = ana.post(f"/plans/{story.plan.pk}/cancel/", {"reason": "Enough"}, status=409)
    assert refused["detail"]


def test_an_approved_plan_is_called_off(told, program):
    story = told().to_approved()

    program("sam").post(f"/plans/{story.plan.pk}/cancel/", {"reason": "No"}, status=403)
    done = program("carla").post(f"/plans/{story.plan.pk}/cancel/", {"reason": "Not today"})

    assert done["status"] == "CANCELLED"


def test_a_comment_mentions_dan_and_voids_nothing(told, program):
    story = told()
    path = f"/plans/{story.plan.pk}/comments/"

    said = program("ana").post(path, {"text": "@dan have a look"}, status=201)

    assert (said["author"], said["text"]) == ("Ana Lopez", "@dan have a look")
    assert mails("mentioned", to="dan")
    assert story.status == "SUBMITTED"
    program("ana").post(path, {"text": "@nobody here"}, status=409)
    program("ana").post(path, {"text": ""}, status=400)
    program("mallory").post(path, {"text": "hello"}, status=404)


def test_a_plan_is_postponed_by_who_may_and_told_as_on_the_page(told, program):
    story = told()
    t0 = datetime.now(UTC) + timedelta(days=2)
    MigrationPlan.objects.update(scheduled_for=t0, planned_for=t0)
    later = (t0 + timedelta(days=2)).isoformat()
    path = f"/plans/{story.plan.pk}/postpone/"

    program("sam").post(path, {"to": later, "reason": "Payroll"}, status=403)
    program("dan").post(path, {"to": "soon", "reason": "Payroll"}, status=400)
    early = (t0 - timedelta(days=1)).isoformat()
    program("dan").post(path, {"to": early, "reason": "Payroll"}, status=409)
    done = program("dan").post(path, {"to": later, "reason": "Payroll"})

    assert datetime.fromisoformat(done["scheduled_for"]) == datetime.fromisoformat(later)
    assert mails("plan_decided", to="ana")
    assert Entry.objects.filter(kind="PLAN_POSTPONED").count() == 1
    program("mallory").post(path, {"to": later, "reason": "Payroll"}, status=404)


def test_an_emergency_is_declared_and_opens_nothing_before_a_second_person_confirms(told, program):
    story = told()
    ana = program("ana")
    ana.post(f"/plans/{story.plan.pk}/revise/", {"reason": "It burns"})
    soon = datetime.now(UTC) + timedelta(hours=2)
    MigrationPlan.objects.filter(pk=story.plan.pk).update(scheduled_for=soon)
    body = {
        "until": (soon + timedelta(hours=4)).isoformat(), "reason": "It burns", "password": PASSWORD,
    }  # fmt: skip
    path = f"/plans/{story.plan.pk}/emergency/"

    program("dan").post(path, body, status=409)
    ana.post(path, body | {"password": "guessed"}, status=409)
    assert MigrationPlan.objects.get(pk=story.plan.pk).status == "DRAFT"
    done = ana.post(path, body)

    assert done["status"] == "SUBMITTED"
    assert '"factors":"token and password"' in Entry.objects.get(kind="EMERGENCY_ASKED").canonical
    seats = Seat.objects.filter(revision__plan=story.plan, voided_at=None)
    assert seats.exists()
    assert not seats.filter(opened_at__isnull=False).exists()
    assert mails("emergency_asked", to="carla")


def delegation(**more):
    now = datetime.now(UTC)
    return {
        "group": "School health", "role": "DBA", "deputy": "tess@whitecross.example", "reason": "Leave", "password": PASSWORD,
        "starts_at": now.isoformat(), "ends_at": (now + timedelta(days=3)).isoformat(), **more,
    }  # fmt: skip


def test_dan_hands_his_role_on_with_his_password_and_takes_it_back(told, program):
    told()
    dan = program("dan")

    dan.post("/delegations/", delegation(password="guessed"), status=409)
    given = dan.post("/delegations/", delegation(), status=201)

    assert (given["giver"], given["deputy"]) == ("Dan Okafor", "Tess Lindqvist")
    assert mails("delegation_given", to="tess")
    assert [each["id"] for each in program("tess").get("/delegations/")] == [given["id"]]
    assert program("carla").get("/delegations/") == []
    program("tess").post(f"/delegations/{given['id']}/end/", {}, status=409)
    assert dan.post(f"/delegations/{given['id']}/end/", {})["ended_at"]
    assert dan.get("/delegations/") == []


@pytest.mark.parametrize(
    ("more", "status"),
    [
        ({"role": "CTO"}, 403), ({"deputy": "mallory@whitecross.example"}, 409), ({"deputy": "x@y.example"}, 409),
        ({"group": "Another"}, 409), ({"ends_at": "2040-01-01T00:00:00Z"}, 409), ({"role": "ENGINEER"}, 400),
    ],
)  # fmt: skip
def test_what_nobody_may_hand_on_is_refused(told, program, more, status):
    told()

    program("dan").post("/delegations/", delegation(**more), status=status)

    assert not Delegation.objects.exists()


def test_ana_has_a_seats_mail_sent_again(told, program):
    story = told()
    seat = story.seat("REVIEW", "DBA")
    path = f"/plans/{story.plan.pk}/seats/{seat.pk}/again/"

    program("ana").post(path)
    program("dan").post(path, status=403)
    program("ana").post(f"/plans/{story.plan.pk}/seats/999999/again/", status=404)

    assert len(mails("sign_off_requested", to="dan")) == 2
