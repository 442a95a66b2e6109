"""From a mail link to a decision. GET shows and changes nothing; only the POST decides (A1, A2)."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from migrations_portal.approvals import queries, services
from migrations_portal.approvals.models import Seat
from migrations_portal.approvals.rules import (
    MEANINGS,
    STAGES,
    STEP_UP_LEVELS,
    WINDOWS,
    Decision,
    Stage,
)
from migrations_portal.kernel.errors import Refused
from migrations_portal.people.models import Person
from migrations_portal.people.rules import Role
from migrations_portal.plans import queries as plan_queries
from migrations_portal.tasks import bells
from migrations_portal.web import clock
from migrations_portal.web.forms.sign_off import SignOffForm, StepUpSignOffForm
from migrations_portal.web.people import signed_in
from migrations_portal.web.presenters import seats as presenter


@require_safe
@never_cache
def open_link(request: HttpRequest, token: str) -> HttpResponse:
    """Lead the invited person to the clean address of the page; tell anybody else whose link it is (A3, A13)."""
    person = signed_in(request)
    invitation = queries.invitation(token=token, now=timezone.now())
    if invitation.person_id != person.pk:
        services.record_wrong_person(invitation=invitation, by=person)
        told = {
            "state": "wrong_person",
            "meant_for": invitation.person.full_name,
            **_signed_in(person),
        }
        page = render(request, "approvals/sign_off.html", told, status=403)
        return _private(page, referrer="strict-origin")  # the token stands in this address
    return _private(redirect("sign-off", seat_id=invitation.seat_id), referrer="no-referrer")


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def sign_off(request: HttpRequest, seat_id: int) -> HttpResponse:
    """Show one seat, or decide on it."""
    person = signed_in(request)
    rows = Seat.objects.select_related(
        "revision__plan__target__group", "revision__plan__author", "decided_by"
    )
    seat = get_object_or_404(rows, pk=seat_id)
    plan_queries.get(plan_id=seat.revision.plan_id, person=person)
    form_class = StepUpSignOffForm if _asks_again(seat) else SignOffForm
    if request.method != "POST":
        form = form_class(initial={"digest": seat.revision.digest})
        return _private(_page(request, seat, person=person, form=form))
    form = form_class(request.POST)
    if form.is_valid() and _proves(form, person):
        return _decide(request, seat, person=person, form=form)
    return _private(_page(request, seat, person=person, form=form, status=422))


def _asks_again(seat: Seat) -> bool:
    return seat.revision.level in STEP_UP_LEVELS or seat.revision.phi


def _proves(form: SignOffForm, person: Person) -> bool:
    password = form.cleaned_data.get("password")
    if password is None or person.check_password(password):
        return True
    form.add_error("password", "This is not your password. Nothing was decided; try again.")
    return False


def _decide(request: HttpRequest, seat: Seat, *, person: Person, form: SignOffForm) -> HttpResponse:
    given = form.cleaned_data
    evidence = services.Evidence(
        ip=request.META.get("REMOTE_ADDR"),
        user_agent=request.headers.get("User-Agent", ""),
        factors="session and password" if "password" in given else "session",
    )
    try:
        services.sign_off(
            seat_id=seat.pk,
            by=person,
            decision=Decision(given["decision"]),
            reason=given["reason"],
            digest=given["digest"],
            evidence=evidence,
            now=timezone.now(),
            day=clock.day(),
            public_url=clock.public_url(),
        )
    except Refused as refusal:
        services.record_refusal(seat=seat, by=person, code=refusal.code, sentence=refusal.sentence)
        messages.error(request, refusal.sentence)
        seat.refresh_from_db()
        return _private(_page(request, seat, person=person, form=form, status=409))
    bells.notices_soon()
    bells.runs_soon()
    return redirect("sign-off", seat_id=seat.pk)


def _page(
    request: HttpRequest, seat: Seat, *, person: Person, form: SignOffForm, status: int = 200
) -> HttpResponse:
    state, reason = _state(seat, person)
    plan, revision, role = seat.revision.plan, seat.revision, Role(seat.role)
    stage = Stage(seat.stage)
    told: dict[str, Any] = {
        "state": state,
        "reason": reason,
        "plan": presenter.plan(plan, revision=revision, window=WINDOWS[revision.level]),
        "seat": {
            "role_title": role.title,
            "stage": f"{STAGES[stage].label} {STAGES[stage].title}",
            "question": f"Sign as {role.title.lower()}?",
            "verb": f"Sign as {role.title.lower()}",
            "due_at": seat.due_at,
        },
        "meaning": _meaning(stage, role),
        "facts": presenter.facts(plan, revision=revision, now=timezone.now()),
        "seats": [
            presenter.seat(each, mine=state == "open" and each.pk == seat.pk)
            for each in queries.seats(revision)
        ],
        "form": form if state == "open" else None,
        "post_url": reverse("sign-off", args=[seat.pk]),
        "decided": presenter.decided(seat),
        **_signed_in(person),
    }
    return render(request, "approvals/sign_off.html", told, status=status)


def _meaning(stage: Stage, role: Role) -> str:
    """Return what the signature means, as the signer says it."""
    words = MEANINGS[stage].format(role=role.title.lower())
    return f"I have {words}" if stage is Stage.REVIEW else f"I {words}"


def _state(seat: Seat, person: Person) -> tuple[str, str]:
    if seat.decision:
        return ("done" if seat.decided_by_id == person.pk else "decided"), ""
    try:
        services.check_may_decide(seat, by=person)
    except Refused as refusal:
        return {"seat-not-open": "not_yet", "not-allowed": "not_yours"}.get(
            refusal.code, "not_yours"
        ), refusal.sentence
    return "open", ""


def _signed_in(person: Person) -> dict[str, Any]:
    return {
        "signed_in_as": person.full_name,
        "home_url": reverse("my-turn"),
        "sign_out_url": reverse("logout"),
    }


def _private(answer: HttpResponse, *, referrer: str = "same-origin") -> HttpResponse:
    """Keep the page out of caches and its address away from others (A3).

    A page with a form must not say "no-referrer": browsers then send `Origin: null`, and the form is refused.
    """
    answer["Referrer-Policy"] = referrer
    answer["Cache-Control"] = "no-store"
    return answer
