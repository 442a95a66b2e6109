"""The one exception handler of the API: domain errors become RFC 9457 problems."""

from typing import Any

from rest_framework.response import Response
from rest_framework.views import exception_handler

from migrations_portal.kernel.errors import ProductError, Refused
from migrations_portal.people.access import NotAllowed


def as_problem(error: Exception, context: dict[str, Any]) -> Response | None:
    """Return a problem with the error's stable id as `type`; leave other errors to the framework."""
    if not isinstance(error, ProductError):
        return exception_handler(error, context)
    status = 503
    if isinstance(error, Refused):
        status = 403 if isinstance(error, NotAllowed) else 409
        status = 404 if error.code.endswith("-not-found") else status
    problem = {"type": f"urn:wco:{error.code}", "title": error.sentence, "status": status}
    return Response(problem, status=status, content_type="application/problem+json")
