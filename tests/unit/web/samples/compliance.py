"""Contexts of the pages of compliance, exports, checks and the verifier."""

from typing import Any

from migrations_portal.compliance.rules import DPIA_QUESTIONS, PROCESSING_QUESTIONS
from migrations_portal.web.forms.ledger import (
    AnswersForm,
    AuditorForm,
    DisposalForm,
    DocumentForm,
    ExportRequestForm,
)
from tests.unit.web.samples.common import T_ZERO, days_before

HASH = "9f31c2d4" * 8
_EXPORT = {
    "name": "ledger-2026-10-to-4121.pdf",
    "url": "#",
    "state": "ready",
    "percent": 100,
    "purpose": "Monthly report to compliance",
    "by": "White Cross Ops",
    "at": days_before(2),
    "size": 48_113,
    "sha256": HASH,
    "problem": "",
    "rows": 412,
    "fetch_url": "#",
}
_WORKING = {**_EXPORT, "state": "working", "percent": 41, "name": "ledger-to-4121.csv", "by": "Cleo Adeyemi"}  # fmt: skip
_FAILED = {**_EXPORT, "state": "failed", "problem": "A PDF holds 5,000 entries, these are 41,212. Choose a shorter period, or CSV."}  # fmt: skip
EXPORTS: dict[str, Any] = {
    "form": ExportRequestForm(),
    "filters": ExportRequestForm(prefix="filter"),
    "exports": [_EXPORT, _WORKING, _FAILED],
    "back_url": "#",
}
NO_EXPORTS = {**EXPORTS, "exports": []}
EXPORT = {"export": _EXPORT, "fragment_url": "#", "back_url": "#"}
EXPORT_WORKING = {"export": _WORKING, "fragment_url": "/none", "back_url": "#"}
EXPORT_FAILED = {"export": _FAILED, "fragment_url": "#", "back_url": "#"}
_CHECK = {
    "number": 7,
    "state": "intact",
    "percent": 100,
    "done": 4121,
    "total": 4121,
    "sentence": "4121 entries hold; signed checkpoints reach entry 4118.",
    "what": "Everything",
    "by": "White Cross Ops",
    "at": T_ZERO,
    "entry_url": None,
}
CHECKS: dict[str, Any] = {
    "checks": [{**_CHECK, "number": 8, "state": "working", "percent": 34, "done": 1402}, _CHECK],
    "live": False,
    "fragment_url": "#",
    "verify_url": "#",
    "back_url": "#",
    "freezes": [],
    "may_lift": True,
    "checkpoint": {"number": 812, "at": T_ZERO, "seq": 4118, "stored": True, "problem": ""},
}
CHECKS_FROZEN = {
    **CHECKS,
    "checks": [{**_CHECK, "state": "broken", "sentence": "Entry 41 was edited: its text does not match its hash.", "entry_url": "#"}],
    "freezes": [{"sentence": "Entry 41 was edited: its text does not match its hash.", "at": T_ZERO, "url": "#"}],
    "checkpoint": None,
}  # fmt: skip
VERIFIER: dict[str, Any] = {
    "keys": [HASH, HASH[::-1]],
    "script_url": "#",
    "schema_url": "#",
    "recipe": "1. Python 3.11 or newer, with the package cryptography.\n2. python3 verify.py THIS.zip --trust KEY",
    "sha256": HASH,
    "back_url": "#",
}
DASHBOARD: dict[str, Any] = {
    "targets": [
        {"name": "white_cross_production", "chosen": True},
        {"name": "white_cross_staging", "chosen": False},
    ],
    "target": "white_cross_production",
    "since": "2025-08-05",
    "until": "2025-11-03",
    "now": T_ZERO,
    "holding": 2,
    "broken": 1,
    "links": [{"label": "Log reviews", "url": "#"}, {"label": "Exports", "url": "#"}],
    "controls": [
        {"title": "Audit trail complete", "tone": "good", "word": "Holds", "sentence": "12 of 12 runs have the spec's record of 13 fields.", "url": "#", "open": []},
        {"title": "Privacy impact assessment of every plan on PHI", "tone": "bad", "word": "Does not hold", "sentence": "3 of 4 plans on PHI have one.", "url": "", "open": [{"text": "WC-142 has none", "url": "#"}]},
        {"title": "Encryption at rest and in transit verified", "tone": "", "word": "Nothing to say", "sentence": "No backup was taken in this period.", "url": "", "open": []},
    ],
}  # fmt: skip
_PLAN = {"number": "WC-142", "title": "Add consent tracking to patients", "url": "#"}
DPIA: dict[str, Any] = {
    "plan": _PLAN,
    "form": AnswersForm(questions=DPIA_QUESTIONS),
    "versions": [{"number": 1, "by": "Ana Lopez", "at": days_before(6), "sha256": HASH}],
    "documents": [
        {
            "name": "threat-model.pdf",
            "version": 2,
            "by": "Ana Lopez",
            "at": days_before(6),
            "sha256": HASH,
            "url": "#",
        }
    ],
    "document_form": DocumentForm(),
    "upload_url": "#",
}
DPIA_ERRORS = {
    **DPIA,
    "form": AnswersForm({"purpose": "Consent."}, questions=DPIA_QUESTIONS),
    "versions": [],
    "documents": [],
}
_REVIEW = {
    "number": 3,
    "run": 57,
    "run_url": "#",
    "plan": "WC-142",
    "target": "white_cross_production",
    "logged": "",
    "due": T_ZERO,
    "late": True,
    "done_at": None,
    "by": "",
    "finding": "",
    "url": "#",
}
REVIEWS: dict[str, Any] = {
    "reviews": [
        _REVIEW,
        {**_REVIEW, "number": 4, "run": 53, "logged": "log_statement", "late": False},
        {
            **_REVIEW,
            "number": 2,
            "run": 51,
            "logged": "pgaudit (all)",
            "done_at": days_before(3),
            "late": False,
            "by": "Petra Novak",
            "finding": "Only the migration's own sessions, 14 statements, as approved.",
        },
    ]
}
PROCESSING: dict[str, Any] = {
    "groups": ["School health"],
    "name": "",
    "form": AnswersForm(questions=PROCESSING_QUESTIONS),
    "records": [
        {
            "name": "Immunization reports",
            "group": "School health",
            "version": 2,
            "by": "Petra Novak",
            "at": days_before(20),
            "facts": [{"term": "Whose data", "value": "Students"}],
        }
    ],
}
HOLDS: dict[str, Any] = {
    "groups": ["School health"],
    "form": DisposalForm(),
    "holds": [
        {"matter": "Lopez v. District", "group": "School health", "by": "Cleo Adeyemi", "at": days_before(30), "lifted_at": None, "lifted_by": "", "reason": "", "url": "#"},
        {"matter": "Inquiry of 2024", "group": "School health", "by": "Cleo Adeyemi", "at": days_before(300), "lifted_at": days_before(90), "lifted_by": "Petra Novak", "reason": "Closed.", "url": "#"},
    ],
    "disposals": [
        {"before": days_before(2600), "group": "School health", "reason": "Retention ended", "by": "Cleo Adeyemi", "at": days_before(1), "agreed": None, "decided_by": "", "mine": False, "url": "#"},
    ],
}  # fmt: skip
AUDITORS: dict[str, Any] = {
    "groups": ["School health"],
    "form": AuditorForm(),
    "auditors": [
        {
            "name": "Ines Faro",
            "email": "ines@audit.example",
            "group": "School health",
            "until": T_ZERO,
            "url": "#",
        }
    ],
}
PAGES: dict[str, tuple[str, dict[str, Any], str]] = {
    "exports": ("audit/exports.html", EXPORTS, "Audit"),
    "exports-none": ("audit/exports.html", NO_EXPORTS, "Audit"),
    "export": ("audit/export.html", EXPORT, "Audit"),
    "export-working": ("audit/export.html", EXPORT_WORKING, "Audit"),
    "export-failed": ("audit/export.html", EXPORT_FAILED, "Audit"),
    "checks": ("audit/checks.html", CHECKS, "Audit"),
    "checks-frozen": ("audit/checks.html", CHECKS_FROZEN, "Audit"),
    "verifier": ("audit/verifier.html", VERIFIER, "Audit"),
    "compliance": ("compliance/dashboard.html", DASHBOARD, "Audit"),
    "dpia": ("compliance/dpia.html", DPIA, "Plans"),
    "dpia-errors": ("compliance/dpia.html", DPIA_ERRORS, "Plans"),
    "reviews": ("compliance/reviews.html", REVIEWS, "Audit"),
    "processing": ("compliance/processing.html", PROCESSING, "Audit"),
    "auditors": ("compliance/auditors.html", AUDITORS, "Audit"),
    "holds": ("compliance/holds.html", HOLDS, "Audit"),
}
