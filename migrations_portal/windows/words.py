"""Recurrence rules as sentences, and the rules that the form makes."""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

WEEKDAYS = {
    "MO": "Mon",
    "TU": "Tue",
    "WE": "Wed",
    "TH": "Thu",
    "FR": "Fri",
    "SA": "Sat",
    "SU": "Sun",
}
_NTH = {"1": "first", "2": "second", "3": "third", "4": "fourth", "5": "fifth", "-1": "last"}
_UNITS = {"DAILY": "day", "WEEKLY": "week", "MONTHLY": "month", "YEARLY": "year"}
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


class Repeat(StrEnum):
    """What the form offers; any other rule comes in by a calendar file."""

    ONCE = "ONCE"
    DAILY = "DAILY"
    WEEKLY = "WEEKLY"
    MONTHLY = "MONTHLY"
    YEARLY = "YEARLY"


@dataclass(frozen=True)
class Repetition:
    """The form's answer to "how often"."""

    repeat: Repeat
    first: date
    days: tuple[str, ...] = ()
    """For WEEKLY: codes of weekdays."""
    until: date | None = None

    def rule(self) -> str:
        """Return the RRULE. MONTHLY means the same weekday of the month: the third Saturday."""
        if self.repeat is Repeat.ONCE:
            return ""
        parts = [f"FREQ={self.repeat}"]
        code = list(WEEKDAYS)[self.first.weekday()]
        if self.repeat is Repeat.WEEKLY:
            parts.append(f"BYDAY={','.join(self.days or (code,))}")
        if self.repeat is Repeat.MONTHLY:
            nth = (self.first.day - 1) // 7 + 1
            parts.append(f"BYDAY={nth if nth < 5 else -1}{code}")  # noqa: PLR2004  # not every month has a fifth
        if self.until:
            parts.append(f"UNTIL={self.until:%Y%m%d}")
        return ";".join(parts)


def parts(rule: str) -> dict[str, str]:
    """Return the parts of a normalised rule."""
    return dict(part.split("=", 1) for part in rule.split(";")) if rule else {}


def repeat_of(rule: str) -> Repetition | None:
    """Return what the form would have to say for this rule, None when the form cannot say it. `first` is not part of the rule."""
    said = parts(rule)
    until = said.get("UNTIL")
    day = date(int(until[:4]), int(until[4:6]), int(until[6:8])) if until else None
    if not rule:
        return Repetition(Repeat.ONCE, first=date.min)
    rest = set(said) - {"FREQ", "BYDAY", "UNTIL", "WKST"}
    if rest or (said["FREQ"] in {"DAILY", "YEARLY"} and "BYDAY" in said):
        return None
    days = tuple(said["BYDAY"].split(",")) if "BYDAY" in said else ()
    return Repetition(Repeat(said["FREQ"]), first=date.min, days=days, until=day)


def sentence(rule: str) -> str:
    """Return the rule in words: "every week on Mon and Tue, until 24 Dec 2026"."""
    if not rule:
        return "once"
    said = parts(rule)
    every = int(said.get("INTERVAL", "1"))
    unit = _UNITS[said["FREQ"]]
    words = f"every {unit}" if every == 1 else f"every {every} {unit}s"
    if "BYDAY" in said:
        words += f" on {_days(said['BYDAY'])}"
    if "BYMONTHDAY" in said:
        words += f" on day {said['BYMONTHDAY'].replace(',', ', ')}"
    if "BYMONTH" in said:
        words += f" in {', '.join(_MONTHS[int(each) - 1] for each in said['BYMONTH'].split(','))}"
    if "BYSETPOS" in said:
        words += f" (only number {said['BYSETPOS'].replace(',', ', ')} of these)"
    if "COUNT" in said:
        words += f", {said['COUNT']} times"
    if "UNTIL" in said:
        until = said["UNTIL"]
        words += f", until {int(until[6:8])} {_MONTHS[int(until[4:6]) - 1]} {until[:4]}"
    return words


def _days(value: str) -> str:
    named = []
    for each in value.split(","):
        nth, day = each[:-2].lstrip("+"), WEEKDAYS[each[-2:]]
        named.append(f"the {_NTH.get(nth, f'{nth}.')} {day}" if nth else day)
    return named[0] if len(named) == 1 else f"{', '.join(named[:-1])} and {named[-1]}"
