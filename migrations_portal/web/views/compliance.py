"""Pages of compliance: the controls, assessments, log reviews, records of processing, holds and disposal."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from django.contrib import messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.http import content_disposition_header
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from migrations_portal.compliance import controls, queries, services
from migrations_portal.compliance.controls import Period
from migrations_portal.compliance.models import Document
from migrations_portal.compliance.rules import DPIA_QUESTIONS, PROCESSING_QUESTIONS
from migrations_portal.kernel.errors import Refused
from migrations_portal.people.models import Person
from migrations_portal.people.rules import LEDGER_READERS
from migrations_portal.plans import queries as plan_queries
from migrations_portal.targets import queries as target_queries
from migrations_portal.targets.models import TargetGroup
from migrations_portal.web import clock, refusals
from migrations_portal.web.forms.ledger import AnswersForm, DocumentForm
from migrations_portal.web.people import signed_in
from migrations_portal.web.views.checklist import go_on

DAYS = 90
FIRST_DAY, LAST_DAY = date(2000, 1, 1), date(2999, 12, 31)
"""No ledger begins before the one or goes on after the other; arithmetic with days outside ends beyond the calendar."""
DIGITS = 19
"""A number with fewer digits fits into a bigint."""


def groups_of(person: Person) -> QuerySet[TargetGroup]:
    """Return the groups whose ledger `person` may read; raise `NotAllowed` when there are none."""
    target_queries.ledger_targets(person=person)
    return target_queries.groups_of(person=person, roles=LEDGER_READERS)


@require_GET
def dashboard(request: HttpRequest) -> HttpResponse:
    """Show every control for one target and period."""
    person = signed_in(request)
    target_queries.ledger_targets(person=person)
    targets = list(target_queries.visible_targets(person=person, roles=LEDGER_READERS))
    target = next((each for each in targets if each.name == request.GET.get("target")), None)
    target = target or next(
        (each for each in targets if each.environment == "PRODUCTION"), targets[0]
    )
    period, now = _period(request), clock.now()
    found = controls.controls(target=target, period=period, now=now)
    told = {
        "targets": [{"name": each.name, "chosen": each == target} for each in targets],
        "target": target.name,
        "since": f"{period.since:%Y-%m-%d}",
        "until": f"{period.until - timedelta(days=1):%Y-%m-%d}",
        "controls": [_control(each) for each in found],
        "holding": sum(each.holds is True for each in found),
        "broken": sum(each.holds is False for each in found),
        "now": now,
        "links": [
            {"label": "Log reviews", "url": reverse("compliance-reviews")},
            {"label": "Records of processing", "url": reverse("compliance-processing")},
            {"label": "Holds and disposal", "url": reverse("compliance-holds")},
            {"label": "Auditors", "url": reverse("auditors")},
            {"label": "Exports", "url": reverse("exports")},
        ],
    }  # fmt: skip
    return render(request, "compliance/dashboard.html", told)


def _period(request: HttpRequest) -> Period:
    today = clock.now().astimezone(UTC).date()
    until = _day(request.GET.get("until", "")) or today
    since = _day(request.GET.get("since", "")) or until - timedelta(days=DAYS)
    return Period(_midnight(min(since, until)), _midnight(max(since, until)) + timedelta(days=1))


def _midnight(day: Any) -> datetime:
    return datetime.combine(day, time.min, tzinfo=UTC)


def _day(text: str) -> Any:
    try:
        day = datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC).date()
    except ValueError:
        return None
    return min(max(day, FIRST_DAY), LAST_DAY)


def _control(each: controls.Control) -> dict[str, Any]:
    state = {True: "good", False: "bad", None: ""}[each.holds]
    return {
        "title": each.title,
        "tone": state,
        "word": {True: "Holds", False: "Does not hold", None: "Nothing to say"}[each.holds],
        "sentence": each.sentence,
        "url": each.url,
        "open": [{"text": text, "url": url} for text, url in each.open],
    }


@require_http_methods(["GET", "POST"])
def dpia(request: HttpRequest, plan_id: int) -> HttpResponse:
    """Show a plan's privacy impact assessment; keep a new version."""
    person = signed_in(request)
    plan = plan_queries.get(plan_id=plan_id, person=person)
    versions = queries.dpia(plan)
    newest = versions[0].answers if versions else None
    data = request.POST if request.method == "POST" else None
    form = AnswersForm(data, questions=DPIA_QUESTIONS, initial=newest)
    if data is not None and form.is_valid():
        try:
            made = services.save_dpia(
                plan=plan, answers=form.cleaned_data, by=person, now=clock.now()
            )
        except Refused as refusal:
            refusals.tell(request, refusal)
        else:
            messages.success(request, f"Version {made.version} is kept.")
            go_on(plan_id)
            return redirect("dpia", plan_id=plan_id)
    told = {
        "plan": {"number": plan.number, "title": plan.title, "url": reverse("plan", args=[plan_id])},
        "form": form,
        "versions": [{"number": v.version, "by": v.saved_by.full_name, "at": v.saved_at, "sha256": v.sha256} for v in versions],
        "documents": [_document(each) for each in queries.documents(plan)],
        "document_form": DocumentForm(),
        "upload_url": reverse("dpia-document", args=[plan_id]),
    }  # fmt: skip
    return render(request, "compliance/dpia.html", told)


def _document(row: Document) -> dict[str, Any]:
    return {
        "name": row.name,
        "version": row.version,
        "by": row.uploaded_by.full_name,
        "at": row.uploaded_at,
        "sha256": row.sha256,
        "url": reverse("dpia-file", args=[row.plan_id, row.pk]),
    }


@require_POST
def upload(request: HttpRequest, plan_id: int) -> HttpResponse:
    """Keep a document of the assessment."""
    person = signed_in(request)
    plan = plan_queries.get(plan_id=plan_id, person=person)
    form = DocumentForm(request.POST, request.FILES)
    if not form.is_valid():
        messages.error(request, "Choose a file.")
        return redirect("dpia", plan_id=plan_id)
    given = form.cleaned_data["document"]
    try:
        made = services.add_document(
            plan=plan, name=given.name, content=given.read(), by=person, now=clock.now()
        )
    except Refused as refusal:
        refusals.tell(request, refusal)
    else:
        messages.success(request, f"{made.name} is kept as version {made.version}.")
    return redirect("dpia", plan_id=plan_id)


@require_GET
def document(request: HttpRequest, plan_id: int, document_id: int) -> HttpResponse:
    """Hand out a document, always as a file: nothing of it runs in the portal's pages."""
    plan = plan_queries.get(plan_id=plan_id, person=signed_in(request))
    row = get_object_or_404(Document, plan=plan, pk=document_id)
    named = content_disposition_header(as_attachment=True, filename=row.name) or "attachment"
    return HttpResponse(
        bytes(row.content),
        content_type=row.content_type,
        headers={"Content-Disposition": named},
    )


@require_GET
def reviews(request: HttpRequest) -> HttpResponse:
    """Show the reviews of query logs, the open ones first."""
    groups, now = groups_of(signed_in(request)), clock.now()
    rows = list(queries.reviews(groups=groups))
    logged = queries.logged_by_target(run_ids=[row.run_id for row in rows])
    told = {
        "reviews": [
            {
                "logged": logged.get(row.run_id),
                "number": row.pk,
                "run": row.run_id,
                "run_url": reverse("run", args=[row.run_id]),
                "plan": row.run.plan.number,
                "target": row.run.target.name,
                "due": row.due_at,
                "late": row.done_at is None and row.due_at < now,
                "done_at": row.done_at,
                "by": row.done_by.full_name if row.done_by else "",
                "finding": row.finding,
                "url": reverse("compliance-review", args=[row.pk]),
            }
            for row in sorted(rows, key=lambda r: (r.done_at is not None, r.due_at))
        ]
    }  # fmt: skip
    return render(request, "compliance/reviews.html", told)


@require_POST
def review(request: HttpRequest, review_id: int) -> HttpResponse:
    """Write down what a review found."""
    person = signed_in(request)
    row = get_object_or_404(queries.reviews(groups=groups_of(person)), pk=review_id)
    try:
        services.finish_review(
            review_id=row.pk,
            finding=request.POST.get("finding", ""),
            by=person,
            now=clock.now(),
        )
    except Refused as refusal:
        refusals.tell(request, refusal)
    else:
        messages.success(request, "The finding stands in the ledger.")
    return redirect("compliance-reviews")


@require_http_methods(["GET", "POST"])
def processing(request: HttpRequest) -> HttpResponse:
    """Show the records of processing; keep a new one, or a new version."""
    person = signed_in(request)
    groups = groups_of(person)
    data = request.POST if request.method == "POST" else None
    form = AnswersForm(data, questions=PROCESSING_QUESTIONS)
    if data is not None and form.is_valid():
        group = get_object_or_404(groups, pk=number(data.get("group", "")))
        try:
            services.save_processing(
                group=group,
                name=str(data.get("name", "")),
                answers=form.cleaned_data,
                by=person,
                now=clock.now(),
            )
        except Refused as refusal:
            refusals.tell(request, refusal)
        else:
            messages.success(request, "The record is kept.")
            return redirect("compliance-processing")
    told = {
        "groups": list(groups),
        "name": str(data.get("name", "")) if data else "",
        "form": form,
        "records": [
            {
                "name": row.name,
                "group": row.group.name,
                "version": row.version,
                "by": row.saved_by.full_name,
                "at": row.saved_at,
                "facts": [{"term": q.text, "value": row.answers[q.key]} for q in PROCESSING_QUESTIONS],
            }
            for row in queries.processing(groups=groups)
        ],
    }  # fmt: skip
    return render(request, "compliance/processing.html", told)


def number(text: object) -> int:
    """Return the key that a form names, 0 for what is none."""
    said = str(text)
    return int(said) if said.isdecimal() and len(said) < DIGITS else 0
