"""Writing a draft and submitting it."""

from collections.abc import Iterable
from datetime import UTC, timedelta
from typing import Any

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from migrations_portal import wiring
from migrations_portal.approvals import services as approvals
from migrations_portal.kernel.errors import ProductError, Refused
from migrations_portal.people.models import Person
from migrations_portal.people.rules import Role
from migrations_portal.plans import queries, services, slots
from migrations_portal.plans.models import MigrationPlan
from migrations_portal.plans.rules import (
    DOCUMENTATION_ITEMS,
    FileRefused,
    PlanIncomplete,
    earliest_start,
)
from migrations_portal.plans.smoke import SmokeCheck
from migrations_portal.targets import queries as target_queries
from migrations_portal.tasks import bells
from migrations_portal.web import clock, refusals
from migrations_portal.web.forms.plans import ChecksFormSet, PlanForm, filled_checks
from migrations_portal.web.forms.smoke import SmokeFormSet, filled_smoke
from migrations_portal.web.people import signed_in
from migrations_portal.web.presenters import assessment
from migrations_portal.web.presenters import plans as presenter
from migrations_portal.web.uploads import names_with_folders

TIME_TO_WRITE = timedelta(minutes=5)
"""The proposed T-0 leaves this long for writing the plan, but no longer than 24 T-days: they are seconds in the demo."""
FIELD_OF = {"files": "upload", "assessment": "upload"}
"""Missing thing → the field where it is mended, when the names differ."""
NEEDED = {"upload": ("Migration files", "Upload the Sequelize file."), **DOCUMENTATION_ITEMS}
"""Everything that a plan needs, shown while nothing is saved yet."""
TITLES = {
    "files": "Migration files",
    "assessment": "Risk",
    "phase": "Phase",
    "scheduled_for": "Date and time of the run (T-0)",
    **{name: title for name, (title, _) in DOCUMENTATION_ITEMS.items()},
}
"""Missing thing → what it is called in the list beside the form."""
MORE_ROWS = {"add-check": "?add=1#verification", "add-smoke": "?smoke=1#smoke"}
BLANK = {
    f"{prefix}-{what}_FORMS": "0" for prefix in ("checks", "smoke") for what in ("TOTAL", "INITIAL")
}


@require_http_methods(["GET", "POST"])
def new(request: HttpRequest) -> HttpResponse:
    """Begin a plan."""
    person = signed_in(request)
    targets = target_queries.visible_targets(person=person, roles=frozenset({Role.ENGINEER}))
    if request.method == "GET":
        first = targets.filter(environment="PRODUCTION").first() or targets.first()
        zone = first.zone if first else UTC
        soonest = earliest_start(now=clock.now(), zone=zone, day=clock.day())
        soonest += min(TIME_TO_WRITE, 24 * clock.day())
        initial = {
            "target": first,
            "scheduled_for": soonest.astimezone(first.zone).replace(tzinfo=None) if first else None,
        }
        return _page(
            request,
            form=PlanForm(targets=targets, initial=initial),
            checks=ChecksFormSet(prefix="checks"),
        )
    return _save(request, person=person, plan=None)


@require_http_methods(["GET", "POST"])
def edit(request: HttpRequest, plan_id: int) -> HttpResponse:
    """Go on with a draft."""
    person = signed_in(request)
    plan = queries.get(plan_id=plan_id, person=person)
    if request.method == "POST":
        return _save(request, person=person, plan=plan)
    if plan.author_id != person.pk or plan.status != "DRAFT":
        return redirect("plan", plan_id=plan.pk)
    targets = target_queries.visible_targets(person=person, roles=frozenset({Role.ENGINEER}))
    local = (
        plan.scheduled_for.astimezone(plan.target.zone).replace(tzinfo=None)
        if plan.scheduled_for
        else None
    )
    initial = {
        **vars(plan.documentation),
        "version": plan.version,
        "title": plan.title,
        "target": plan.target,
        "scheduled_for": local,
        "git_commit": plan.git_commit,
        "commit_authors": "\n".join(plan.commit_authors),
    }
    rows = plan.checks.order_by("position").values("name", "sql", "expected")
    checks = ChecksFormSet(prefix="checks", initial=list(rows))
    checks.extra = 1 if request.GET.get("add") else 0
    smoke = SmokeFormSet(
        prefix="smoke", initial=[vars(each) for each in queries.smoke_checks(plan)]
    )
    smoke.extra = 1 if request.GET.get("smoke") else 0
    form = PlanForm(targets=targets, initial=initial)
    form.fields["target"].disabled = True
    return _page(request, form=form, checks=checks, smoke=smoke, plan=plan)


def _posted(request: HttpRequest) -> QueryDict:
    """Return what was sent, with the parts that a browser leaves out."""
    posted = request.POST.copy()
    for name, value in BLANK.items():
        posted.setdefault(name, value)
    slot = request.POST.get("slot")
    if slot:  # one of the offered slots was pressed
        posted["scheduled_for"] = slot
    return posted


def _save(request: HttpRequest, *, person: Person, plan: MigrationPlan | None) -> HttpResponse:
    targets = target_queries.visible_targets(person=person, roles=frozenset({Role.ENGINEER}))
    action = request.POST.get("action", "save")
    posted = _posted(request)
    form = PlanForm(
        posted, request.FILES, targets=targets, initial={"target": plan.target} if plan else None
    )
    form.fields["target"].disabled = plan is not None
    checks = ChecksFormSet(posted, prefix="checks")
    smoke = SmokeFormSet(posted, prefix="smoke")
    for name in names_with_folders(request):
        form.add_error("upload", f"“{name}” names a folder. Send the file's own name only.")
    if not (form.is_valid() and checks.is_valid() and smoke.is_valid()):
        if names := ", ".join(each.name or "" for each in request.FILES.getlist("upload")):
            form.add_error(
                "upload", f"Choose {names} again: a browser keeps no file over a mistake."
            )
        return _page(request, form=form, checks=checks, smoke=smoke, plan=plan, status=422)
    try:
        saved = _write(
            form,
            filled_checks(checks),
            smoke=filled_smoke(smoke),
            person=person,
            plan=plan,
            removed=request.POST.getlist("remove"),
        )
    except FileRefused as refusal:
        refusals.note(request, refusal)
        form.add_error("upload", refusal.sentence)
        return _page(request, form=form, checks=checks, smoke=smoke, plan=plan, status=422)
    except ProductError as refusal:
        refusals.note(request, refusal)
        form.add_error(None, refusal.sentence)
        return _page(
            request,
            form=form,
            checks=checks,
            smoke=smoke,
            plan=plan,
            status=409 if isinstance(refusal, Refused) else 503,
        )
    bells.assess_soon(saved)
    if action == "submit":
        return _submit(request, saved, person=person)
    messages.success(request, f"{saved.number} is saved.")
    edit_url = reverse("plan-edit", args=[saved.pk])
    return redirect(f"{edit_url}{MORE_ROWS.get(action, '')}")


@transaction.atomic
def _write(
    form: PlanForm,
    checks: Iterable[dict[str, str]],
    *,
    smoke: list[SmokeCheck] | None,
    person: Person,
    plan: MigrationPlan | None,
    removed: list[str],
) -> MigrationPlan:
    """Save the whole form, or nothing of it."""
    given, now = form.cleaned_data, clock.now()
    version = given["version"]
    if plan is None:
        plan = services.create(title=given["title"], target=given["target"], by=person, now=now)
        version = plan.version
    for name in removed:
        services.remove_file(plan_id=plan.pk, by=person, name=name, now=now)
    uploads = [
        services.Upload(name=each.name or "", content=each.read()) for each in given["upload"]
    ]
    if uploads:
        services.put_files(
            plan_id=plan.pk, by=person, uploads=uploads, checker=wiring.script_checker(), now=now
        )
    return services.edit(
        plan_id=plan.pk,
        by=person,
        title=given["title"],
        scheduled_for=form.t0(),
        documentation=form.documentation(),
        checks=[
            services.Check(name=each["name"], sql=each["sql"], expected=each["expected"])
            for each in checks
        ],
        version=version,
        now=now,
        smoke=smoke,
        commit=form.commit,
    )


def _submit(request: HttpRequest, plan: MigrationPlan, *, person: Person) -> HttpResponse:
    try:
        approvals.submit(
            plan_id=plan.pk,
            by=person,
            now=clock.now(),
            day=clock.day(),
            public_url=clock.public_url(),
        )
    except PlanIncomplete as incomplete:
        refusals.note(request, incomplete, wish="plan-submit", plan_id=plan.pk)
        messages.error(
            request,
            f"{plan.number} is saved, but not submitted: {len(incomplete.missing)} things are missing.",
        )
        return redirect("plan-edit", plan_id=plan.pk)
    bells.notices_soon()
    messages.success(request, f"{plan.number} is submitted. The first signers have their mail.")
    return redirect("plan", plan_id=plan.pk)


def _page(
    request: HttpRequest,
    *,
    form: PlanForm,
    checks: Any,
    smoke: Any = None,
    plan: MigrationPlan | None = None,
    status: int = 200,
) -> HttpResponse:
    told: dict[str, Any] = {
        "form": form,
        "checks": checks,
        "smoke": smoke if plan and plan.target.staging_target_id else None,
        "smoke_addresses": plan.target.staging_target.smoke_addresses
        if plan and plan.target.staging_target
        else [],
        "uploaded": [],
        "missing": [],
        "slots": [],
        "assessment": None,
        "post_url": request.path,
        "can_submit": plan is not None,
    }
    if plan is None:
        told["missing"] = [
            {"anchor": f"id_{name}", "title": title, "sentence": ask}
            for name, (title, ask) in NEEDED.items()
        ]
        return render(request, "plans/new.html", told, status=status)
    assessed = queries.current_assessment(plan) if plan.files.exists() else None
    lacking = services.missing(plan, now=clock.now(), day=clock.day())
    told |= {
        "plan": presenter.about(
            plan,
            revision=None,
            level=assessed.level if assessed else "",
            phi=bool(assessed and assessed.phi),
        ),
        "uploaded": presenter.files(plan.files.order_by("position")),
        "missing": [
            {
                "anchor": f"id_{FIELD_OF.get(name, name)}",
                "title": TITLES[name],
                "sentence": said,
            }
            for name, said in lacking.items()
        ],
        "slots": _slots(plan, level=assessed.level if assessed else ""),
        "assessment": {**shown, "url": reverse("plan", args=[plan.pk]) + "#assessment"}
        if (shown := assessment.shown(assessed))
        else None,
    }
    return render(request, "plans/edit.html", told, status=status)


def _slots(plan: MigrationPlan, *, level: str) -> list[dict[str, str]]:
    """Return the next windows that fit the plan, for one press each; none before the risk is known."""
    if not level:
        return []
    zone = plan.target.zone
    soonest = earliest_start(now=clock.now(), day=clock.day(), zone=zone) + TIME_TO_WRITE
    found = slots.offered(plan, level=level, after=soonest, count=3)
    return [
        {
            "value": f"{start:%Y-%m-%dT%H:%M:%S}",
            "label": f"{start:%a} {start.day} {start:%b}, {start:%H:%M} to {end:%a %H:%M %Z}",
        }
        for start, end in (
            (each.starts.astimezone(zone), each.ends.astimezone(zone)) for each in found
        )
    ]
