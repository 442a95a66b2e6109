"""How pages and mails write moments, durations, sizes and code: no query, no clock."""

from collections.abc import Sequence
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from django import template
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe
from pygments import highlight
from pygments.formatters.html import HtmlFormatter
from pygments.lexers.javascript import JavascriptLexer
from pygments.lexers.python import PythonLexer
from pygments.lexers.sql import PostgresLexer

register = template.Library()

_STYLES = {
    "short": "{day} {month}, {clock} {zone}",
    "long": "{day} {month} {year}, {clock}:{second} {zone}",
    "clock": "{clock}:{second}",
    "date": "{day} {month} {year}",
}
_KILO = 1000
_UNITS = ("kB", "MB", "GB", "TB")
_LEXERS = {"sql": PostgresLexer, "js": JavascriptLexer, "py": PythonLexer}


@register.simple_tag
def moment(at: datetime, zone: str | None = None, style: str | None = None) -> str:
    """Return an instant in words, in `zone` (UTC when none); styles: short, long, clock, date."""
    there = at.astimezone(ZoneInfo(zone) if zone else UTC)
    return _STYLES[style or "short"].format(
        day=there.day,
        month=f"{there:%b}",
        year=there.year,
        clock=f"{there:%H:%M}",
        second=f"{there:%S}",
        zone=there.tzname(),
    )


@register.filter
def iso(at: datetime) -> str:
    """Return an instant as RFC 3339 in UTC."""
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


@register.filter
def seconds(value: float | None) -> str:
    """Return a duration as people say it: "0.8 s", "38 s", "2 min 05 s", "1 h 04 min"."""
    if value is None:
        return ""
    if value < 10 and value != int(value):  # noqa: PLR2004 - one decimal below ten seconds
        return f"{value:.1f} s"
    minutes, rest = divmod(round(value), 60)
    hours, minutes_left = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes_left:02d} min"
    return f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"


@register.filter
def clock(value: float) -> str:
    """Return a running duration in seconds as a stopwatch: "00:31", "1:02:03"."""
    minutes, rest = divmod(int(value), 60)
    hours, minutes_left = divmod(minutes, 60)
    return f"{hours}:{minutes_left:02d}:{rest:02d}" if hours else f"{minutes:02d}:{rest:02d}"


@register.filter
def size(value: int) -> str:
    """Return a number of bytes as "412 MB" (decimal units, as S3 and disks count)."""
    if value < _KILO:
        return f"{value} bytes"
    power = 1
    while value >= _KILO ** (power + 1) and power < len(_UNITS):
        power += 1
    amount = value / _KILO**power
    return f"{amount:.{0 if amount >= 10 else 1}f} {_UNITS[power - 1]}"  # noqa: PLR2004 - 9.5 MB, 12 MB


@register.filter
def number(value: int) -> str:
    """Return a whole number with commas: 2104511 → "2,104,511"."""
    return f"{value:,}"


def _lines(text: str, language: str) -> list[SafeString]:
    """Return the highlighted lines of a text; an unknown language stays plain."""
    if language not in _LEXERS:
        return [format_html("{}", line) for line in text.splitlines()]
    formatter = HtmlFormatter(nowrap=True, classprefix="hl-")
    html = highlight(text, _LEXERS[language](stripnl=False, ensurenl=False), formatter)
    return [mark_safe(line) for line in html.splitlines()]  # noqa: S308 - Pygments has escaped it


@register.filter
def highlighted(text: str, language: str = "sql") -> SafeString:
    """Return code with Pygments' classes (`hl-…`), escaped; languages: sql, js, py."""
    return mark_safe("\n".join(_lines(text, language)))  # noqa: S308 - joined from safe lines


@register.simple_tag
def numbered(text: str, language: str, anchor: str) -> SafeString:
    """Return highlighted code with a numbered, linkable span per line: `#anchor-L14`."""
    spans = ((anchor, number_, line) for number_, line in enumerate(_lines(text, language), 1))
    return format_html_join("\n", '<span class="l" id="{}-L{}">{}</span>', spans)


@register.filter
def polyline(values: Sequence[float], top: float | None = None) -> str:
    """Return a sparkline's points in a box of 100 by 30; `top` is the value at its upper edge."""
    if not values:
        return ""
    ceiling = max(top or 0, *values, 1)
    step = 100 / max(len(values) - 1, 1)
    points = (f"{i * step:.1f},{29 - 28 * value / ceiling:.1f}" for i, value in enumerate(values))
    return " ".join(points)
