"""What every page gets: who is signed in, where they can go, what waits for them."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest
from django.urls import reverse

from migrations_portal.people.models import Person
from migrations_portal.people.rules import LEDGER_READERS, Role
from migrations_portal.targets import queries as target_queries
from migrations_portal.web import clock
from migrations_portal.web.presenters import my_work

ADMINISTRATORS = frozenset({Role.ADMINISTRATOR})
NAVIGATION: tuple[tuple[str, str, frozenset[Role] | None], ...] = (
    ("Plans", "plans", None),
    ("Runs", "runs", None),
    ("Calendar", "calendar-start", None),
    ("Incidents", "incidents", None),
    ("Audit", "ledger", LEDGER_READERS),
    ("Compliance", "compliance", LEDGER_READERS),
    ("PHI", "phi-targets", None),
    ("Rules", "rules", None),
    ("People", "people", ADMINISTRATORS),
    ("Targets", "targets", ADMINISTRATORS),
)
"""Label, address, and which roles see it (None: everybody)."""


def everywhere(request: HttpRequest) -> dict[str, Any]:
    """Return the context of templates/base.html."""
    demo = None
    if settings.DEMO:
        demo = {"day_seconds": f"{settings.DEMO_DAY_SECONDS:g}", "switch_url": reverse("login")}
    person = getattr(request, "user", None)
    if not isinstance(person, Person):
        return {"demo": demo, "home_url": reverse("login"), "me": None}
    waiting = my_work.waiting(person=person, now=clock.now())
    return {
        "demo": demo,
        "home_url": reverse("my-turn"),
        "sign_out_url": reverse("logout"),
        "nav": [
            {
                "label": label,
                "url": reverse(name),
                "current": request.path.startswith(reverse(name)),
            }
            for label, name, roles in NAVIGATION
            if roles is None or target_queries.acts_anywhere(person=person, roles=roles)
        ],
        "my_turn": {"count": waiting, "url": reverse("my-turn")},
        "me": {
            "name": person.full_name,
            "email": person.email,
            "url": reverse("account"),
            "role_title": target_queries.role_titles(person=person),
        },
    }
