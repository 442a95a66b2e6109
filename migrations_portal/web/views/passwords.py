"""Choosing a password by a link, asking for such a link, and changing one's password. A GET changes nothing (A1)."""

from typing import Any

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import logout, update_session_auth_hash
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from migrations_portal.accounts import links, passwords
from migrations_portal.accounts.rules import LinkNotGood, PasskeyRefused, ProofMissing
from migrations_portal.kernel.errors import Refused
from migrations_portal.people.models import Person
from migrations_portal.tasks import bells
from migrations_portal.web import clock, refusals, step_up
from migrations_portal.web.forms.accounts import ChangeForm, ChooseForm, ForgottenForm
from migrations_portal.web.pace import check_asking
from migrations_portal.web.people import signed_in

KEPT = "password-link"
CLEAN = "choose"
"""Stands in the address in place of the token, so that neither history nor a referrer holds it (A3)."""
SAID = "If this address has an account, a link is on its way. It is good for a day."
WITHOUT_FIELD = (PasskeyRefused, ProofMissing)
FIELDS = {"password-wrong": "old", "code-wrong": "code", "code-locked": "code"}


def _ip(request: HttpRequest) -> str:
    return str(request.META.get("REMOTE_ADDR", ""))


@login_not_required
@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def forgotten(request: HttpRequest) -> HttpResponse:
    """Ask for a link; the answer is the same whether or not the address has an account."""
    form = ForgottenForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        check_asking("link", who=_ip(request))
        links.forgotten(
            email=form.cleaned_data["email"], now=clock.now(), public_url=clock.public_url()
        )
        bells.notices_soon()
        messages.success(request, SAID)
        return redirect("login")
    status = 422 if form.is_bound else 200
    return render(request, "registration/forgotten.html", {"form": form}, status=status)


@login_not_required
@sensitive_post_parameters("new", "again", "code", "passkey")
@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def choose(request: HttpRequest, uid: str, token: str) -> HttpResponse:
    """Choose a password by a link. The token goes from the address into the session first."""
    if token != CLEAN:
        if request.method == "POST":
            return redirect("password-choose", uid, token)
        request.session[KEPT] = token
        return redirect("password-choose", uid, CLEAN)
    now, kept = clock.now(), str(request.session.get(KEPT, ""))
    try:
        person = links.person_of(uid=uid, token=kept, now=now)
    except LinkNotGood as refusal:
        refused = {"refused": refusal.sentence}
        return render(request, "registration/choose.html", refused, status=410)
    form = ChooseForm(request.POST or None, second=step_up.second(person))
    if request.method == "POST" and form.is_valid():
        check_asking("choose", who=str(person.pk))
        try:
            passwords.choose(uid=uid, token=kept, now=now, **_given(request, form, person=person))
        except Refused as refusal:
            refusals.note(request, refusal)
            _refuse(form, refusal)
        else:
            logout(request)
            messages.success(request, "Your password is set. Sign in with it.")
            return redirect("login")
    told = {"form": form, "email": person.email}
    return render(request, "registration/choose.html", told, status=422 if form.is_bound else 200)


@sensitive_post_parameters("old", "new", "again", "code", "passkey")
@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def change(request: HttpRequest) -> HttpResponse:
    """Change one's own password; this session stays, all others end."""
    person = signed_in(request)
    form = ChangeForm(request.POST or None, second=step_up.second(person))
    if request.method == "POST" and form.is_valid():
        check_asking("change", who=str(person.pk))
        try:
            changed = passwords.change(
                person=person,
                old=form.cleaned_data["old"],
                now=clock.now(),
                **_given(request, form, person=person),
            )
        except Refused as refusal:
            refusals.note(request, refusal)
            _refuse(form, refusal)
        else:
            update_session_auth_hash(request, changed)
            messages.success(
                request, "Your password is changed. Your other sessions and your API tokens ended."
            )
            return redirect("account")
    status = 422 if form.is_bound else 200
    return render(request, "registration/change.html", {"form": form}, status=status)


def _given(request: HttpRequest, form: ChooseForm, *, person: Person) -> dict[str, Any]:
    return {
        "answer": step_up.answer(request, person=person),
        "password": form.cleaned_data["new"],
        "code": form.cleaned_data.get("code", ""),
        "key": settings.FACTOR_KEY,
    }


def _refuse(form: ChooseForm, refusal: Refused) -> None:
    form.add_error(
        None if isinstance(refusal, WITHOUT_FIELD) else FIELDS.get(refusal.code, "new"),
        refusal.sentence,
    )
