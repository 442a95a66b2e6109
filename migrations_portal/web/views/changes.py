"""What changed between two revisions of a plan."""

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from migrations_portal.approvals import queries as approvals
from migrations_portal.people.models import Person
from migrations_portal.plans import queries
from migrations_portal.plans.models import MigrationPlan, PlanRevision
from migrations_portal.web import clock
from migrations_portal.web.people import signed_in
from migrations_portal.web.presenters import changes as presenter
from migrations_portal.web.presenters import next_step


@require_safe
def changes(request: HttpRequest, plan_id: int) -> HttpResponse:
    """Show what changed since the revision that `since` names, else since the one this person signed, else since the one before."""
    person = signed_in(request)
    plan = queries.get(plan_id=plan_id, person=person)
    new = queries.newest_revision(plan)
    old = _old(request, plan, person=person)
    if new is None or old is None or old.number >= new.number:
        raise Http404
    signed = approvals.signed_before(person=person, plan=plan)
    told = {
        "plan": {"number": plan.number, "title": plan.title, "level": new.level, "phi": new.phi},
        "signed": signed is not None and signed.number == old.number,
        "old": {"number": old.number, "at": old.submitted_at, "by": old.submitted_by.full_name},
        "new": {"number": new.number, "at": new.submitted_at, "by": new.submitted_by.full_name},
        "zone": plan.target.time_zone,
        "action": next_step.primary(
            plan,
            person=person,
            seats=approvals.seats_of_plan(plan),
            runs=[],
            now=clock.now(),
        ),
        **presenter.between(plan, old=old, new=new),
    }
    return render(request, "approvals/changes.html", told)


def _old(request: HttpRequest, plan: MigrationPlan, *, person: Person) -> PlanRevision | None:
    rows = PlanRevision.objects.filter(plan=plan).select_related("submitted_by")
    wanted = request.GET.get("since", "")
    if wanted:
        return rows.filter(number=int(wanted)).first() if wanted.isdecimal() else None
    return approvals.signed_before(person=person, plan=plan) or (
        rows.filter(number__lt=plan.revision).order_by("-number").first()
    )
