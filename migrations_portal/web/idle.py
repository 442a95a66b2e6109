"""Ends sessions that nobody uses: after half an hour without an act, and after twelve hours in any case (800-63B, AAL2)."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import logout
from django.contrib.auth.signals import user_logged_in
from django.contrib.sessions.backends.base import SessionBase
from django.http import HttpRequest, HttpResponse

from migrations_portal.web import clock

BEGAN, USED = "began_at", "used_at"
"""Keys in the session: when the person signed in, and when they last did something. Seconds since 1970."""
EXACT_TO = 60
"""Seconds. A use is written down only so often, so that a page costs no write: a session ends up to a minute early, never late."""


def is_over(session: SessionBase, *, now: datetime) -> bool:
    """Say whether a signed-in session has been idle too long, or has lasted too long."""
    at = now.timestamp()
    used, began = float(session.get(USED, at)), float(session.get(BEGAN, at))
    return at - used > settings.SESSION_IDLE_SECONDS or at - began > settings.SESSION_COOKIE_AGE


def is_over_elsewhere(session_key: str, *, store: type[SessionBase], now: datetime) -> bool:
    """Say the same of a session as it is kept now, also when somebody has signed out of it meanwhile."""
    kept = store(session_key)
    return "_auth_user_id" not in kept or is_over(kept, now=now)


def begin(*, request: HttpRequest, **_others: Any) -> None:
    """Count a session from its sign-in."""
    request.session[BEGAN] = request.session[USED] = clock.now().timestamp()


def begin_at_sign_in() -> None:
    """Have Django call `begin` whenever somebody signs in."""
    user_logged_in.connect(begin, dispatch_uid="idle")


def _is_a_page_by_itself(request: HttpRequest) -> bool:
    """Say whether a page asks by itself, with nobody at it: events and parts that are renewed. That keeps no session alive."""
    asks_for_events = "text/event-stream" in request.headers.get("Accept", "")
    return asks_for_events or (request.method == "GET" and "HX-Request" in request.headers)


class IdleMiddleware:
    """Signs a person out whose session is over, and says why; counts the use of any other."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        """Take the next layer."""
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Pass the request on, as nobody's when the session is over."""
        if "_auth_user_id" in request.session:
            by_itself, now = _is_a_page_by_itself(request), clock.now()
            if is_over(request.session, now=now):
                _sign_out(request)
                if by_itself:  # no redirect, which would show and spend the reason where nobody sees it: the page loads anew
                    return HttpResponse(status=204, headers={"HX-Refresh": "true"})
            elif not by_itself:
                _keep(request.session, now=now)
        return self.get_response(request)


def _keep(session: SessionBase, *, now: datetime) -> None:
    at = now.timestamp()
    if at - session.get(USED, 0) >= EXACT_TO:
        session[USED] = at
        session.setdefault(BEGAN, at)


def _sign_out(request: HttpRequest) -> None:
    minutes = settings.SESSION_IDLE_SECONDS // 60
    hours = settings.SESSION_COOKIE_AGE // 3600
    logout(request)
    messages.info(
        request,
        f"You were signed out: a session ends after {minutes} minutes without a click, and {hours} hours after signing in. "
        "A page that renews itself does not count as a click.",
    )
