"""Recurring stretches of wall-clock time: rules of RFC 5545, read by python-dateutil, right through changes of the clock."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from dateutil.rrule import rrulestr

from migrations_portal.windows.rules import PeriodRefused

_DAY = timedelta(days=1)
_COMMON = frozenset({"FREQ", "INTERVAL", "COUNT", "UNTIL", "WKST", "BYDAY", "BYMONTH"})
_ALLOWED = {
    "DAILY": _COMMON,
    "WEEKLY": _COMMON,
    "MONTHLY": _COMMON | {"BYMONTHDAY", "BYSETPOS"},
    "YEARLY": _COMMON | {"BYMONTHDAY", "BYSETPOS"},
}
"""Parts that may stand beside each frequency. Hourly rules are no windows, and the rest could search for ever without a hit."""
_VALUE = {
    "INTERVAL": re.compile(r"[1-9]\d{0,2}"),
    "COUNT": re.compile(r"[1-9]\d{0,3}"),
    "UNTIL": re.compile(r"\d{8}(T\d{6}Z?)?"),
    "WKST": re.compile(r"MO|TU|WE|TH|FR|SA|SU"),
    "BYDAY": re.compile(
        r"([+-]?[1-5])?(MO|TU|WE|TH|FR|SA|SU)(,([+-]?[1-5])?(MO|TU|WE|TH|FR|SA|SU))*"
    ),
    "BYMONTH": re.compile(r"(1[0-2]|[1-9])(,(1[0-2]|[1-9]))*"),
    "BYMONTHDAY": re.compile(r"-?(3[01]|[12]\d|[1-9])(,-?(3[01]|[12]\d|[1-9]))*"),
    "BYSETPOS": re.compile(r"-?[1-5](,-?[1-5])*"),
}


@dataclass(frozen=True)
class Span:
    """A stretch of real time, `ends` not included."""

    starts: datetime
    ends: datetime

    def holds(self, at: datetime) -> bool:
        """Say whether `at` lies in it."""
        return self.starts <= at < self.ends


@dataclass(frozen=True)
class Recurrence:
    """A stretch on the wall clock of a time zone, once or by a rule."""

    starts: datetime
    """Wall clock of the first occurrence, without a zone."""
    minutes: int
    """Length on the wall clock: 09:00 to 17:00 is eight hours on every day."""
    zone: ZoneInfo
    rule: str = ""
    """RFC 5545 RRULE as `normalised` returns it; empty happens once."""
    without: tuple[datetime, ...] = ()
    """Wall-clock starts that are left out (EXDATE)."""
    late_end: bool = False
    """Where the clock is set back, an end that comes twice means the second time (freezes), not the first (windows)."""

    def spans(self, *, since: datetime, until: datetime) -> Iterator[Span]:
        """Yield the occurrences that touch [since, until), in order of their start."""
        length = timedelta(minutes=self.minutes)
        first = since.astimezone(self.zone).replace(tzinfo=None) - length - _DAY
        last = until.astimezone(self.zone).replace(tzinfo=None) + _DAY
        for start in self._starts(first, last):
            if start in self.without:
                continue
            span = Span(
                starts=_instant(start, self.zone, fold=0),
                ends=_instant(start + length, self.zone, fold=int(self.late_end)),
            )
            if span.starts < span.ends and span.starts < until and span.ends > since:
                yield span

    def _starts(self, first: datetime, last: datetime) -> Iterable[datetime]:
        if not self.rule:
            return [self.starts] if first <= self.starts <= last else []
        begin = _fast_forward(self.starts, rule=self.rule, to=first)
        found: list[datetime] = rrulestr(self.rule, dtstart=begin).between(first, last, inc=True)
        return found


def _fast_forward(starts: datetime, *, rule: str, to: datetime) -> datetime:
    """Return a later start with the same occurrences from `to` on: a rule of years ago is not counted through day by day.

    Whole intervals are skipped, so the phase stays. Rules by COUNT are counted; monthly and yearly ones have few occurrences.
    """
    parts = dict(part.split("=", 1) for part in rule.split(";"))
    days = {"DAILY": 1, "WEEKLY": 7}.get(parts["FREQ"])
    if days is None or "COUNT" in parts:
        return starts
    interval = timedelta(days=days * int(parts.get("INTERVAL", "1")))
    return starts + max((to - starts) // interval, 0) * interval


def _instant(wall: datetime, zone: ZoneInfo, *, fold: int) -> datetime:
    """Return the instant of a wall-clock time. One that the clock skips is read by the offset before the gap (RFC 5545, 3.3.5)."""
    return wall.replace(tzinfo=zone, fold=fold).astimezone(UTC)


def normalised(rule: str, *, starts: datetime, zone: ZoneInfo) -> str:
    """Return a RRULE in one spelling, with UNTIL on the wall clock. Raises `PeriodRefused`, also when it never happens."""
    if not rule.strip():
        return ""
    parts = _parts(rule)
    if "COUNT" in parts and "UNTIL" in parts:
        raise PeriodRefused("A rule ends by COUNT or by UNTIL, not by both.")
    if "UNTIL" in parts:
        parts["UNTIL"] = _local_until(parts["UNTIL"], zone)
    text = ";".join(f"{name}={value}" for name, value in parts.items())
    try:
        found = rrulestr(text, dtstart=starts).after(starts, inc=True)
    except (ValueError, OverflowError) as error:
        raise PeriodRefused(f"“{rule[:80]}” is not a rule: {error}.") from None
    if found is None:
        raise PeriodRefused(f"“{rule[:80]}” never happens. Choose other days or a later end.")
    return text


def _parts(rule: str) -> dict[str, str]:
    parts: dict[str, str] = {}
    for part in rule.strip().upper().removeprefix("RRULE:").rstrip(";").split(";"):
        name, equals, value = part.partition("=")
        if not equals or name in parts:
            raise PeriodRefused(f"“{rule[:80]}” is not a rule of RFC 5545 (at “{part[:40]}”).")
        parts[name] = value
    allowed = _ALLOWED.get(parts.get("FREQ", ""))
    if allowed is None:
        raise PeriodRefused("A rule repeats DAILY, WEEKLY, MONTHLY or YEARLY.")
    for name, value in parts.items():
        if name not in allowed or (name != "FREQ" and not _VALUE[name].fullmatch(value)):
            raise PeriodRefused(
                f"“{name}={value[:40]}” is not possible in a {parts['FREQ'].lower()} rule."
            )
    if parts["FREQ"] in {"DAILY", "WEEKLY"} and re.search(r"\d", parts.get("BYDAY", "")):
        raise PeriodRefused("“First Monday” and the like belong to a monthly or yearly rule.")
    return parts


def _local_until(value: str, zone: ZoneInfo) -> str:
    form = {8: "%Y%m%d", 15: "%Y%m%dT%H%M%S", 16: "%Y%m%dT%H%M%SZ"}[len(value)]
    try:
        until = datetime.strptime(value, form)  # noqa: DTZ007  # wall clock, unless it ends in Z
    except ValueError:
        raise PeriodRefused(f"UNTIL={value} is not a date.") from None
    if form.endswith("Z"):
        until = until.replace(tzinfo=UTC).astimezone(zone).replace(tzinfo=None)
    elif form == "%Y%m%d":
        until = until.replace(hour=23, minute=59, second=59)
    return f"{until:%Y%m%dT%H%M%S}"


def merged(spans: Iterable[Span]) -> list[Span]:
    """Return the spans in order, those that touch or overlap joined: midnight does not end a window that goes on."""
    found: list[Span] = []
    for span in sorted(spans, key=lambda each: each.starts):
        if found and span.starts <= found[-1].ends:
            found[-1] = Span(found[-1].starts, max(found[-1].ends, span.ends))
        else:
            found.append(span)
    return found


def without(spans: Iterable[Span], closed: Iterable[Span]) -> list[Span]:
    """Return what is left of the spans when the closed ones are taken out."""
    shut = merged(closed)
    left: list[Span] = []
    for span in merged(spans):
        starts = span.starts
        for hole in shut:
            if hole.ends <= starts or hole.starts >= span.ends:
                continue
            if hole.starts > starts:
                left.append(Span(starts, hole.starts))
            starts = hole.ends
        if starts < span.ends:
            left.append(Span(starts, span.ends))
    return left


def open_spans(
    *,
    windows: Iterable[Recurrence],
    freezes: Iterable[Recurrence],
    since: datetime,
    until: datetime,
) -> list[Span]:
    """Return when the target may be changed between the two instants: the windows less the freezes."""
    return without(
        (span for each in windows for span in each.spans(since=since, until=until)),
        (span for each in freezes for span in each.spans(since=since, until=until)),
    )
