"""The calendar of a target, its windows and freezes, and the feed."""

from datetime import date, timedelta
from typing import Any

from tests.unit.web.samples.common import ZONE

_FIRST = date(2025, 10, 27)
_NIGHT = {"name": "Nights", "mark": "△", "clock": "22:00 to 24:00", "routine": True}
_EVENING = {"name": "Saturday evening", "mark": "▲", "clock": "20:00 to 24:00", "routine": False}
_BOOKED = {
    "number": "WC-142",
    "title": "Add consent tracking to patients",
    "url": "#",
    "clock": "21:00",
    "level": "HIGH",
    "phi": True,
    "status": "SCHEDULED",
    "clash": True,
    "misfit": False,
}


def _day(number: int) -> dict[str, Any]:
    day = _FIRST + timedelta(days=number)
    return {
        "date": day,
        "label": f"{day:%A} {day.day} {day:%B}",
        "url": "#",
        "today": number == 7,
        "outside": number < 5,
        "focus": number == 7,
        "frozen": ["❄ Year end"] if number in {10, 11} else [],
        "windows": [_NIGHT, _EVENING] if day.weekday() == 5 else [_NIGHT],
        "quiet": day.weekday() != 5,
        "plans": [_BOOKED, _BOOKED | {"misfit": True}] if number == 12 else [],
    }


CALENDAR: dict[str, Any] = {
    "target": {"name": "white_cross_production", "zone": ZONE, "url": "#"},
    "targets": [
        {"label": "white_cross_production", "url": "#", "current": True},
        {"label": "white_cross_staging", "url": "#", "current": False},
    ],
    "view": "month",
    "title": "November 2025",
    "views": [
        {"label": "Month", "url": "#", "current": True},
        {"label": "Week", "url": "#", "current": False},
    ],
    "previous_url": "#",
    "today_url": "#",
    "next_url": "#",
    "weekdays": ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"],
    "days": [_day(number) for number in range(35)],
    "clashes": [
        {
            "sentence": "WC-142 and WC-143 change patients in the same window.",
            "urls": [{"label": "WC-142", "url": "#"}, {"label": "WC-143", "url": "#"}],
        }
    ],
    "misfits": [{"number": "WC-142", "url": "#", "sentence": "WC-142 stands outside its window."}],
    "legend": [{"mark": "△", "title": "Off-peak hours"}, {"mark": "❄", "title": "Freeze"}],
    "unlimited": False,
    "always": ["Business hours"],
    "periods_url": "#",
    "keeper": True,
}
PERIODS: dict[str, Any] = {
    "target": CALENDAR["target"],
    "keeper": True,
    "new_url": "#",
    "import_url": "#",
    "strict": True,
    "feed": {"exists": True, "make_url": "#", "revoke_url": "#"},
    "kinds": [
        {
            "title": "Off-peak hours",
            "mark": "△",
            "for": "Plans of medium risk may run in it.",
            "rows": [
                {
                    "name": "Nights",
                    "when": "Mon 3 Nov 2025, 22:00, 8 h, every day",
                    "zone": ZONE,
                    "by": "Dan Okafor",
                    "edit_url": "#",
                    "end_url": "#",
                }
            ],
        },
        {"title": "Planned downtime", "mark": "▲▲", "for": "Plans of critical risk.", "rows": []},
    ],
}
PERIODS_REFUSED = PERIODS | {"problems": ["Event 2 (Easter): It has no usable DTSTART."]}
FEED = {"url": "https://ops.example.org/calendar/feed/WkR2c0l3.ics", "back_url": "#"}
