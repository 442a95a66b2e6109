"""The ledger: read, checked and exported."""

from typing import Any

from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST

from migrations_portal.audit import export, queries, services
from migrations_portal.audit.models import Entry
from migrations_portal.targets import queries as target_queries
from migrations_portal.web.people import signed_in

PAGE_SIZE = 50


@require_GET
def ledger(request: HttpRequest) -> HttpResponse:
    """Show the newest entries as sentences; `before` in the address asks for older ones."""
    rows = queries.entries(
        targets=target_queries.ledger_targets(person=signed_in(request)),
        wanted=queries.LedgerFilter(),
    )
    before = request.GET.get("before", "")
    if before.isdecimal():
        rows = rows.filter(seq__lt=int(before))
    page = list(rows[: PAGE_SIZE + 1])
    told = {
        "entries": [_told(row) for row in page[:PAGE_SIZE]],
        "export": {"url": reverse("ledger-export"), "query": []},
        "chain": _chain(),
        "pager": _pager(page),
    }
    return render(request, "audit/list.html", told)


def _chain() -> dict[str, Any]:
    last = queries.last_check()
    if last is None:
        return {"state": "unchecked", "sentence": "Nobody has checked it yet."}
    return {
        "state": "intact" if last.intact else "broken",
        "sentence": last.sentence,
        "checked_at": last.done_at,
    }


def _pager(page: list[Entry]) -> dict[str, Any] | None:
    if len(page) <= PAGE_SIZE:
        return None
    last = page[PAGE_SIZE - 1].seq
    return {
        "first": page[0].seq,
        "last": last,
        "total": None,
        "next_url": f"{reverse('ledger')}?before={last}",
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
    """Stream the ledger as CSV or JSON, up to and including the entry that records this download."""
    person = signed_in(request)
    copy = services.export(
        by=person,
        targets=target_queries.ledger_targets(person=person),
        wanted=queries.LedgerFilter(),
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
        "record": [
            {"term": key, "value": export.cell(value)} for key, value in said["record"].items()
        ]
        if said["record"]
        else None,
        "back_url": reverse("ledger"),
        "previous_url": reverse("ledger-entry", args=[seq - 1]) if seq - 1 in neighbours else None,
        "next_url": reverse("ledger-entry", args=[seq + 1]) if seq + 1 in neighbours else None,
        "plan_url": reverse("plan", args=[row.plan]) if row.plan else None,
    }
    return render(request, "audit/entry.html", told)
