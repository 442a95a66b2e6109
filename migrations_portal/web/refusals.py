"""What a refused wish leaves: a ledger entry (A7, L13), and a sentence for the person, on the page or as a page of its own."""

from collections.abc import Mapping

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from migrations_portal.execution import refusals
from migrations_portal.kernel.errors import ProductError, Refused
from migrations_portal.people.access import NotAllowed
from migrations_portal.people.models import Person
from migrations_portal.web.pace import OpenedTooOften

READING = frozenset({"GET", "HEAD", "OPTIONS"})


def note(request: HttpRequest, refusal: ProductError, *, wish: str = "", plan_id: int = 0) -> None:
    """Write down what was refused, once; looking at a page is no wish. Call it after the refused act's transaction ended.

    `wish`, `plan_id`: where the address does not say it.
    """
    if (
        not isinstance(refusal, Refused)
        or request.method in READING
        or not isinstance(request.user, Person)
    ):
        return
    at = request.resolver_match
    given = at.kwargs if at else {}
    refusals.record(
        by=request.user,
        wish=wish or (at.url_name if at else "") or "",
        refusal=refusal,
        plan_id=plan_id or given.get("plan_id", 0),
        run_id=given.get("run_id", 0),
    )


def tell(request: HttpRequest, refusal: Refused) -> None:
    """Write down what was refused, and say it on the page that comes next."""
    note(request, refusal)
    messages.error(request, refusal.sentence)


def page(
    request: HttpRequest,
    refusal: ProductError,
    *,
    title: str = "",
    action: Mapping[str, str] | None = None,
) -> HttpResponse:
    """Write down what was refused, and answer with a page that says it, and what to do (`action`: label and url).

    403 for who may not, 409 for what cannot be now, 429 for too often, 503 for trouble of ours.
    """
    note(request, refusal)
    told = {
        "title": title,
        "sentence": refusal.sentence,
        "code": refusal.code,
        "action": action,
    }
    return render(request, "refused.html", told, status=_status(refusal))


def _status(error: ProductError) -> int:
    if not isinstance(error, Refused):
        return 503
    if isinstance(error, NotAllowed):
        return 403
    if error.code.endswith("-not-found"):
        return 404
    return 429 if isinstance(error, OpenedTooOften) else 409
