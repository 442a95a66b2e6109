"""From a mail link to a decision. GET shows and changes nothing; only the POST decides (A1, A2)."""

from collections.abc import Callable
from datetime import datetime
from functools import partial
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_safe

from migrations_portal.accounts import queries as accounts
from migrations_portal.accounts.queries import Held
from migrations_portal.approvals import queries, services
from migrations_portal.approvals.models import Seat
from migrations_portal.approvals.policy import why_asked_again
from migrations_portal.approvals.rules import Decision
from migrations_portal.kernel.errors import Refused
from migrations_portal.people.models import Person
from migrations_portal.plans import queries as plan_queries
from migrations_portal.tasks import bells
from migrations_portal.web import clock, pace, shown, step_up
from migrations_portal.web.forms.accounts import PROOF_FIELDS
from migrations_portal.web.forms.sign_off import (
    SignOffForm,
    StepUpSignOffForm,
    TwoFactorSignOffForm,
)
from migrations_portal.web.people import signed_in
from migrations_portal.web.presenters import changes, seats
from migrations_portal.web.presenters import sign_off as presenter


@require_safe
@never_cache
def open_link(request: HttpRequest, token: str) -> HttpResponse:
    """Lead the invited person to the clean address of the page; tell anybody else whose link it is (A3, A13)."""
    person = signed_in(request)
    pace.check_opening(token)
    invitation = queries.invitation(token=token, now=clock.now())
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
    seat = _seat(seat_id, person)
    form_class = _form_maker(seat, person)
    if request.method != "POST":
        since = shown.written(seat_id=seat.pk, person_id=person.pk, at=clock.now())
        form = form_class(initial={"digest": seat.revision.digest, "shown": since})
        return _private(_page(request, seat, person=person, form=form))
    form = form_class(request.POST)
    if form.is_valid() and (factors := _factors(request, form, seat, person)):
        return _decide(request, seat, person=person, form=form, factors=factors)
    return _private(_page(request, seat, person=person, form=form, status=422))


def _asked_because(seat: Seat) -> list[str]:
    """Return why a fresh proof is asked for, nothing when none is."""
    revision = seat.revision
    return why_asked_again(
        level=revision.level, phi=revision.phi, emergency=bool(revision.plan.emergency_reason)
    )


def _form_maker(seat: Seat, person: Person) -> Callable[..., SignOffForm]:
    because = _asked_because(seat)
    if not because:
        return SignOffForm
    has = _held(seat, person)
    form_class = TwoFactorSignOffForm if has else StepUpSignOffForm
    return partial(form_class, because=because, asks=step_up.asks(person, has=has))


def _held(seat: Seat, person: Person) -> Held:
    """Return the person's second factors, which `_seat` read with the seat."""
    return accounts.held_from(vars(seat)["held_carried"], person=person)


def _factors(request: HttpRequest, form: SignOffForm, seat: Seat, person: Person) -> str:
    """Return how the person proved who they are; empty, with the reason in the form, when they did not."""
    if "password" not in form.fields:
        return "session"
    about = [seat.revision.digest]
    try:
        return step_up.prove(request, person=person, has=_held(seat, person), about=about)
    except Refused as refusal:
        form.add_error(PROOF_FIELDS.get(refusal.code), refusal.sentence)
        services.record_refusal(seat=seat, by=person, code=refusal.code, sentence=refusal.sentence)
        return ""


def _decide(
    request: HttpRequest, seat: Seat, *, person: Person, form: SignOffForm, factors: str
) -> HttpResponse:
    given, now = form.cleaned_data, clock.now()
    evidence = services.Evidence(
        ip=request.META.get("REMOTE_ADDR"),
        user_agent=request.headers.get("User-Agent", ""),
        factors=factors,
        shown_at=shown.read(given["shown"], seat_id=seat.pk, person_id=person.pk) or now,
    )
    try:
        services.sign_off(
            seat_id=seat.pk,
            by=person,
            decision=Decision(given["decision"]),
            reason=given["reason"],
            digest=given["digest"],
            evidence=evidence,
            now=now,
            day=clock.day(),
            public_url=clock.public_url(),
        )
    except Refused as refusal:
        services.record_refusal(seat=seat, by=person, code=refusal.code, sentence=refusal.sentence)
        messages.error(request, refusal.sentence)
        return _private(
            _page(request, _seat(seat.pk, person), person=person, form=form, status=409)
        )
    bells.notices_soon()
    bells.chain_soon()
    bells.runs_soon()
    return redirect("sign-off", seat_id=seat.pk)


def _seat(seat_id: int, person: Person) -> Seat:
    """Return a seat of a plan that the person may see, or raise `PlanNotFound`."""
    plans = plan_queries.visible(person=person).order_by().values("pk")
    rows = Seat.objects.filter(pk=seat_id, revision__plan__in=plans).select_related(
        "revision__plan__target__group", "revision__plan__author", "decided_by"
    )
    rows = rows.annotate(held_carried=accounts.held_beside(person=person))
    if (seat := rows.first()) is None:
        raise plan_queries.PlanNotFound
    return seat


def _page(
    request: HttpRequest, seat: Seat, *, person: Person, form: SignOffForm, status: int = 200
) -> HttpResponse:
    now = clock.now()
    state, reason, giver = _state(seat, person, now=now)
    plan, revision = seat.revision.plan, seat.revision
    is_open, done = state == "open", state == "done"
    told: dict[str, Any] = {
        "state": state,
        "reason": reason,
        "plan": presenter.plan(plan, revision=revision),
        "seat": presenter.seat(seat, giver=giver),
        "meaning": presenter.meaning(seat),
        "facts": [] if done else presenter.answers(plan, revision=revision, now=now),
        "changes": changes.since_signed(plan, person=person, now=revision) if is_open else None,
        "seats": [
            seats.seat(each, mine=is_open and each.pk == seat.pk, now=now)
            for each in queries.seats(revision)
        ],
        "form": form if is_open else None,
        "post_url": reverse("sign-off", args=[seat.pk]),
        "decided": seats.decided(seat),
        "next": presenter.what_next(seat, now=now) if done else [],
        "next_action": _next_action(state, person, now=now),
        **_signed_in(person),
    }
    return render(request, "approvals/sign_off.html", told, status=status)


STATES = {"seat-not-open": "not_yet", "not-allowed": "not_yours", "closed": "closed"}


def _state(seat: Seat, person: Person, *, now: datetime) -> tuple[str, str, Person | None]:
    """Return the page's state, the reason when it is not the reader's turn, and for whom they would sign."""
    if seat.voided_at is not None:
        return "closed", f"{seat.void_reason} You get a mail when you are asked anew.", None
    if seat.decision:
        return ("done" if seat.decided_by_id == person.pk else "decided"), "", None
    try:
        giver = services.check_may_decide(seat, by=person, now=now)
    except Refused as refusal:
        over = seat.opened_at is not None and refusal.code == "seat-not-open"
        return "closed" if over else STATES.get(refusal.code, "not_yours"), refusal.sentence, None
    if _asked_because(seat) and settings.REQUIRE_SECOND_FACTOR and not _held(seat, person):
        return (
            "needs_factor",
            (
                "Signing at this risk takes a passkey, or a code from your phone beside the password. Setting one up takes two "
                "minutes; then come back to this page by the link in your mail."
            ),
            None,
        )
    return "open", "", giver


def _next_action(state: str, person: Person, *, now: datetime) -> dict[str, str] | None:
    if state == "needs_factor":
        return {"label": "Set up a second factor", "url": reverse("account")}
    return presenter.next_duty(person, now=now) if state == "done" else None


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
