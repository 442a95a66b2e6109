"""People as an administrator sees them, as plain values."""

from typing import Any

from django.urls import reverse

from migrations_portal.accounts.queries import Known
from migrations_portal.people.models import Person
from migrations_portal.people.rules import ROLES, Role


def line(known: Known) -> dict[str, Any]:
    """Return one line of the list."""
    person = known.person
    return {
        "name": person.full_name,
        "email": person.email,
        "url": reverse("person", args=[person.pk]),
        "roles": roles(known),
        "state": state(person),
        "factor": known.has_factor,
    }


def roles(known: Known) -> str:
    """Return the roles in words; the groups are named where there is more than one."""
    groups = {group.pk for group, _ in known.powers}
    said = ", ".join(
        f"{role.title} ({group})" if len(groups) > 1 else role.title for group, role in known.powers
    )
    return said or ("Roles in other groups only" if known.elsewhere else "No role")


def state(person: Person) -> dict[str, str]:
    """Return the state as a chip: word, tone, mark."""
    if not person.is_active:
        return {"word": "Deactivated", "tone": "bad", "mark": "✕"}
    if not person.has_usable_password():
        return {"word": "Invited", "tone": "warn", "mark": "○"}
    return {"word": "Active", "tone": "good", "mark": "●"}


def page(known: Known, *, by: Person) -> dict[str, Any]:
    """Return the page of one person: what is known, what they hold here, and what `by` can do."""
    person, own = known.person, known.person.pk == by.pk
    return {
        "person": {
            "name": person.full_name,
            "email": person.email,
            "phone": person.phone,
            "joined_at": person.joined_at,
            "last_login": person.last_login,
            "state": state(person),
            "factor": known.has_factor,
        },
        "own": own,
        "elsewhere": known.elsewhere,
        "powers": [
            {
                "role": role.title,
                "group": group.name,
                "duty": ROLES[role].duty,
                "take_url": ""
                if own
                else f"{reverse('person-take', args=[person.pk])}?power={group.pk}:{role}",
                "page_url": reverse("auditors") if role is Role.AUDITOR else "",
            }
            for group, role in known.powers
        ],
        "acts": [] if own else _acts(known),
    }


def _acts(known: Known) -> list[dict[str, Any]]:
    person = known.person
    if not person.is_active:
        return [_act("person-reactivate", person, "Let in again…", primary=True)]
    found = [_act("person-give", person, "Give a role…", primary=True)]
    if not person.has_usable_password():
        found.append(_act("person-link", person, "Send the invitation again", post=True))
    if known.has_factor:
        found.append(_act("person-factor", person, "Reset the second factor…"))
    return [*found, _act("person-deactivate", person, "Deactivate…", danger=True)]


def _act(name: str, person: Person, label: str, **more: bool) -> dict[str, Any]:
    return {"url": reverse(name, args=[person.pk]), "label": label, **more}
