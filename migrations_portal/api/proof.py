"""Proving again who calls: a token alone never signs, and hands no signing power on."""

from collections.abc import Mapping
from typing import Any

from django.conf import settings

from migrations_portal import wiring
from migrations_portal.accounts import proving
from migrations_portal.accounts import queries as accounts
from migrations_portal.api.views.base import ApiView


def proven(view: ApiView, *, given: Mapping[str, Any], required: bool) -> str:
    """Check `password` and `code` of a body, and return the factors. `required`: nobody passes without a second one.

    Raises what `proving.prove` raises.
    """
    came_by = "session" if view.request.auth is None else "token"
    return proving.prove(
        proving.Given(password=given["password"], code=given["code"], came_by=came_by),
        person=view.person,
        held=accounts.held(person=view.person),
        required=required,
        key=settings.FACTOR_KEY,
        now=wiring.clock(),
    )
