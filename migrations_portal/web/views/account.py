"""One's own account: the second factor."""

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST, require_safe

from migrations_portal.accounts import queries, services
from migrations_portal.accounts.rules import MOST_WRONG, address, spaced
from migrations_portal.kernel.errors import Refused
from migrations_portal.people.models import Person
from migrations_portal.web import clock, refusals
from migrations_portal.web.forms.accounts import ConfirmForm, RemoveForm
from migrations_portal.web.people import signed_in


@require_safe
@never_cache
def account(request: HttpRequest) -> HttpResponse:
    """Show whether there is a second factor, and what can be done about it."""
    return _page(request, person=signed_in(request))


@require_POST
@never_cache
def begin(request: HttpRequest) -> HttpResponse:
    """Make a secret for the person's app."""
    services.begin(person=signed_in(request), key=settings.FACTOR_KEY, now=clock.now())
    return redirect("account")


@sensitive_post_parameters("code")
@require_POST
@never_cache
def confirm(request: HttpRequest) -> HttpResponse:
    """Take the first code, and show the recovery codes, this once."""
    person, form = signed_in(request), ConfirmForm(request.POST)
    if form.is_valid():
        try:
            codes = services.confirm(
                person=person,
                code=form.cleaned_data["code"],
                key=settings.FACTOR_KEY,
                now=clock.now(),
            )
        except Refused as refusal:
            refusals.note(request, refusal)
            form.add_error("code", refusal.sentence)
        else:
            return _page(request, person=person, new_codes=[spaced(code) for code in codes])
    return _page(request, person=person, confirm=form, status=422)


@sensitive_post_parameters("password", "code")
@require_POST
@never_cache
def remove(request: HttpRequest) -> HttpResponse:
    """Take one's own second factor away."""
    person, form = signed_in(request), RemoveForm(request.POST)
    if form.is_valid():
        given = form.cleaned_data
        try:
            services.remove(
                person=person,
                password=given["password"],
                code=given["code"],
                key=settings.FACTOR_KEY,
                now=clock.now(),
            )
        except Refused as refusal:
            refusals.note(request, refusal)
            field = "password" if refusal.code == "password-wrong" else "code"
            form.add_error(field, refusal.sentence)
        else:
            messages.success(request, "Your second factor is removed.")
            return redirect("account")
    return _page(request, person=person, remove=form, status=422)


def _page(
    request: HttpRequest,
    *,
    person: Person,
    confirm: ConfirmForm | None = None,
    remove: RemoveForm | None = None,
    new_codes: list[str] | None = None,
    status: int = 200,
) -> HttpResponse:
    factor, pending = queries.factor(person=person), queries.pending(person=person)
    told: dict[str, Any] = {
        "new_codes": new_codes,
        "required": settings.REQUIRE_SECOND_FACTOR,
        "most_wrong": MOST_WRONG,
        "factor": None,
        "setup": None,
        "form": None,
    }
    if factor:
        told["form"] = remove or RemoveForm()
        told["factor"] = {"since": factor.confirmed_at, "left": queries.codes_left(factor=factor)}
    elif pending:
        secret = services.secret_to_show(factor=pending, key=settings.FACTOR_KEY)
        told["form"] = confirm or ConfirmForm()
        told["setup"] = {
            "key": spaced(secret),
            "address": address(secret=secret, email=person.email),
        }
    return render(request, "people/account.html", told, status=status)
