"""One's own account as plain values."""

from typing import Any

from django.urls import reverse

from migrations_portal.accounts.models import Passkey
from migrations_portal.people.models import Person


def passkeys(person: Person) -> list[dict[str, Any]]:
    """Return the person's passkeys, the oldest first: {id, form_id, name, created_at, last_used_at, rename_url, remove_url}."""
    return [
        {
            "id": key.pk,
            "name": key.name,
            "created_at": key.created_at,
            "last_used_at": key.last_used_at,
            "form_id": f"remove-{key.pk}",
            "rename_url": reverse("passkey-rename", args=[key.pk]),
            "remove_url": reverse("passkey-remove", args=[key.pk]),
        }
        for key in Passkey.objects.filter(person=person).order_by("pk")
    ]
