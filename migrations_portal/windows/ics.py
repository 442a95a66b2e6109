"""Calendar files (RFC 5545): reading a freeze calendar, and writing the feed."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from icalendar import Calendar, Event
from icalendar.error import InvalidCalendar

from migrations_portal.windows.recurrence import normalised
from migrations_portal.windows.rules import (
    CalendarRefused,
    PeriodKind,
    PeriodRefused,
    check_period,
)

MAX_BYTES = 1024 * 1024
MAX_EVENTS = 500
_MINUTE = timedelta(minutes=1)
_PRODUCT = "-//White Cross Ops//Calendar//EN"


@dataclass(frozen=True)
class ImportedFreeze:
    """One event of a freeze calendar, as a period of ours."""

    uid: str
    name: str
    starts: datetime
    """Wall clock in `time_zone`."""
    minutes: int
    rule: str
    without: tuple[datetime, ...]
    time_zone: str


@dataclass(frozen=True)
class FeedEvent:
    """One thing that the feed tells."""

    uid: str
    starts: datetime
    ends: datetime
    summary: str
    description: str = ""
    url: str = ""


def read_freezes(content: bytes, *, zone: ZoneInfo) -> list[ImportedFreeze]:
    """Return the events of a calendar file; raise `CalendarRefused`, naming every event that cannot be kept, and then keep none.

    Times without a zone, and whole days, are meant in `zone`, the target's. An event that replaces one occurrence of a
    recurring one (RECURRENCE-ID) becomes a freeze of its own, and the occurrence is left out.
    """
    events = _events(content)
    problems: list[str] = []
    found: list[ImportedFreeze] = []
    moved = _moved(events, zone)
    for number, event in enumerate(events, start=1):
        if str(event.get("STATUS", "")).upper() == "CANCELLED":
            continue
        try:
            found.append(_freeze(event, zone=zone, moved=moved))
        except PeriodRefused as refusal:
            problems.append(f"Event {number} ({_name(event) or 'no name'}): {refusal.sentence}")
    uids = [each.uid for each in found]
    problems += [
        f"Two events have the UID {uid}." for uid in sorted({u for u in uids if uids.count(u) > 1})
    ]
    if problems:
        raise CalendarRefused(problems)
    return found


def _events(content: bytes) -> list[Event]:
    if len(content) > MAX_BYTES:
        raise CalendarRefused(["The file is larger than 1 MiB. Export only the freezes."])
    try:
        whole = Calendar.from_ical(content.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise CalendarRefused(
            ["The file is not UTF-8 text. Export it as iCalendar (.ics)."]
        ) from None
    except (ValueError, IndexError, KeyError, InvalidCalendar):
        raise CalendarRefused(
            ["The file is no calendar. Export it as iCalendar (.ics) and choose that file."]
        ) from None
    events = [each for each in whole.walk("VEVENT") if isinstance(each, Event)]
    if not events:
        raise CalendarRefused(["The calendar holds no events."])
    if len(events) > MAX_EVENTS:
        raise CalendarRefused(
            [f"The calendar holds more than {MAX_EVENTS} events. Export only the freezes."]
        )
    return events


def _name(event: Event) -> str:
    return str(event.get("SUMMARY", "")).strip()[:120]


def _uid(event: Event) -> str:
    uid = str(event.get("UID", "")).strip()[:200]
    if not uid:
        raise PeriodRefused("It has no UID, so a later import could not find it again.")
    return uid


def _moved(events: Iterable[Event], zone: ZoneInfo) -> dict[str, list[datetime]]:
    """Return UID → the wall-clock starts that other events replace."""
    found: dict[str, list[datetime]] = {}
    for event in events:
        instead = event.get("RECURRENCE-ID")
        if instead is not None and hasattr(instead, "dt"):
            found.setdefault(str(event.get("UID", "")), []).append(_wall(instead.dt, zone)[0])
    return found


def _freeze(event: Event, *, zone: ZoneInfo, moved: dict[str, list[datetime]]) -> ImportedFreeze:
    uid = _uid(event)
    if event.errors:
        name, why = event.errors[0]
        raise PeriodRefused(f"{name or 'a line'} cannot be read ({why}).")
    if event.get("RDATE") is not None:
        raise PeriodRefused("It lists extra dates (RDATE). Make each an event of its own.")
    starts, home = _wall(_when(event, "DTSTART"), zone)
    minutes = _minutes(event, starts=starts, home=home)
    name = _name(event) or "Freeze"
    check_period(kind=PeriodKind.FREEZE, name=name, minutes=minutes)
    rules = event.get("RRULE")
    if isinstance(rules, list):
        raise PeriodRefused("It has more than one RRULE. Make each an event of its own.")
    rule = rules.to_ical().decode() if rules is not None else ""
    instead = event.get("RECURRENCE-ID")
    left_out = [*_exdates(event, home), *([] if instead is not None else moved.get(uid, []))]
    return ImportedFreeze(
        uid=f"{uid}#{_wall(instead.dt, zone)[0]:%Y%m%dT%H%M}" if instead is not None else uid,
        name=name,
        starts=starts,
        minutes=minutes,
        rule=normalised(rule, starts=starts, zone=home),
        without=tuple(sorted(set(left_out))),
        time_zone=home.key,
    )


def _when(event: Event, name: str) -> date:
    value = event.get(name)
    found = getattr(value, "dt", None)
    if not isinstance(found, date):
        raise PeriodRefused(f"It has no usable {name}.")
    named = value.params.get("TZID")
    if named and isinstance(found, datetime) and found.tzinfo is None:
        raise PeriodRefused(f"It names the time zone “{named}”, which is not known here.")
    return found


def _wall(value: date, zone: ZoneInfo) -> tuple[datetime, ZoneInfo]:
    """Return a moment as wall clock and the zone whose wall it is."""
    if not isinstance(value, datetime):
        return datetime.combine(value, time()), zone
    if value.tzinfo is None:
        return value, zone
    if isinstance(value.tzinfo, ZoneInfo) and value.tzinfo.key != "UTC":
        return value.replace(tzinfo=None), value.tzinfo
    return value.astimezone(zone).replace(tzinfo=None), zone


def _minutes(event: Event, *, starts: datetime, home: ZoneInfo) -> int:
    """Return the length on the wall clock of `home`."""
    begin = _when(event, "DTSTART")
    if event.get("DTEND") is not None:
        end = _when(event, "DTEND")
        if isinstance(end, datetime) is not isinstance(begin, datetime):
            raise PeriodRefused("Its start is a day and its end a time, or the other way round.")
        length = _on_wall(end, home) - starts
    elif event.get("DURATION") is not None:
        length = getattr(event.get("DURATION"), "dt", timedelta())
    else:
        length = timedelta() if isinstance(begin, datetime) else timedelta(days=1)
    if length % _MINUTE:
        length += _MINUTE  # a freeze never ends early because of seconds
    return int(length // _MINUTE)


def _on_wall(value: date, home: ZoneInfo) -> datetime:
    if not isinstance(value, datetime):
        return datetime.combine(value, time())
    return (value.astimezone(home) if value.tzinfo else value).replace(tzinfo=None)


def _exdates(event: Event, zone: ZoneInfo) -> list[datetime]:
    given = event.get("EXDATE")
    lists = given if isinstance(given, list) else [given] if given is not None else []
    return [_wall(each.dt, zone)[0] for group in lists for each in group.dts]


def written(events: Sequence[FeedEvent], *, name: str, now: datetime) -> bytes:
    """Return a calendar with these events."""
    whole = Calendar()
    whole.add("prodid", _PRODUCT)
    whole.add("version", "2.0")
    whole.add("method", "PUBLISH")
    whole.add("x-wr-calname", name)
    for each in events:
        event = Event()
        event.add("uid", each.uid)
        event.add("dtstamp", now.astimezone(UTC))
        event.add("dtstart", each.starts.astimezone(UTC))
        event.add("dtend", each.ends.astimezone(UTC))
        event.add("summary", each.summary)
        event.add("transp", "TRANSPARENT")
        if each.description:
            event.add("description", each.description)
        if each.url:
            event.add("url", each.url)
        whole.add_component(event)
    return bytes(whole.to_ical())
