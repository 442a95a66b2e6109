"""What changes a plan's course: withdraw, cancel, postpone, open for changes, the emergency path and its review."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_POST

from migrations_portal.approvals import services
from migrations_portal.kernel.errors import Refused
from migrations_portal.plans import queries
from migrations_portal.plans.models import MigrationPlan
from migrations_portal.tasks import bells
from migrations_portal.web import clock, refusals, step_up
from migrations_portal.web.people import signed_in

ASK_AGAIN = (services.submit_emergency, services.confirm_emergency)
"""The verbs before which a person proves again who they are (A5)."""


class TimeNotRead(Refused):
    """This is no date and time. Choose one from the field's calendar."""

    code = "time-not-read"


def local_time(plan: MigrationPlan, text: str) -> datetime:
    """Return a form's local time in the time zone of the plan's target, or raise `TimeNotRead`."""
    try:
        return datetime.fromisoformat(text).replace(tzinfo=plan.target.zone)
    except ValueError:
        raise TimeNotRead from None


def _act(
    request: HttpRequest, plan: MigrationPlan, *, verb: Callable[..., Any], said: str, **more: Any
) -> HttpResponse:
    """Carry one verb out for the signed-in person, and say on the plan's page how it went; refused, on a page of its own."""
    try:
        if verb in ASK_AGAIN:
            more["factors"] = step_up.prove_if_asked(
                request, person=signed_in(request), about=queries.digests(plan)
            )
        verb(
            plan_id=plan.pk,
            by=signed_in(request),
            now=clock.now(),
            day=clock.day(),
            public_url=clock.public_url(),
            **more,
        )
    except Refused as refusal:
        return _refused(request, plan, refusal)
    messages.success(request, said)
    bells.notices_soon()
    bells.runs_soon()
    return redirect("plan", plan_id=plan.pk)


def _refused(request: HttpRequest, plan: MigrationPlan, refusal: Refused) -> HttpResponse:
    """Whoever came too late learns it by the status too (A7), and where the plan stands now."""
    return refusals.page(
        request,
        refusal,
        title=f"Nothing was done to {plan.number}",
        action={
            "label": f"See where {plan.number} stands now",
            "url": reverse("plan", args=[plan.pk]),
        },
    )


def _plan(request: HttpRequest, plan_id: int) -> MigrationPlan:
    return queries.get(plan_id=plan_id, person=signed_in(request))


def _reason(request: HttpRequest) -> str:
    return request.POST.get("reason", "")


@require_POST
def withdraw(request: HttpRequest, plan_id: int) -> HttpResponse:
    """Take the plan back."""
    plan = _plan(request, plan_id)
    said = f"{plan.number} is withdrawn."
    return _act(request, plan, verb=services.withdraw, said=said, reason=_reason(request))


@require_POST
def cancel(request: HttpRequest, plan_id: int) -> HttpResponse:
    """Call an approved plan off."""
    plan = _plan(request, plan_id)
    said = f"{plan.number} is cancelled; its run does not start."
    return _act(request, plan, verb=services.cancel, said=said, reason=_reason(request))


@require_POST
def ask_again(request: HttpRequest, plan_id: int, seat_id: int) -> HttpResponse:
    """Send the mail of a seat again to who is waited for."""
    plan = _plan(request, plan_id)
    said = "The mail is on its way again. The link of the one before does not work any more."
    return _act(request, plan, verb=services.ask_again, said=said, seat_id=seat_id)


@require_POST
def revise(request: HttpRequest, plan_id: int) -> HttpResponse:
    """Open the plan for changes."""
    plan = _plan(request, plan_id)
    said = f"{plan.number} is open for changes. What was signed and ticked counts no more."
    return _act(request, plan, verb=services.revise, said=said, reason=_reason(request))


@require_POST
def postpone(request: HttpRequest, plan_id: int) -> HttpResponse:
    """Move T-0 later."""
    plan = _plan(request, plan_id)
    try:
        to = local_time(plan, request.POST.get("to", ""))
    except TimeNotRead as refusal:
        return _refused(request, plan, refusal)
    said = f"{plan.number} is postponed; everyone concerned gets a mail."
    return _act(request, plan, verb=services.postpone, said=said, to=to, reason=_reason(request))


@require_POST
def emergency(request: HttpRequest, plan_id: int) -> HttpResponse:
    """Submit a draft on the emergency path."""
    plan = _plan(request, plan_id)
    try:
        until = local_time(plan, request.POST.get("until", ""))
    except TimeNotRead as refusal:
        return _refused(request, plan, refusal)
    return _act(
        request,
        plan,
        verb=services.submit_emergency,
        said="Submitted as an emergency. A second person has to confirm it; they have a mail.",
        until=until,
        reason=_reason(request),
    )


@require_POST
def confirm_emergency(request: HttpRequest, plan_id: int) -> HttpResponse:
    """Confirm an emergency as the second person."""
    plan = _plan(request, plan_id)
    said = "Confirmed. All seats are open, and everybody concerned is told."
    verb = services.confirm_emergency
    return _act(request, plan, verb=verb, said=said, reason=_reason(request))


@require_POST
def review_emergency(request: HttpRequest, plan_id: int) -> HttpResponse:
    """Write the review that an emergency owes."""
    plan = _plan(request, plan_id)
    try:
        services.review_emergency(
            plan_id=plan_id,
            by=signed_in(request),
            finding=_reason(request),
            now=clock.now(),
        )
    except Refused as refusal:
        return _refused(request, plan, refusal)
    messages.success(request, "The review is written.")
    return redirect("plan", plan_id=plan_id)
