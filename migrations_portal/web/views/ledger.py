"""The ledger: read, checked and exported."""

from typing import Any
from urllib.parse import urlencode

from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST

from migrations_portal.audit import explorer, export, proofs, queries, services
from migrations_portal.audit.models import Entry
from migrations_portal.audit.rules import RECORD_KEYS
from migrations_portal.targets import queries as target_queries
from migrations_portal.web.forms.ledger import LedgerFilterForm
from migrations_portal.web.people import signed_in

PAGE_SIZE = 50


@require_GET
def ledger(request: HttpRequest) -> HttpResponse:
    """Show the newest entries that fit, as sentences; `before` in the address asks for older ones. The address is the question."""
    targets = target_queries.ledger_targets(person=signed_in(request))
    asked = LedgerFilterForm(request.GET or None, targets=targets)
    filtered = asked.is_bound and any(request.GET.get(name) for name in asked.fields)
    asked.is_valid()
    wanted = asked.wanted() if asked.is_bound else queries.LedgerFilter()
    before = request.GET.get("before", "")
    page = explorer.newest(
        targets=targets,
        wanted=wanted,
        before=int(before) if before.isdecimal() and len(before) < DIGITS else None,
        count=PAGE_SIZE + 1,
    )
    question = {name: str(request.GET[name]) for name in asked.fields if request.GET.get(name)}
    told = {
        "entries": [_told(row) for row in page[:PAGE_SIZE]],
        "filters": asked,
        "filtered": filtered,
        "clear_url": reverse("ledger"),
        "export": {
            "url": reverse("ledger-export"),
            "query": [{"name": name, "value": value} for name, value in question.items()],
            "more_url": f"{reverse('exports')}?{urlencode(question)}",
        },
        "links": LINKS,
        "chain": _chain(),
        "pager": _pager(page, question),
    }
    return render(request, "audit/list.html", told)


DIGITS = 19
"""A number with fewer digits fits into a bigint."""
LINKS = [
    {"label": "Exports", "name": "exports"},
    {"label": "Checks", "name": "ledger-checks"},
    {"label": "Verifier", "name": "verifier"},
    {"label": "Compliance", "name": "compliance"},
]


def _chain() -> dict[str, Any]:
    last = queries.last_check()
    if last is None:
        return {"state": "unchecked", "sentence": "Nobody has checked it yet."}
    return {
        "state": "intact" if last.intact else "broken",
        "sentence": last.sentence,
        "checked_at": last.done_at,
    }


def _pager(page: list[Entry], question: dict[str, str]) -> dict[str, Any] | None:
    if len(page) <= PAGE_SIZE:
        return None
    last = page[PAGE_SIZE - 1].seq
    return {
        "first": page[0].seq,
        "last": last,
        "total": None,
        "next_url": f"{reverse('ledger')}?{urlencode({**question, 'before': last})}",
    }


def _told(row: Entry) -> dict[str, Any]:
    said = queries.body(row)
    bad = said["result"] in {"failed", "refused", "rejected", "needs_decision"}
    return {
        "seq": row.seq,
        "url": reverse("ledger-entry", args=[row.seq]),
        "sentence": said["what"],
        "at": row.at,
        "who": said["who"]["name"],
        "target": row.target,
        "plan": f"WC-{row.plan}" if row.plan else "",
        "reason": said["why"],
        "phi": row.phi,
        "result": said["result"],
        "tone": "bad" if bad else "good",
    }


@require_POST
def download(request: HttpRequest) -> StreamingHttpResponse:
    """Stream what fits as CSV or JSON at once, up to and including the entry that records this download."""
    person = signed_in(request)
    targets = target_queries.ledger_targets(person=person)
    asked = LedgerFilterForm(request.POST, targets=targets)
    asked.is_valid()
    copy = services.export(
        by=person,
        targets=targets,
        wanted=asked.wanted(),
        form=export.ExportFormat.JSON
        if request.POST.get("format") == "json"
        else export.ExportFormat.CSV,
    )
    return StreamingHttpResponse(
        copy.pieces_async() if isinstance(request, ASGIRequest) else copy.pieces,
        content_type=copy.content_type,
        headers={"Content-Disposition": f'attachment; filename="{copy.name}"'},
    )


@require_GET
def entry(request: HttpRequest, seq: int) -> HttpResponse:
    """Show one entry with its raw bytes and hash."""
    rows = queries.entries(
        targets=target_queries.ledger_targets(person=signed_in(request)),
        wanted=queries.LedgerFilter(),
    )
    row = get_object_or_404(rows, seq=seq)
    said = queries.body(row)
    neighbours = set(rows.filter(seq__in=[seq - 1, seq + 1]).values_list("seq", flat=True))
    told = {
        "entry": {
            "seq": row.seq,
            "sentence": said["what"],
            "at": row.at,
            "kind": row.kind,
            "hash": row.hash,
            "prev_hash": row.prev_hash,
            "phi": row.phi,
            "result": said["result"],
            "raw": row.canonical,
        },
        "proof": proofs.of_entry(row),
        "facts": [
            {"term": "Who", "value": f"{said['who']['name']} ({said['who']['email']})"},
            {"term": "When", "value": f"{row.at:%Y-%m-%d %H:%M:%S.%f} UTC"},
            {
                "term": "Where",
                "value": f"{said['where']['target']} {said['where']['environment']}".strip()
                or "the portal",
            },
            {"term": "Why", "value": said["why"] or "—"},
            {"term": "Result", "value": said["result"]},
        ],
        "record": [{"term": key, "value": export.cell(said["record"][key])} for key in RECORD_KEYS]
        if said["record"]
        else None,
        "back_url": reverse("ledger"),
        "previous_url": reverse("ledger-entry", args=[seq - 1]) if seq - 1 in neighbours else None,
        "next_url": reverse("ledger-entry", args=[seq + 1]) if seq + 1 in neighbours else None,
        "plan_url": reverse("plan", args=[row.plan]) if row.plan else None,
    }
    return render(request, "audit/entry.html", told)
