"""The person behind a request."""

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest

from migrations_portal.people.models import Person


def signed_in(request: HttpRequest) -> Person:
    """Return who is signed in; raise `PermissionDenied` for nobody (the login middleware asks first)."""
    if not isinstance(request.user, Person):
        raise PermissionDenied
    return request.user
