"""What stands in a PDF report, as plain values; and who hears that an export is ready."""

from collections.abc import Iterable
from typing import Any

from migrations_portal.audit import queries
from migrations_portal.audit.models import Entry
from migrations_portal.compliance.models import Export
from migrations_portal.people import access
from migrations_portal.people.models import Person
from migrations_portal.people.rules import Role

WORDS = {
    "since": "From",
    "until": "Before",
    "person": "Person",
    "target": "Target",
    "kind": "Kind",
    "phi": "PHI",
    "result": "Result",
    "text": "Words",
    "plan": "Plan",
}


def of(row: Export, rows: Iterable[Entry]) -> dict[str, Any]:
    """Return the data of the report on these entries, oldest first."""
    entries = [_told(each) for each in rows]
    made_for = row.asked_by.full_name if row.asked_by else "Compliance"
    head = entries[-1]["hash"] if entries else "—"
    asked = [{"term": WORDS[name], "value": str(value)} for name, value in row.query.items()]
    return {
        "title": f"Ledger report {row.period}".strip(),
        "subtitle": f"White Cross Ops, audit trail of production database migrations. Made for {made_for}.",
        "date": [row.asked_at.year, row.asked_at.month, row.asked_at.day],
        "through": row.through,
        "facts": [
            {"term": "Purpose", "value": row.purpose},
            {"term": "Targets", "value": ", ".join(row.targets)},
            *asked,
            {"term": "Entries", "value": f"{len(entries):,}"},
            {"term": "Hash of the last entry", "value": head},
        ],
        "entries": entries,
        "signers": ["compliance officer", "privacy officer"],
    }


def _told(entry: Entry) -> dict[str, Any]:
    said = queries.body(entry)
    return {
        "seq": f"{entry.seq:,}",
        "at": f"{entry.at:%Y-%m-%d %H:%M:%S} UTC",
        "sentence": said["what"],
        "who": f"{said['who']['name']} ({said['who']['email']})",
        "where": said["where"]["target"],
        "reason": said["why"],
        "result": said["result"],
        "phi": said["phi"],
        "hash": entry.hash,
    }


def readers(row: Export) -> list[Person]:
    """Return who is told that the export is ready: who asked, or the compliance officers of its group."""
    if row.asked_by is not None:
        return [row.asked_by]
    if row.group is None:
        return []
    return list(access.holders(role=Role.COMPLIANCE_OFFICER, group=row.group))
