"""Rules and PHI catalogues: the pages in their states. Rules come from the product itself; there is nothing to invent."""

from typing import Any

from migrations_portal.risk.rule_examples import found
from migrations_portal.web.forms.phi import TagForm
from migrations_portal.web.presenters import rules
from tests.unit.web.samples.common import ZONE, days_before

RULES: dict[str, Any] = {
    "levels": rules.levels(),
    "groups": rules.groups(found("")),
    "search": "",
    "level": "",
    "shown": 173,
    "total": 173,
    "list_url": "#",
}
NO_RULES: dict[str, Any] = {**RULES, "groups": [], "search": "zzz", "level": "HIGH", "shown": 0}
RULE: dict[str, Any] = rules.detail("detach-partition-concurrently")
BARE_RULE: dict[str, Any] = rules.detail("too-deep")
_TAG = {
    "relation": "public.students",
    "column": "",
    "what": "the whole table",
    "name": "students",
    "why": "on the list that the target started with",
    "by": "",
    "at": days_before(9),
    "may_clear": True,
}
_COLUMN = {
    "relation": "public.users",
    "column": "ssn",
    "what": "column ssn",
    "name": "users.ssn",
    "why": "It is a social security number",
    "by": "Petra Novak",
    "at": days_before(3),
    "may_clear": True,
}
PHI: dict[str, Any] = {
    "target": {"name": "white_cross_production", "zone": ZONE, "database": "white_cross"},
    "read_at": days_before(0.1),
    "server_version": 17,
    "tables": [
        {"name": "students", "there": True, "size": "4.2 million rows, 1.9 GB", "tags": [_TAG]},
        {"name": "users", "there": False, "size": "", "tags": [_COLUMN]},
    ],
    "follows": ["View active_students reads students, which is PHI."],
    "free": ["schools", "SequelizeMeta"],
    "cleared": [
        {**_COLUMN, "name": "vendors.insurance", "why": "It is the vendor's own insurance"}
    ],
    "tag_url": "#",
    "clear_url": "#",
    "read_url": "#",
    "taggers": "compliance officer, database admin, privacy officer, security officer",
    "clearers": "compliance officer, privacy officer",
    "rates": [
        {
            "work": "Writing a table again, with its indexes",
            "usual": "82 MB/s",
            "interval": "27 MB/s to 164 MB/s",
            "measured_on": "white_cross_staging",
            "server_version": 17,
            "at": days_before(2),
        }
    ],
    "form": TagForm(),
    "list_url": "#",
}
PHI_READER: dict[str, Any] = {
    **PHI,
    "tag_url": "",
    "tables": [],
    "read_at": None,
    "follows": [],
    "cleared": [],
    "rates": [],
}
PHI_ERROR: dict[str, Any] = {**PHI, "form": TagForm({"names": "", "reason": ""})}
PHI_TARGETS: dict[str, Any] = {
    "targets": [
        {
            "name": "white_cross_production",
            "environment": "production",
            "url": "#",
            "tagged": 17,
            "read_at": days_before(0.1),
            "zone": ZONE,
        },
        {
            "name": "white_cross_staging",
            "environment": "staging",
            "url": "#",
            "tagged": 1,
            "read_at": None,
            "zone": ZONE,
        },
    ]
}
