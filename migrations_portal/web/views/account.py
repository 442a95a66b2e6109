"""One's own account: passkeys, the authenticator app, recovery codes."""

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST, require_safe

from migrations_portal.accounts import queries, services
from migrations_portal.accounts.queries import Held
from migrations_portal.accounts.rules import MOST_WRONG, address, spaced
from migrations_portal.kernel.errors import Refused
from migrations_portal.people.models import Person
from migrations_portal.web import clock, refusals, step_up
from migrations_portal.web.forms.accounts import PROOF_FIELDS, ConfirmForm, RemoveForm
from migrations_portal.web.people import signed_in
from migrations_portal.web.presenters import account as presenter


@require_safe
@never_cache
def account(request: HttpRequest) -> HttpResponse:
    """Show whether there is a second factor, and what can be done about it."""
    return page(request, person=signed_in(request))


@require_POST
@never_cache
def begin(request: HttpRequest) -> HttpResponse:
    """Make a secret for the person's app. Whoever has a passkey shows it first, so that nobody else adds a way in."""
    person = signed_in(request)
    has = queries.held(person=person)
    try:
        if has.passkeys:
            step_up.prove(request, person=person, has=has)
        services.begin(person=person, key=settings.FACTOR_KEY, now=clock.now())
    except Refused as refusal:
        refusals.tell(request, refusal)
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
            return page(request, person=person, new_codes=codes)
    return page(request, person=person, confirm=form, status=422)


@sensitive_post_parameters("password", "code", "passkey")
@require_POST
@never_cache
def remove(request: HttpRequest) -> HttpResponse:
    """Take one's own second factor away."""
    person = signed_in(request)
    has = queries.held(person=person)
    form = RemoveForm(request.POST, asks=step_up.asks(person, has=has))
    if form.is_valid():
        try:
            step_up.prove(request, person=person, has=has)
            services.remove(person=person)
        except Refused as refusal:
            refusals.note(request, refusal)
            form.add_error(PROOF_FIELDS.get(refusal.code), refusal.sentence)
        else:
            messages.success(request, "Your authenticator app is removed.")
            return redirect("account")
    return page(request, person=person, remove=form, status=422)


def page(
    request: HttpRequest,
    *,
    person: Person,
    confirm: ConfirmForm | None = None,
    remove: RemoveForm | None = None,
    new_codes: list[str] | None = None,
    status: int = 200,
) -> HttpResponse:
    """Return the page; `new_codes` are recovery codes, shown this once."""
    app, pending = queries.factor(person=person), queries.pending(person=person)
    keys = presenter.passkeys(person)
    has = Held(app=app, passkeys=bool(keys))
    told: dict[str, Any] = {
        "new_codes": [spaced(code) for code in new_codes or ()],
        "codes_left": queries.codes_left(person=person) if has else None,
        "passkeys": keys,
        "passkeys_here": step_up.site() is not None,
        "asks": step_up.second(person, has=has),
        "required": settings.REQUIRE_SECOND_FACTOR,
        "most_wrong": MOST_WRONG,
        "factor": None,
        "setup": None,
        "form": None,
    }
    if app:
        told["form"] = remove or RemoveForm(asks=step_up.asks(person, has=has))
        told["factor"] = {"since": app.confirmed_at}
    elif pending:
        secret = services.secret_to_show(factor=pending, key=settings.FACTOR_KEY)
        told["form"] = confirm or ConfirmForm()
        told["setup"] = {
            "key": spaced(secret),
            "address": address(secret=secret, email=person.email),
        }
    return render(request, "people/account.html", told, status=status)
