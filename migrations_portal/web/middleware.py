"""Turns a domain's refusal that no view caught into a page with its sentence, instead of a fault."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from migrations_portal.kernel.errors import ProductError, Refused
from migrations_portal.kernel.memory import remembering
from migrations_portal.people.access import NotAllowed
from migrations_portal.web.pace import OpenedTooOften


class RefusalMiddleware:
    """Answers a `ProductError`: 403 for who may not, 409 for what cannot be now, 429 for too often, 503 for trouble of ours."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        """Take the next layer."""
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Pass the request on."""
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """Answer for a `ProductError`; leave everything else to Django."""
        if not isinstance(exception, ProductError):
            return None
        status = 503
        if isinstance(exception, Refused):
            status = 403 if isinstance(exception, NotAllowed) else 409
            status = 404 if exception.code.endswith("-not-found") else status
            status = 429 if isinstance(exception, OpenedTooOften) else status
        told = {"sentence": exception.sentence, "code": exception.code}
        return render(request, "refused.html", told, status=status)


class ReadingMiddleware:
    """While a page is only read, what is asked of the database twice is asked once."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        """Take the next layer."""
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Pass the request on; one that may change something is not remembered for."""
        if request.method not in {"GET", "HEAD"}:
            return self.get_response(request)
        with remembering():
            return self.get_response(request)
