"""Windows and freezes are kept by the few who may, with a ledger entry for each change; the feed tells what its owner may see."""

from datetime import UTC, datetime, time

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import IntegrityError, transaction
from django.test import Client
from icalendar import Calendar

from migrations_portal.audit.models import Entry
from migrations_portal.people import access
from migrations_portal.people.rules import Role
from migrations_portal.windows.models import CalendarFeed, Period
from migrations_portal.windows.rules import PeriodKind
from tests.factories.plans import submitted
from tests.factories.windows import period

FREEZE = {
    "kind": "FREEZE",
    "name": "Year end",
    "begins": "2026-12-20T00:00",
    "ends": "2027-01-04T00:00",
    "repeats": "YEARLY",
    "reason": "Term reports are written",
}


def ics(*events):
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//t//EN"]
    for uid, day in events:
        lines += [
            "BEGIN:VEVENT",
            f"UID:{uid}",
            "SUMMARY:Exams",
            f"DTSTART;VALUE=DATE:{day}",
            "END:VEVENT",
        ]
    content = "\r\n".join([*lines, "END:VCALENDAR", ""]).encode()
    return SimpleUploadedFile("freezes.ics", content, content_type="text/calendar")


def test_dan_adds_changes_and_takes_out_a_freeze_and_the_ledger_says_so(browser, cast, production):
    dan, url = browser("dan"), f"/calendar/{production.pk}/windows/"

    assert dan.post(f"{url}new/", FREEZE).status_code == 302
    row = Period.objects.get(kind="FREEZE")
    assert (row.minutes, row.rule) == (15 * 1440, "FREQ=YEARLY")
    assert "Year end" in dan.get(url).content.decode()
    changed = {**FREEZE, "ends": "2027-01-05T00:00"}
    assert dan.post(f"/calendar/windows/{row.pk}/", changed).status_code == 302
    assert dan.post(f"/calendar/windows/{row.pk}/end/", {"reason": "over"}).status_code == 302

    said = [e.canonical for e in Entry.objects.filter(kind="WINDOW_CHANGED").order_by("seq")]
    assert ["added" in said[0], "changed" in said[1], "took" in said[2]] == [True] * 3
    assert "Term reports are written" in said[1]
    assert Period.objects.get(pk=row.pk).ended_by == cast["dan"]
    dan.get(url)  # takes the message off
    assert "Year end" not in dan.get(url).content.decode()


@pytest.mark.parametrize("name", ["ana", "tess", "cleo"])
def test_others_see_the_windows_and_may_not_change_them(browser, production, name):
    somebody, row = browser(name), Period.objects.filter(target=production).first()

    page = somebody.get(f"/calendar/{production.pk}/windows/")

    assert "Business hours" in page.content.decode()
    assert "Take out" not in page.content.decode()
    assert somebody.post(f"/calendar/{production.pk}/windows/new/", FREEZE).status_code == 403
    assert somebody.post(f"/calendar/windows/{row.pk}/end/").status_code == 404
    assert (
        somebody.post(
            f"/calendar/{production.pk}/windows/import/", {"calendar": ics(("1", "20261224"))}
        ).status_code
        == 403
    )
    assert not Period.objects.filter(kind="FREEZE").exists()


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"ends": "2026-12-19T00:00"}, "ends before it begins"),
        ({"ends": "2030-12-19T00:00"}, "at most 366 days"),
        ({"kind": "DOWNTIME"}, "at most 7 days"),
        ({"name": ""}, "Give it a name"),
        ({"begins": "soon"}, "Write a date and a time"),
        ({"repeats": "DAILY", "until": "2026-01-01"}, "never happens"),
        ({"kind": "HOLIDAY"}, "not one of the available choices"),
        ({"repeats": "HOURLY"}, "not one of the available choices"),
    ],
)
def test_what_cannot_be_is_said_beside_the_form_and_nothing_is_lost(
    browser, production, wrong, says
):
    page = browser("dan").post(f"/calendar/{production.pk}/windows/new/", {**FREEZE, **wrong})

    assert page.status_code == 422
    assert says in page.content.decode()
    assert "Term reports are written" in page.content.decode()


def test_an_import_makes_the_imported_freezes_equal_to_the_file(browser, production):
    dan, url = browser("dan"), f"/calendar/{production.pk}/windows/import/"
    by_hand = period(production, PeriodKind.FREEZE, day=datetime(2026, 5, 1, tzinfo=UTC).date())

    dan.post(url, {"calendar": ics(("a", "20261224"), ("b", "20261225"))})
    again = dan.post(url, {"calendar": ics(("b", "20261225"), ("c", "20261226"))}, follow=True)

    assert "1 freezes added, 0 changed, 1 unchanged, 1 taken out" in again.content.decode()
    kept = Period.objects.filter(kind="FREEZE", ended_at__isnull=True)
    assert sorted(kept.values_list("uid", flat=True)) == ["", "b", "c"]
    assert by_hand in kept


@pytest.mark.parametrize("content", [b"", b"no calendar", b"\xff\xfe"])
def test_a_bad_file_changes_nothing(browser, production, content):
    dan, url = browser("dan"), f"/calendar/{production.pk}/windows/import/"
    dan.post(url, {"calendar": ics(("a", "20261224"))})

    page = dan.post(url, {"calendar": SimpleUploadedFile("x.ics", content)})

    assert page.status_code == 422
    assert Period.objects.filter(kind="FREEZE", ended_at__isnull=True).count() == 1
    assert browser("dan").post(url).status_code == 422


def feed_of(browser, name):
    page = browser(name).post("/calendar/feed/").content.decode()
    return "/calendar/feed/" + page.split("/calendar/feed/")[1].split(".ics")[0] + ".ics"


def test_the_feed_tells_windows_and_plans_without_titles_to_whoever_has_the_address(
    browser, cast, production
):
    plan = submitted(by=cast["ana"], target=production)
    plan.scheduled_for = plan.planned_for = datetime.now(UTC)
    plan.save()
    url = feed_of(browser, "dan")

    answer = Client().get(url)

    found = [str(e["SUMMARY"]) for e in Calendar.from_ical(answer.content.decode()).walk("VEVENT")]
    assert f"production: {plan.number}, high risk, submitted" in found
    assert any("Business hours" in each for each in found)
    assert plan.title not in answer.content.decode()
    assert answer["Content-Type"].startswith("text/calendar")
    assert not CalendarFeed.objects.filter(token_hash=url[-47:-4]).exists()


def test_the_feed_ends_with_its_address_its_role_and_its_owner(browser, cast, production, group):
    first = feed_of(browser, "dan")
    second = feed_of(browser, "dan")
    assert Client().get(first).status_code == 404
    assert Client().get(second).status_code == 200

    access.revoke(person=cast["dan"], role=Role.DBA, group=group)
    assert b"VEVENT" not in Client().get(second).content
    cast["dan"].is_active = False
    cast["dan"].save()
    assert Client().get(second).status_code == 404
    cast["dan"].is_active = True
    cast["dan"].save()
    browser("dan").post("/calendar/feed/revoke/")
    assert Client().get(second).status_code == 404
    assert Client().get("/calendar/feed/guess.ics").status_code == 404


def test_the_database_keeps_what_a_period_must_be(production):
    row = Period.objects.filter(target=production).first()

    for wrong in ({"kind": "HOLIDAY"}, {"minutes": 0}, {"ended_at": datetime.now(UTC)}):
        with pytest.raises(IntegrityError), transaction.atomic():
            Period.objects.filter(pk=row.pk).update(**wrong)


def test_the_calendar_shows_windows_freezes_plans_and_conflicts(browser, cast, production):
    one = submitted(by=cast["ana"], target=production)
    two = submitted(by=cast["ana"], target=production)
    day = one.scheduled_for.astimezone(production.zone).date()
    period(production, PeriodKind.FREEZE, day=day.replace(day=28), minutes=1440, name="Exams")

    for view in ("month", "week"):
        page = (
            browser("dan").get(f"/calendar/{production.pk}/?view={view}&on={day}").content.decode()
        )
        assert f"{one.number} and {two.number} run at the same time" in page
        assert "in conflict" in page
    assert "Exams" in browser("dan").get(f"/calendar/{production.pk}/?on={day}").content.decode()


def test_a_plan_that_lost_its_window_is_marked(browser, cast, production):
    plan = submitted(by=cast["ana"], target=production)
    day = plan.scheduled_for.astimezone(production.zone).date()
    period(production, PeriodKind.FREEZE, day=day, minutes=1440, name="Exams")

    page = browser("dan").get(f"/calendar/{production.pk}/?view=week&on={day}").content.decode()

    assert "Outside its window" in page


@pytest.mark.parametrize("asked", ["x", "9999-99-99", "0001-01-01", "9999-12-31", "%00"])
def test_a_day_that_is_none_shows_today(browser, production, asked):
    assert browser("dan").get(f"/calendar/{production.pk}/?on={asked}").status_code == 200


def test_whoever_has_no_role_sees_no_calendar(browser, production):
    assert browser("mallory").get(f"/calendar/{production.pk}/").status_code == 404
    assert "No calendar to show" in browser("mallory").get("/calendar/").content.decode()


def test_windows_that_never_close_are_said_once_and_others_each_day(cast, production, browser):
    period(
        production, PeriodKind.OFF_PEAK, at=time(22), minutes=480, rule="FREQ=DAILY", name="Nights"
    )

    page = browser("dan").get(f"/calendar/{production.pk}/?view=week").content.decode()

    assert "Open around the clock: Business hours, Off-peak hours," in page
    assert "all day" not in page
    assert (
        page.count("Nights") == 14
    )  # each day has the end of one night and the beginning of the next
