"""The button of the stage before production."""

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_POST

from migrations_portal.execution import staging
from migrations_portal.kernel.errors import Refused
from migrations_portal.plans import queries
from migrations_portal.web import clock, refusals
from migrations_portal.web.people import signed_in


@require_POST
def stage(request: HttpRequest, plan_id: int) -> HttpResponse:
    """Have a plan run on staging again after it did not succeed there."""
    person = signed_in(request)
    queries.get(plan_id=plan_id, person=person)
    try:
        run = staging.ask_again(plan_id=plan_id, by=person, now=clock.now())
    except Refused as refusal:
        refusals.tell(request, refusal)
    else:
        messages.success(request, f"Run {run.pk} goes to {run.target}; it begins within seconds.")
    return redirect(f"{reverse('plan', args=[plan_id])}#staging")
