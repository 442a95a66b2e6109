"""What people do with a plan beside signing it: comment, clone, phases and the deploys between them."""

from collections.abc import Callable

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_POST

from migrations_portal.kernel.errors import Refused
from migrations_portal.plans import cloning, comments, queries, series
from migrations_portal.plans.models import MigrationPlan
from migrations_portal.tasks import bells
from migrations_portal.web import clock, refusals
from migrations_portal.web.people import signed_in


def _carried_out(request: HttpRequest, act: Callable[[], object]) -> bool:
    """Do it, or say why not; what was typed comes back with the browser's Back."""
    try:
        act()
    except Refused as refusal:
        refusals.tell(request, refusal)
        return False
    return True


@require_POST
def comment(request: HttpRequest, plan_id: int) -> HttpResponse:
    """Add a comment; whoever it mentions gets a mail."""
    person = signed_in(request)
    queries.get(plan_id=plan_id, person=person)
    text = request.POST.get("text", "")
    done = _carried_out(
        request,
        lambda: comments.add(
            plan_id=plan_id, by=person, text=text, now=clock.now(), public_url=clock.public_url()
        ),
    )
    if done:
        bells.notices_soon()
    else:
        request.session[f"comment-{plan_id}"] = text[: comments.MAX_LENGTH]
    return redirect(reverse("plan", args=[plan_id]) + "#comments")


@require_POST
def clone(request: HttpRequest, plan_id: int) -> HttpResponse:
    """Open the plan again as a new draft."""
    person = signed_in(request)
    old = queries.get(plan_id=plan_id, person=person)
    made: list[MigrationPlan] = []
    if not _carried_out(
        request,
        lambda: made.append(cloning.clone(plan_id=plan_id, by=person, now=clock.now())),
    ):
        return redirect("plan", plan_id=plan_id)
    bells.assess_soon(made[0])
    messages.success(
        request, f"{made[0].number} is a new draft with everything of {old.number} but its date."
    )
    return redirect("plan-edit", plan_id=made[0].pk)


@require_POST
def add_phase(request: HttpRequest, plan_id: int) -> HttpResponse:
    """Open the draft of the next phase."""
    person = signed_in(request)
    queries.get(plan_id=plan_id, person=person)
    made: list[MigrationPlan] = []
    if not _carried_out(
        request,
        lambda: made.append(
            series.add_phase(
                plan_id=plan_id,
                by=person,
                title=request.POST.get("title", ""),
                deploy_before=request.POST.get("deploy", ""),
                now=clock.now(),
            )
        ),
    ):
        return redirect(reverse("plan", args=[plan_id]) + "#phases")
    return redirect("plan-edit", plan_id=made[0].pk)


@require_POST
def confirm_deploy(request: HttpRequest, plan_id: int) -> HttpResponse:
    """Confirm that the deploy before this phase is live."""
    person = signed_in(request)
    queries.get(plan_id=plan_id, person=person)
    done = _carried_out(
        request,
        lambda: series.confirm_deploy(
            plan_id=plan_id, by=person, note=request.POST.get("note", ""), now=clock.now()
        ),
    )
    if done:
        messages.success(request, "The deploy is confirmed; this phase may begin.")
    return redirect(reverse("plan", args=[plan_id]) + "#phases")
