"""Changing plans, a module per act. Every verb writes the plan and its ledger entry in one transaction."""

from migrations_portal.plans.services.assessing import (
    claim_assessment,
    put_off_assessment,
    release_assessment,
    request_assessment,
    store_assessment,
)
from migrations_portal.plans.services.drafting import (
    Check,
    EditedMeanwhile,
    create,
    edit,
    name_executor,
)
from migrations_portal.plans.services.entries import draft_entry, path
from migrations_portal.plans.services.filing import Upload, put_files, remove_file
from migrations_portal.plans.services.locking import NotADraft, NotYourPlan, lock, lock_one
from migrations_portal.plans.services.moving import mark_emergency, move, reopen
from migrations_portal.plans.services.submitting import freeze, missing
from migrations_portal.plans.services.ticking import NotTicked, prove, tick, untick

__all__ = [
    "Check",
    "EditedMeanwhile",
    "NotADraft",
    "NotTicked",
    "NotYourPlan",
    "Upload",
    "claim_assessment",
    "create",
    "draft_entry",
    "edit",
    "freeze",
    "lock",
    "lock_one",
    "mark_emergency",
    "missing",
    "move",
    "name_executor",
    "path",
    "prove",
    "put_files",
    "put_off_assessment",
    "release_assessment",
    "remove_file",
    "reopen",
    "request_assessment",
    "store_assessment",
    "tick",
    "untick",
]
