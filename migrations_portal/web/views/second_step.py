"""The second step of signing in, for whoever has a second factor: a passkey, or a code. The password was right before."""

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import login
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.crypto import constant_time_compare
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from migrations_portal.accounts import proving, signing_in
from migrations_portal.accounts.rules import CHALLENGE_LIVES
from migrations_portal.kernel.errors import Refused
from migrations_portal.people.models import Person
from migrations_portal.web import clock, step_up
from migrations_portal.web.forms.accounts import SecondStepForm
from migrations_portal.web.pace import check_asking

KEPT = "second-step"
"""In the session: who gave the right password, when, and where they want to go."""
BACKEND = "django.contrib.auth.backends.ModelBackend"


def begin(request: HttpRequest, person: Person, *, then: str) -> HttpResponse:
    """Remember that the password was right, and lead to the second step."""
    request.session.cycle_key()
    request.session[KEPT] = {
        "person": person.pk,
        "password": person.get_session_auth_hash(),
        "until": (clock.now() + CHALLENGE_LIVES).timestamp(),
        "then": then,
    }
    return redirect("second-step")


def _waiting(request: HttpRequest) -> Person | None:
    """Return who gave the right password less than five minutes ago, if they still are who they were."""
    kept = request.session.get(KEPT)
    if not kept or clock.now().timestamp() > kept["until"]:
        return None
    person = Person.objects.filter(pk=kept["person"], is_active=True).first()
    if person is None or not constant_time_compare(
        person.get_session_auth_hash(), kept["password"]
    ):
        return None
    return person


@login_not_required
@sensitive_post_parameters("code", "passkey")
@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def second_step(request: HttpRequest) -> HttpResponse:
    """Ask for the second factor, and sign the person in."""
    person = _waiting(request)
    if person is None:
        request.session.pop(KEPT, None)
        messages.info(request, "Give your password again; that step is good for five minutes.")
        return redirect("login")
    form = SecondStepForm(request.POST or None, second=step_up.second(person))
    if request.method == "POST" and form.is_valid():
        check_asking("second-step", who=str(person.pk))
        try:
            proving.prove_second(
                person=person,
                code=form.cleaned_data["code"],
                key=settings.FACTOR_KEY,
                now=clock.now(),
                answer=step_up.answer(request, person=person),
            )
        except Refused as refusal:
            _refuse(request, form, refusal, person=person)
        else:
            then = request.session.pop(KEPT)["then"]
            login(request, person, backend=BACKEND)
            return redirect(then)
    status = 422 if form.is_bound else 200
    told = {"form": form, "email": person.email}
    return render(request, "registration/second_step.html", told, status=status)


def _refuse(
    request: HttpRequest, form: SecondStepForm, refusal: Refused, *, person: Person
) -> None:
    form.add_error("code" if refusal.code.startswith("code-") else None, refusal.sentence)
    ip = str(request.META.get("REMOTE_ADDR", ""))
    signing_in.failed_second(email=person.email, ip=ip)
