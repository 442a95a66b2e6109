"""A target's calendar as days with plain values: month, week, and the same as an agenda on a phone."""

from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from typing import Any

from django.urls import reverse

from migrations_portal.execution import bookings
from migrations_portal.execution.bookings import BookedPlan
from migrations_portal.targets.models import Target
from migrations_portal.windows import queries as windows
from migrations_portal.windows.calendar import TargetCalendar
from migrations_portal.windows.recurrence import Span
from migrations_portal.windows.rules import WINDOWS, PeriodKind

MARKS = {
    PeriodKind.BUSINESS_HOURS: "▽",
    PeriodKind.OFF_PEAK: "△",
    PeriodKind.MAINTENANCE: "▲",
    PeriodKind.DOWNTIME: "▲▲",
    PeriodKind.FREEZE: "❄",
}
ROUTINE = (MARKS[PeriodKind.BUSINESS_HOURS], MARKS[PeriodKind.OFF_PEAK])
"""Marks of windows that come every day: shown small, and left out where there is no room."""
_DAY = timedelta(days=1)
_SPECIAL = ("month", "week")


def days_of(view: str, *, on: date) -> list[date]:
    """Return the days that the view shows, whole weeks from Monday."""
    first = on if view == "week" else on.replace(day=1)
    first -= timedelta(days=first.weekday())
    if view == "week":
        return [first + _DAY * n for n in range(7)]
    last = (on.replace(day=28) + timedelta(days=4)).replace(day=1) - _DAY
    weeks = (last - first).days // 7 + 1
    return [first + _DAY * n for n in range(weeks * 7)]


def neighbours(view: str, *, on: date) -> tuple[date, date]:
    """Return the days by which the view before and the view after are asked for."""
    if view == "week":
        return on - timedelta(days=7), on + timedelta(days=7)
    return (on.replace(day=1) - _DAY).replace(day=1), (
        on.replace(day=28) + timedelta(days=4)
    ).replace(day=1)


def page(target: Target, *, view: str, on: date, now: datetime, keeper: bool) -> dict[str, Any]:
    """Return everything that the page says: four queries, however many days."""
    days = days_of(view, on=on)
    zone = target.zone
    since = datetime.combine(days[0], time(), tzinfo=zone)
    until = datetime.combine(days[-1] + _DAY, time(), tzinfo=zone)
    calendar = windows.calendar_of(target)
    booked = bookings.of_target(target, calendar=calendar, since=since, until=until)
    clashes = bookings.conflicts(booked)
    clashing = {plan for clash in clashes for plan in (clash.first.plan, clash.second.plan)}
    spans = list(_spans(calendar, since=since, until=until))
    always = _without_end(spans, since=since, until=until)
    spans = [each for each in spans if each[0] not in always]
    today = now.astimezone(zone).date()
    url = reverse("calendar", args=[target.pk])
    before, after = neighbours(view, on=on)
    return {
        "target": {"name": target.name, "zone": target.time_zone, "url": url},
        "view": view,
        "title": _title(view, days=days, on=on),
        "views": [
            {"label": each.title(), "url": f"{url}?view={each}&on={on}", "current": each == view}
            for each in _SPECIAL
        ],
        "previous_url": f"{url}?view={view}&on={before}",
        "today_url": f"{url}?view={view}&on={today}",
        "next_url": f"{url}?view={view}&on={after}",
        "weekdays": ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"],
        "days": [
            {
                "date": day,
                "label": f"{day:%A} {day.day} {day:%B}",
                "url": f"{url}?view=week&on={day}",
                "today": day == today,
                "outside": view == "month" and day.month != on.month,
                "focus": day == (today if today in days else days[0]),
                "frozen": [
                    name for name, span in spans if name.startswith("❄") and _on(span, day, zone)
                ],
                "windows": (open_then := _windows(spans, day, zone)),
                "quiet": all(each["routine"] for each in open_then),
                "plans": [
                    _plan(each, zone, clashing) for each in booked if _local(each, zone) == day
                ],
            }
            for day in days
        ],
        "clashes": [
            {
                "sentence": clash.sentence,
                "urls": [
                    {"label": each.number, "url": reverse("plan", args=[each.plan])}
                    for each in (clash.first, clash.second)
                ],
            }
            for clash in clashes
        ],
        "misfits": [
            {
                "number": each.plan.number,
                "url": reverse("plan", args=[each.plan.pk]),
                "sentence": f"{each.plan.number} stands at {calendar.said(each.booking.starts)}, where no fitting "
                "window is open any more. It will be postponed to the next one.",
            }
            for each in booked
            if not each.fits
        ],
        "always": list(always.values()),
        "legend": [{"mark": MARKS[kind], "title": kind.title} for kind in PeriodKind],
        "unlimited": calendar.unlimited,
        "periods_url": reverse("periods", args=[target.pk]),
        "keeper": keeper,
    }


def _title(view: str, *, days: list[date], on: date) -> str:
    if view == "month":
        return f"{on:%B %Y}"
    return f"{days[0].day} {days[0]:%b} to {days[-1].day} {days[-1]:%b %Y}"


def _spans(
    calendar: TargetCalendar, *, since: datetime, until: datetime
) -> Iterator[tuple[str, Span]]:
    for kind in (PeriodKind.FREEZE, *WINDOWS):
        for entry in calendar.entries:
            if entry.kind is kind:
                for span in entry.recurrence.spans(since=since, until=until):
                    yield f"{MARKS[kind]} {entry.name}", span


def _without_end(
    spans: list[tuple[str, Span]], *, since: datetime, until: datetime
) -> dict[str, str]:
    """Return the windows that are open through all the days shown: said once, they would hide everything else in each day."""
    reached: dict[str, datetime] = {}
    for name, span in sorted(spans, key=lambda each: each[1].starts):
        if not name.startswith("❄") and span.starts <= reached.get(name, since):
            reached[name] = max(reached.get(name, since), span.ends)
    return {name: name.partition(" ")[2] for name, ends in reached.items() if ends >= until}


def _bounds(day: date, zone: Any) -> tuple[datetime, datetime]:
    return datetime.combine(day, time(), tzinfo=zone), datetime.combine(
        day + _DAY, time(), tzinfo=zone
    )


def _on(span: Span, day: date, zone: Any) -> bool:
    begins, ends = _bounds(day, zone)
    return span.starts < ends and span.ends > begins


def _windows(spans: list[tuple[str, Span]], day: date, zone: Any) -> list[dict[str, Any]]:
    """Return the windows of a day with the clock of that day; what goes over midnight is cut to it."""
    begins, ends = _bounds(day, zone)
    found = []
    for name, span in spans:
        if name.startswith("❄") or not _on(span, day, zone):
            continue
        first = max(span.starts, begins).astimezone(zone)
        last = min(span.ends, ends).astimezone(zone)
        whole = first <= begins and last >= ends
        clock = (
            "all day"
            if whole
            else f"{first:%H:%M} to {'24:00' if last >= ends else f'{last:%H:%M}'}"
        )
        mark, _, said = name.partition(" ")
        found.append({"name": said, "mark": mark, "clock": clock, "routine": mark in ROUTINE})
    return found


def _local(each: BookedPlan, zone: Any) -> date:
    return each.booking.starts.astimezone(zone).date()


def _plan(each: BookedPlan, zone: Any, clashing: set[int]) -> dict[str, Any]:
    return {
        "number": each.plan.number,
        "title": each.plan.title,
        "url": reverse("plan", args=[each.plan.pk]),
        "clock": f"{each.booking.starts.astimezone(zone):%H:%M}",
        "level": each.level,
        "phi": each.phi,
        "status": each.plan.status,
        "clash": each.plan.pk in clashing,
        "misfit": not each.fits,
    }
