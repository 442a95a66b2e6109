"""What compliance asks for: kinds of export, the questions of a DPIA, periods, and who may do what."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum

from migrations_portal.audit.rules import LEDGER_RETENTION
from migrations_portal.kernel.errors import Refused
from migrations_portal.people.rules import Role

EXPORT_KEPT = timedelta(days=90)
"""How long an export stays to be fetched; it can be made again at any time, with the same bytes."""
EXPORT_LEASE = timedelta(minutes=10)
"""An export whose worker died is begun anew after so long without progress."""
MAX_ATTEMPTS = 3
PDF_ENTRIES = 5_000
"""A PDF is for reading: about 250 pages. More entries go into CSV, JSON Lines or a bundle."""
REVIEW_WITHIN = timedelta(days=3)
"""Our choice: the logs of a run on PHI are looked through within three days (the spec names no time)."""
RETENTION_OVERDUE = timedelta(hours=36)
"""The daily sweep counts as missed after so long."""
SLACK = timedelta(seconds=2)
"""Stores keep retention dates to the second."""
AUDITOR_AT_MOST = timedelta(days=366)
"""An auditor's account ends by itself; after a year at the latest somebody has to say anew that it is needed."""
MAX_DOCUMENT = 5 * 1024 * 1024
DOCUMENT_TYPES = {
    ".pdf": (b"%PDF-", "application/pdf"),
    ".png": (b"\x89PNG\r\n\x1a\n", "image/png"),
    ".docx": (b"PK\x03\x04", "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
    ".txt": (b"", "text/plain; charset=utf-8"),
}  # fmt: skip
"""Suffix → the bytes that such a file begins with, and its media type."""

OFFICERS = frozenset({Role.COMPLIANCE_OFFICER, Role.PRIVACY_OFFICER, Role.SECURITY_OFFICER})
"""Who keeps the records of compliance. An auditor reads and exports, nothing else."""
DISPOSERS = frozenset({Role.COMPLIANCE_OFFICER, Role.PRIVACY_OFFICER})


class ExportForm(StrEnum):
    CSV = "CSV"
    JSONL = "JSONL"
    PDF = "PDF"
    BUNDLE = "BUNDLE"
    EVIDENCE = "EVIDENCE"

    @property
    def suffix(self) -> str:
        """How the file's name ends."""
        return {"CSV": "csv", "JSONL": "jsonl", "PDF": "pdf"}.get(self, "zip")

    @property
    def content_type(self) -> str:
        """The media type of the file."""
        return {
            "CSV": "text/csv; charset=utf-8",
            "JSONL": "application/x-ndjson",
            "PDF": "application/pdf",
        }.get(self, "application/zip")

    @property
    def title(self) -> str:  # type: ignore[override]  # a word of the product, not str.title
        """What people read."""
        return {
            "CSV": "CSV, for a spreadsheet",
            "JSONL": "JSON Lines, for programs",
            "PDF": "PDF report, to read and sign",
            "BUNDLE": "Signed bundle with the verifier",
            "EVIDENCE": "Evidence pack of a plan",
        }[self]


class ExportRefused(Refused):
    """This export cannot be made."""

    code = "export-refused"


class AuditorRefused(Refused):
    """This person cannot be admitted as an auditor this way."""

    code = "auditor-refused"


class DpiaIncomplete(Refused):
    """Some questions of the assessment have no answer."""

    code = "dpia-incomplete"


class DocumentRefused(Refused):
    """This file cannot be kept as a document."""

    code = "document-refused"


class DisposalRefused(Refused):
    """Nothing may be disposed of this way."""

    code = "disposal-refused"


@dataclass(frozen=True)
class Question:
    """One question of a form that is kept in versions."""

    key: str
    text: str
    hint: str = ""


DPIA_QUESTIONS = (
    Question("purpose", "What is processed, and why?", "The change in one or two sentences, and the need it serves."),
    Question("data", "Which protected health information is touched?", "Names of tables and columns only, never values."),
    Question("people", "Whose data is it, and of about how many people?"),
    Question("basis", "On which basis may it be processed?", "Such as treatment, payment, operations, or consent."),
    Question("necessity", "Why is this much data needed, and no less?", "The minimum necessary standard, 45 CFR 164.502(b)."),
    Question("risks", "What could go wrong for the people concerned?"),
    Question("measures", "What is done against it?", "Access, encryption, masking, backups, the way back."),
    Question("transformations", "How are data transformed?", "The spec asks to document data transformations."),
    Question("access", "Who can see the data during and after the run?"),
    Question("remaining", "Which risk remains, and who accepts it?"),
)  # fmt: skip
"""The privacy impact assessment that the spec demands before a migration that touches PHI."""

PROCESSING_QUESTIONS = (
    Question("purpose", "Purpose of the processing"),
    Question("subjects", "Whose data"),
    Question("categories", "Categories of data"),
    Question("recipients", "Who receives them"),
    Question("retention", "How long they are kept"),
    Question("measures", "Security measures"),
)
"""A record of processing activities, one for each use of the data."""


def check_answers(answers: dict[str, str], *, questions: tuple[Question, ...]) -> dict[str, str]:
    """Return the answers to these questions; raise `DpiaIncomplete` naming each that is missing."""
    given = {each.key: answers.get(each.key, "").strip() for each in questions}
    missing = [each.text for each in questions if not given[each.key]]
    if missing:
        raise DpiaIncomplete("Please answer: " + " ".join(missing))
    return given


def check_document(name: str, content: bytes) -> str:
    """Return the media type of an uploaded document; raise `DocumentRefused`."""
    suffix = f".{name.rpartition('.')[2].lower()}" if "." in name else ""
    if suffix not in DOCUMENT_TYPES:
        raise DocumentRefused(f"{name or 'This file'}: a PDF, PNG, DOCX or TXT file is needed.")
    if not content:
        raise DocumentRefused(f"{name} is empty.")
    if len(content) > MAX_DOCUMENT:
        raise DocumentRefused(
            f"{name} has more than 5 MiB. Split it, or make its pictures smaller."
        )
    begins, media_type = DOCUMENT_TYPES[suffix]
    if not content.startswith(begins) or (suffix == ".txt" and b"\x00" in content):
        raise DocumentRefused(
            f"{name} is not what its name says. Save it again as {suffix[1:].upper()}."
        )
    return media_type


def month_before(now: datetime) -> tuple[datetime, datetime]:
    """Return the calendar month before this one, in UTC, as a half-open period."""
    first = now.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    return (first - timedelta(days=1)).replace(day=1), first


def check_disposal(*, before: date, today: date, held: list[str]) -> None:
    """Raise `DisposalRefused` for what is younger than seven years, or while a legal hold stands (L12)."""
    youngest = today - LEDGER_RETENTION
    if before > youngest:
        raise DisposalRefused(
            f"Entries are kept for seven years: only what is from before {youngest.isoformat()} can be disposed of."
        )
    if held:
        raise DisposalRefused(f"A legal hold stands: {'; '.join(held)}. Lift it first.")
