"""Turns what no view caught into a page with its sentence, instead of a fault or an empty page."""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from django.contrib import messages
from django.contrib.auth.middleware import LoginRequiredMiddleware
from django.contrib.auth.views import redirect_to_login
from django.db import DataError
from django.http import (
    HttpRequest,
    HttpResponse,
    HttpResponseNotAllowed,
    HttpResponseRedirect,
    JsonResponse,
)
from django.shortcuts import render

from migrations_portal.kernel.errors import ProductError, Refused
from migrations_portal.kernel.memory import remembering
from migrations_portal.web import refusals
from migrations_portal.web.step_up import Asked

READING = frozenset({"GET", "HEAD"})
NOT_SENT = (
    "You were signed out before this was sent, so nothing was changed. Sign in, and send it again."
)


class NulTyped(Refused):
    """The text holds a NUL, a character that no database keeps. Go back, take it out, and send the form again."""

    code = "nul-typed"


class SignInFirstMiddleware(LoginRequiredMiddleware):
    """Leads whoever is not signed in to the sign-in, and from there to a page that can be looked at."""

    def handle_no_permission(
        self, request: HttpRequest, view_func: Callable[..., Any]
    ) -> HttpResponseRedirect:
        """Say what became of a form that was sent, and come back to the page that it stands on."""
        if request.method in READING:
            return super().handle_no_permission(request, view_func)
        messages.error(request, NOT_SENT)
        return redirect_to_login(_came_from(request), self.get_login_url(view_func))


def _came_from(request: HttpRequest) -> str:
    """Return the address of our own page that the form stood on, or the start."""
    page = urlsplit(request.headers.get("Referer", ""))
    if page.netloc != request.get_host():
        return "/"
    return page._replace(scheme="", netloc="", fragment="").geturl() or "/"


class RefusalMiddleware:
    """Answers a `ProductError` by `refusals.page`; what somebody wanted to do and could not is in the ledger by that."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        """Take the next layer."""
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Pass the request on; an address that takes forms only says so to whoever looks at it."""
        response = self.get_response(request)
        if isinstance(response, HttpResponseNotAllowed) and not response.content:
            told = {
                "title": "There is nothing to look at here",
                "sentence": "This address takes what a form sends. Open the page with the form, and send it from there.",
            }
            page = render(request, "refused.html", told, status=405)
            page["Allow"] = response["Allow"]
            return page
        return response

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """Answer for a `ProductError`, and to a page that asks what a passkey has to sign; leave everything else to Django."""
        if isinstance(exception, Asked):
            return JsonResponse(exception.told, headers={"Cache-Control": "no-store"})
        if isinstance(exception, DataError) and _holds_nul(request):
            return refusals.page(request, NulTyped())
        if not isinstance(exception, ProductError):
            return None
        return refusals.page(request, exception)


def _holds_nul(request: HttpRequest) -> bool:
    sent = (request.GET, request.POST)
    return any("\0" in value for form in sent for _, values in form.lists() for value in values)


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
