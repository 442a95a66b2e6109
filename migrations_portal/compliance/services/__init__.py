"""The duties of compliance, one module each. Each act writes its row and its ledger entry in one transaction."""

from migrations_portal.compliance.services.assessing import add_document, save_dpia
from migrations_portal.compliance.services.officers import check_officer
from migrations_portal.compliance.services.recording import save_processing
from migrations_portal.compliance.services.retaining import (
    ask_disposal,
    check_retention,
    decide_disposal,
    lift_hold,
    set_hold,
)
from migrations_portal.compliance.services.reviewing import finish_review, open_reviews

__all__ = [
    "add_document",
    "ask_disposal",
    "check_officer",
    "check_retention",
    "decide_disposal",
    "finish_review",
    "lift_hold",
    "open_reviews",
    "save_dpia",
    "save_processing",
    "set_hold",
]
