"""One's own passkeys: a new one in two steps (who says so, then the device), another name, and taking one away."""

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from migrations_portal.accounts import enrolling, passkeys, queries
from migrations_portal.accounts.passkeys import Answer
from migrations_portal.accounts.rules import CHALLENGE_LIVES
from migrations_portal.kernel.errors import Refused
from migrations_portal.tasks import bells
from migrations_portal.web import clock, refusals, step_up
from migrations_portal.web.forms.accounts import PROOF_FIELDS, PasskeyForm, PasskeyNameForm
from migrations_portal.web.pace import check_asking
from migrations_portal.web.people import signed_in
from migrations_portal.web.views import account

GRANT = "passkey-add"
"""In the session: what a new passkey is called, and until when its person may add it without saying again who they are."""


@sensitive_post_parameters("password", "code", "passkey")
@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def add(request: HttpRequest) -> HttpResponse:
    """Begin to add a passkey: what it is called, and who says so."""
    person = signed_in(request)
    passkeys.check_site(step_up.site())
    has = queries.held(person=person)
    form = PasskeyForm(request.POST or None, second=step_up.second(person, has=has))
    if request.method == "POST" and form.is_valid():
        check_asking("passkey-add", who=str(person.pk))
        try:
            step_up.prove(request, person=person, has=has, required=False)
        except Refused as refusal:
            refusals.note(request, refusal)
            form.add_error(PROOF_FIELDS.get(refusal.code), refusal.sentence)
        else:
            until = clock.now() + CHALLENGE_LIVES
            request.session[GRANT] = {
                "name": form.cleaned_data["name"],
                "until": until.timestamp(),
            }
            return redirect("passkey-create")
    status = 422 if form.is_bound else 200
    return render(request, "people/passkey.html", {"form": form}, status=status)


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def create(request: HttpRequest) -> HttpResponse:
    """Have the person's device make the passkey, and keep it."""
    person, now = signed_in(request), clock.now()
    grant = request.session.get(GRANT)
    if not grant or now.timestamp() > grant["until"]:
        request.session.pop(GRANT, None)
        messages.info(request, "That took longer than five minutes. Begin again.")
        return redirect("passkey-add")
    told = {"name": grant["name"]}
    given = request.POST.get(step_up.FIELD, "")
    if not given:
        status = 422 if request.method == "POST" else 200
        return render(request, "people/passkey_create.html", told, status=status)
    answer = Answer(
        text=given, bound_to=step_up.act(request, about=[grant["name"]]), site=step_up.site()
    )
    if given == step_up.ASK:
        step_up.ask_to_create(person=person, bound_to=answer.bound_to)
    try:
        codes = enrolling.add(person=person, answer=answer, name=grant["name"], now=now)
    except Refused as refusal:
        refusals.note(request, refusal)
        told["refused"] = refusal.sentence
        return render(request, "people/passkey_create.html", told, status=409)
    del request.session[GRANT]
    bells.notices_soon()
    if codes:
        return account.page(request, person=person, new_codes=codes)
    messages.success(request, f"The passkey “{grant['name']}” is added.")
    return redirect("account")


@require_POST
def rename(request: HttpRequest, passkey_id: int) -> HttpResponse:
    """Give a passkey another name."""
    form = PasskeyNameForm(request.POST)
    if form.is_valid():
        name = form.cleaned_data["name"]
        enrolling.rename(person=signed_in(request), passkey_id=passkey_id, name=name)
    else:
        messages.error(request, "Give it a name.")
    return redirect("account")


@sensitive_post_parameters("password", "code", "passkey")
@require_POST
@never_cache
def remove(request: HttpRequest, passkey_id: int) -> HttpResponse:
    """Take one passkey away."""
    person = signed_in(request)
    try:
        step_up.prove(request, person=person, has=queries.held(person=person))
        enrolling.remove(
            person=person,
            passkey_id=passkey_id,
            required=settings.REQUIRE_SECOND_FACTOR,
            site=step_up.site(),
            now=clock.now(),
        )
    except Refused as refusal:
        refusals.tell(request, refusal)
    else:
        bells.notices_soon()
        messages.success(request, "The passkey is removed. Your device may still list it.")
    return redirect("account")
