"""Exports of the ledger and evidence packs: asked for, watched, fetched."""

from collections.abc import Iterator
from typing import Any

from django.contrib import messages
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.http import content_disposition_header
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from migrations_portal import wiring
from migrations_portal.audit.export import Download
from migrations_portal.audit.queries import LedgerFilter
from migrations_portal.compliance import exports, queries
from migrations_portal.compliance.models import Export
from migrations_portal.compliance.rules import ExportForm
from migrations_portal.plans import queries as plan_queries
from migrations_portal.targets import queries as target_queries
from migrations_portal.tasks import bells
from migrations_portal.web import clock
from migrations_portal.web.forms.ledger import ExportRequestForm, LedgerFilterForm
from migrations_portal.web.people import signed_in

SHOWN = 50
PIECE = 16 * 1024


@require_http_methods(["GET", "POST"])
def export_list(request: HttpRequest) -> HttpResponse:
    """Show my exports and a form for a new one; the filters of the ledger's page come along in the address."""
    person = signed_in(request)
    targets = target_queries.ledger_targets(person=person)
    data = request.POST if request.method == "POST" else None
    asked = ExportRequestForm(data)
    filters = LedgerFilterForm(data or request.GET, targets=targets)
    if data is not None and asked.is_valid() and filters.is_valid():
        row = exports.ask(
            by=person,
            form=ExportForm(asked.cleaned_data["form"]),
            targets=targets,
            wanted=filters.wanted(),
            purpose=asked.cleaned_data["purpose"],
            now=clock.now(),
        )
        bells.export_soon(row.pk)
        return redirect("export", export_id=row.pk)
    filters.is_valid()
    told = {
        "form": asked,
        "filters": filters,
        "exports": [_told(each) for each in queries.exports(person=person)[:SHOWN]],
        "back_url": reverse("ledger"),
    }
    return render(request, "audit/exports.html", told)


def _told(row: Export) -> dict[str, Any]:
    state = "failed" if row.done_at and row.problem else "ready" if row.done_at else "working"
    return {
        "name": row.name,
        "url": reverse("export", args=[row.pk]),
        "state": state,
        "percent": row.percent,
        "purpose": row.purpose,
        "by": row.asked_by.full_name if row.asked_by else "White Cross Ops",
        "at": row.asked_at,
        "size": row.size,
        "sha256": row.sha256,
        "problem": row.problem,
        "rows": row.rows_total,
        "fetch_url": reverse("export-fetch", args=[row.pk]) if state == "ready" else None,
    }


@require_GET
@never_cache
def export(request: HttpRequest, export_id: int) -> HttpResponse:
    """Show one export; with `part` in the address only the part that moves."""
    row = get_object_or_404(queries.exports(person=signed_in(request)), pk=export_id)
    template = "audit/_export_live.html" if "part" in request.GET else "audit/export.html"
    told = {"export": _told(row), "fragment_url": f"{request.path}?part", "back_url": reverse("exports")}  # fmt: skip
    return render(request, template, told)


@require_GET
def fetch(request: HttpRequest, export_id: int) -> StreamingHttpResponse:
    """Stream the file from the vault."""
    ready = queries.exports(person=signed_in(request)).exclude(sha256="")
    row = get_object_or_404(ready, pk=export_id)
    copy = Download(
        name=row.name, content_type=ExportForm(row.form).content_type, pieces=_pieces(row)
    )
    named = content_disposition_header(as_attachment=True, filename=copy.name) or "attachment"
    return StreamingHttpResponse(
        copy.pieces_async() if isinstance(request, ASGIRequest) else copy.pieces,
        content_type=copy.content_type,
        headers={"Content-Disposition": named, "Content-Length": str(row.size)},
    )


def _pieces(row: Export) -> Iterator[bytes]:
    with exports.opened(row, vault=wiring.vault()) as stream:
        while piece := stream.read(PIECE):
            yield piece


@require_POST
def evidence(request: HttpRequest, plan_id: int) -> HttpResponse:
    """Ask for the evidence pack of a plan."""
    person = signed_in(request)
    plan = plan_queries.get(plan_id=plan_id, person=person)
    targets = target_queries.ledger_targets(person=person)
    if plan.target.name not in targets:
        messages.error(request, "You may not read the ledger of this plan's target.")
        return redirect("plan", plan_id=plan_id)
    row = exports.ask(
        by=person,
        form=ExportForm.EVIDENCE,
        targets=targets,
        wanted=LedgerFilter(plan=plan.pk),
        purpose=request.POST.get("purpose", "") or f"Evidence of {plan.number}",
        now=clock.now(),
        plan=plan,
    )
    bells.export_soon(row.pk)
    return redirect("export", export_id=row.pk)
