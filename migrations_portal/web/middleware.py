"""Turns a domain's refusal that no view caught into a page with its sentence, instead of a fault."""

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse, JsonResponse

from migrations_portal.kernel.errors import ProductError
from migrations_portal.kernel.memory import remembering
from migrations_portal.web import refusals
from migrations_portal.web.step_up import Asked


class RefusalMiddleware:
    """Answers a `ProductError` by `refusals.page`; what somebody wanted to do and could not is in the ledger by that."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        """Take the next layer."""
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Pass the request on."""
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """Answer for a `ProductError`, and to a page that asks what a passkey has to sign; leave everything else to Django."""
        if isinstance(exception, Asked):
            return JsonResponse(exception.told, headers={"Cache-Control": "no-store"})
        if not isinstance(exception, ProductError):
            return None
        return refusals.page(request, exception)


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
