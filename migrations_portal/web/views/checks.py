"""Checking the ledger: a button, a bar, what was found; letting runs go on after a freeze; the verifier for auditors."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from migrations_portal.audit import bundles, checkpoints, checks, freezes
from migrations_portal.audit.models import Checkpoint, LedgerCheck
from migrations_portal.audit.rules import MIGRATION_RECORD_SCHEMA
from migrations_portal.compliance import guard
from migrations_portal.kernel.errors import Refused
from migrations_portal.targets import queries as target_queries
from migrations_portal.tasks import bells
from migrations_portal.web import clock, refusals
from migrations_portal.web.people import signed_in

SHOWN = 20


@require_GET
@never_cache
def check_list(request: HttpRequest) -> HttpResponse:
    """Show the last checks and what holds runs; with `part` in the address only the part that moves."""
    person = signed_in(request)
    target_queries.ledger_targets(person=person)
    rows = LedgerCheck.objects.order_by("-pk")[:SHOWN]
    last = Checkpoint.objects.order_by("-number").first()
    told = {
        "checks": [_told(each) for each in rows],
        "live": any(each.done_at is None for each in rows),
        "fragment_url": f"{request.path}?part",
        "verify_url": reverse("ledger-check"),
        "back_url": reverse("ledger"),
        "freezes": [
            {"sentence": each.sentence, "at": each.at, "url": reverse("ledger-lift", args=[each.pk])}
            for each in freezes.active()
        ],
        "may_lift": guard.may_lift(person=person),
        "checkpoint": None
        if last is None
        else {"number": last.number, "at": last.at, "seq": last.seq, "stored": last.stored_at is not None, "problem": last.problem},
    }  # fmt: skip
    return render(
        request, "audit/_checks_live.html" if "part" in request.GET else "audit/checks.html", told
    )


def _told(row: LedgerCheck) -> dict[str, Any]:
    state = "working" if row.done_at is None else "intact" if row.intact else "broken"
    return {
        "number": row.pk,
        "state": state,
        "percent": row.percent,
        "done": row.rows_done,
        "total": row.rows_total,
        "sentence": row.sentence,
        "what": "Everything" if row.whole else "Since the last check",
        "by": "White Cross Ops" if row.asked_by == "portal" else row.asked_by,
        "at": row.asked_at,
        "entry_url": reverse("ledger-entry", args=[row.first_bad]) if row.first_bad else None,
    }


@require_POST
def ask(request: HttpRequest) -> HttpResponse:
    """Put a check of the whole ledger in line."""
    person = signed_in(request)
    target_queries.ledger_targets(person=person)
    row = checks.ask(by=person.email, whole=True, now=clock.now())
    bells.check_soon(row.pk)
    return redirect("ledger-checks")


@require_POST
def lift(request: HttpRequest, freeze_id: int) -> HttpResponse:
    """Let runs go on."""
    try:
        done = guard.lift(
            freeze_id=freeze_id,
            by=signed_in(request),
            reason=request.POST.get("reason", ""),
            now=clock.now(),
        )
    except Refused as refusal:
        refusals.tell(request, refusal)
    else:
        messages.success(request, "Runs go on." if done else "It was lifted already.")
    return redirect("ledger-checks")


@require_GET
def verifier(request: HttpRequest) -> HttpResponse:
    """Tell auditors how to check a bundle, with the ledger's public keys."""
    signed_in(request)
    told = {
        "keys": list(reversed(checkpoints.known_keys())),
        "script_url": reverse("verifier-script"),
        "schema_url": reverse("record-schema"),
        "recipe": bundles.how_to("KEY").decode(),
        "sha256": bundles.source_sha256(),
        "back_url": reverse("ledger"),
    }
    return render(request, "audit/verifier.html", told)


@require_GET
def script(request: HttpRequest) -> HttpResponse:
    """Hand out the verifier itself."""
    signed_in(request)
    return HttpResponse(
        bundles.source(),
        content_type="text/x-python; charset=utf-8",
        headers={"Content-Disposition": 'attachment; filename="verify.py"'},
    )


@require_GET
def record_schema(request: HttpRequest) -> JsonResponse:
    """Hand out the JSON Schema of the migration record."""
    signed_in(request)
    return JsonResponse(MIGRATION_RECORD_SCHEMA, content_type="application/schema+json")
