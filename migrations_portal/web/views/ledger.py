"""The ledger: read, checked and exported."""

from collections.abc import Iterator
from typing import Any

from django.db import transaction
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST

from migrations_portal.audit import export, queries, services
from migrations_portal.audit.models import Entry
from migrations_portal.audit.rules import Draft, EntryKind
from migrations_portal.people import access
from migrations_portal.people.models import Person
from migrations_portal.people.rules import LEDGER_READERS
from migrations_portal.targets import queries as target_queries
from migrations_portal.web.people import signed_in

PAGE_SIZE = 50


def _targets(person: Person) -> list[str]:
    """Return the targets whose ledger the person may read; raise `NotAllowed` when there are none."""
    names = list(
        target_queries.visible_targets(person=person, roles=LEDGER_READERS).values_list(
            "name", flat=True
        )
    )
    if not names:
        raise access.NotAllowed(
            "Only compliance, privacy and security officers and auditors read the ledger."
        )
    return names


@require_GET
def ledger(request: HttpRequest) -> HttpResponse:
    """Show the newest entries as sentences; `before` in the address asks for older ones."""
    rows = queries.entries(targets=_targets(signed_in(request)), wanted=queries.LedgerFilter())
    before = request.GET.get("before", "")
    if before.isdecimal():
        rows = rows.filter(seq__lt=int(before))
    page = list(rows[: PAGE_SIZE + 1])
    verdict = queries.verify_chain()
    told = {
        "entries": [_told(row) for row in page[:PAGE_SIZE]],
        "export": {"url": reverse("ledger-export"), "query": []},
        "chain": {
            "state": "intact" if verdict.intact else "broken",
            "sentence": f"{verdict.entries:,} entries."
            if verdict.intact
            else f"Entry {verdict.first_bad}: {verdict.problem}.",
        },
        "pager": _pager(page),
    }
    return render(request, "audit/list.html", told)


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
    person, kind = signed_in(request), "json" if request.POST.get("format") == "json" else "csv"
    targets = _targets(person)
    with transaction.atomic():
        last = services.append(
            Draft(
                kind=EntryKind.LEDGER_EXPORTED,
                actor=services.actor(person),
                sentence=f"{person.full_name} exported the ledger as {kind.upper()}.",
                facts={"targets": targets},
            )
        )
    rows = queries.entries(targets=targets, wanted=queries.LedgerFilter()).filter(seq__lte=last)
    write = export.as_json if kind == "json" else export.as_csv
    body: Iterator[str] = write(queries.streamed(rows))
    response = StreamingHttpResponse(
        body, content_type="application/json" if kind == "json" else "text/csv; charset=utf-8"
    )
    response["Content-Disposition"] = f'attachment; filename="ledger-to-{last}.{kind}"'
    return response


@require_GET
def entry(request: HttpRequest, seq: int) -> HttpResponse:
    """Show one entry with its raw bytes and hash."""
    rows = queries.entries(targets=_targets(signed_in(request)), wanted=queries.LedgerFilter())
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
