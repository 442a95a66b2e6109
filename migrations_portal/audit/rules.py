"""What a ledger entry holds (spec, "Audit Trail Requirements"), and how its bytes are made (L3)."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

import rfc8785
from jsonschema import Draft202012Validator

from migrations_portal.kernel.errors import Trouble


class RecordInvalid(Trouble):
    """The audit record does not have the form that the spec demands, so the act was not carried out."""

    code = "audit-record-invalid"


CHECKPOINT_EVERY = timedelta(minutes=5)
"""L5: the longest time in which something could be cut off the end unseen."""
CHECKPOINT_ROWS = 1_000
"""L5: or so many entries."""
LEDGER_RETENTION = timedelta(days=2557)
"""Seven years: White Cross's own rule (spec, "Data Retention Compliance"); the law says six (45 CFR 164.316)."""
STORE_WARN_AFTER = timedelta(minutes=10)
STORE_HOLD_AFTER = timedelta(minutes=30)
"""L6: without a checkpoint in the store for so long, people are warned, and runs of high risk or on PHI are held."""
HELD_LEVELS = frozenset({"HIGH", "CRITICAL"})


def instant(at: datetime) -> str:
    """Return an instant as the ledger writes it: UTC, microseconds (L3)."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


class EntryKind(StrEnum):
    PLAN_CREATED = "PLAN_CREATED"
    PLAN_ASSESSED = "PLAN_ASSESSED"
    PLAN_SUBMITTED = "PLAN_SUBMITTED"
    PLAN_WITHDRAWN = "PLAN_WITHDRAWN"
    PLAN_CANCELLED = "PLAN_CANCELLED"
    PLAN_POSTPONED = "PLAN_POSTPONED"
    PLAN_EXPIRED = "PLAN_EXPIRED"
    PLAN_REOPENED = "PLAN_REOPENED"
    CHECKLIST_TICKED = "CHECKLIST_TICKED"
    SEAT_SIGNED = "SEAT_SIGNED"
    SEAT_REJECTED = "SEAT_REJECTED"
    SIGN_OFF_REFUSED = "SIGN_OFF_REFUSED"
    WISH_REFUSED = "WISH_REFUSED"
    SEAT_ESCALATED = "SEAT_ESCALATED"
    SEAT_ASKED_AGAIN = "SEAT_ASKED_AGAIN"
    SEAT_REASSIGNED = "SEAT_REASSIGNED"
    SEAT_UNFILLABLE = "SEAT_UNFILLABLE"
    SIGNATURE_MARKED = "SIGNATURE_MARKED"
    DELEGATION_GIVEN = "DELEGATION_GIVEN"
    DELEGATION_ENDED = "DELEGATION_ENDED"
    EMERGENCY_ASKED = "EMERGENCY_ASKED"
    EMERGENCY_CONFIRMED = "EMERGENCY_CONFIRMED"
    EMERGENCY_REVIEWED = "EMERGENCY_REVIEWED"
    WRONG_PERSON = "WRONG_PERSON"
    PLAN_APPROVED = "PLAN_APPROVED"
    STAKEHOLDERS_NOTIFIED = "STAKEHOLDERS_NOTIFIED"
    RUN_SCHEDULED = "RUN_SCHEDULED"
    RUN_STARTED = "RUN_STARTED"
    RUN_FINISHED = "RUN_FINISHED"
    RUN_DECISION = "RUN_DECISION"
    MIGRATION_RECORD = "MIGRATION_RECORD"
    INCIDENT_OPENED = "INCIDENT_OPENED"
    INCIDENT_UPDATED = "INCIDENT_UPDATED"
    ROLE_GRANTED = "ROLE_GRANTED"
    ROLE_REVOKED = "ROLE_REVOKED"
    LEDGER_EXPORTED = "LEDGER_EXPORTED"
    LEDGER_VERIFIED = "LEDGER_VERIFIED"
    LEDGER_FROZEN = "LEDGER_FROZEN"
    LEDGER_UNFROZEN = "LEDGER_UNFROZEN"
    LEDGER_KEY_CHANGED = "LEDGER_KEY_CHANGED"
    EVIDENCE_EXPORTED = "EVIDENCE_EXPORTED"
    DPIA_SAVED = "DPIA_SAVED"
    REVIEW_DONE = "REVIEW_DONE"
    RETENTION_CHECKED = "RETENTION_CHECKED"
    PROCESSING_RECORDED = "PROCESSING_RECORDED"
    AUDITOR_ADMITTED = "AUDITOR_ADMITTED"
    LEGAL_HOLD_SET = "LEGAL_HOLD_SET"
    LEGAL_HOLD_LIFTED = "LEGAL_HOLD_LIFTED"
    DISPOSAL_ASKED = "DISPOSAL_ASKED"
    DISPOSAL_AGREED = "DISPOSAL_AGREED"
    DISPOSAL_REFUSED = "DISPOSAL_REFUSED"
    TOKEN_ISSUED = "TOKEN_ISSUED"  # noqa: S105  # the name of an act
    TOKEN_REVOKED = "TOKEN_REVOKED"  # noqa: S105  # the name of an act
    PERSON_INVITED = "PERSON_INVITED"
    PERSON_DEACTIVATED = "PERSON_DEACTIVATED"
    PERSON_REACTIVATED = "PERSON_REACTIVATED"
    PASSWORD_LINK_ASKED = "PASSWORD_LINK_ASKED"  # noqa: S105  # the name of an act
    PASSWORD_CHANGED = "PASSWORD_CHANGED"  # noqa: S105  # the name of an act
    FACTOR_ENROLLED = "FACTOR_ENROLLED"
    FACTOR_REMOVED = "FACTOR_REMOVED"
    FACTOR_RESET = "FACTOR_RESET"
    FACTOR_LOCKED = "FACTOR_LOCKED"
    FACTOR_RECOVERY_USED = "FACTOR_RECOVERY_USED"
    PASSKEY_ADDED = "PASSKEY_ADDED"
    PASSKEY_RENAMED = "PASSKEY_RENAMED"
    PASSKEY_REMOVED = "PASSKEY_REMOVED"
    PASSKEY_REFUSED = "PASSKEY_REFUSED"
    SIGN_IN_FAILED = "SIGN_IN_FAILED"
    TARGET_ADDED = "TARGET_ADDED"
    TARGET_CHANGED = "TARGET_CHANGED"
    PHI_TAGGED = "PHI_TAGGED"
    PHI_CLEARED = "PHI_CLEARED"
    ASSESSMENT_ASKED = "ASSESSMENT_ASKED"
    REHEARSED = "REHEARSED"
    COPY_MADE = "COPY_MADE"
    COPY_DROPPED = "COPY_DROPPED"
    WINDOW_CHANGED = "WINDOW_CHANGED"
    RUN_POSTPONED = "RUN_POSTPONED"
    COMMENT_ADDED = "COMMENT_ADDED"
    PHASE_ADDED = "PHASE_ADDED"
    DEPLOY_CONFIRMED = "DEPLOY_CONFIRMED"


@dataclass(frozen=True)
class Actor:
    """Who acted: a person, or a part of the portal."""

    email: str
    name: str


PORTAL = Actor(email="portal", name="White Cross Ops")
"""The portal itself, for acts that no person did."""


@dataclass(frozen=True)
class Draft:
    """An entry before it has its place in the chain. No PHI, SQL values or secrets belong in it (L10)."""

    kind: EntryKind
    actor: Actor
    sentence: str
    """What happened, in words, past tense."""
    plan: int | None = None
    revision: int | None = None
    target: str = ""
    environment: str = ""
    phi: bool = False
    reason: str = ""
    result: str = "success"
    facts: Mapping[str, Any] = field(default_factory=dict)
    record: Mapping[str, Any] | None = None
    """The spec's 13-field record, for a run only."""

    def body(self) -> bytes:
        """Return the RFC 8785 canonical bytes; raise `RecordInvalid` when a value has no canonical form."""
        whole = {
            "kind": str(self.kind),
            "who": {"email": self.actor.email, "name": self.actor.name},
            "what": self.sentence,
            "where": {"environment": self.environment, "target": self.target},
            "why": self.reason,
            "result": self.result,
            "phi": self.phi,
            "plan": self.plan,
            "revision": self.revision,
            "facts": _without_nul(dict(self.facts)),
            "record": None if self.record is None else check_record(self.record),
        }
        try:
            return rfc8785.dumps(_without_nul(whole))
        except rfc8785.CanonicalizationError as error:
            raise RecordInvalid(f"The audit entry cannot be written: {error}") from error


def body_of(canonical: str) -> dict[str, Any]:
    """Return what an entry says, from its hashed bytes."""
    said: dict[str, Any] = json.loads(canonical)["body"]
    return said


def _without_nul(value: Any) -> Any:
    """Return `value` with NUL characters, which PostgreSQL cannot store, shown as U+2400."""
    if isinstance(value, str):
        return value.replace("\x00", "\u2400")
    if isinstance(value, Mapping):
        return {str(key): _without_nul(each) for key, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_without_nul(each) for each in value]
    return value


EXTENSION_KEY = "white_cross_ops"
"""The one key of the record that the spec does not name."""

MIGRATION_RECORD_SCHEMA: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "title": "Migration audit record",
    "type": "object",
    "additionalProperties": False,
    "required": [
        "timestamp",
        "executor",
        "migration",
        "environment",
        "database",
        "tables_affected",
        "phi_impact",
        "justification",
        "backup_location",
        "duration_seconds",
        "status",
        "verification_status",
        "rollback_tested",
    ],
    "properties": {
        "timestamp": {"type": "string", "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$"},
        "executor": {"type": "string", "minLength": 1},
        "migration": {"type": "string", "minLength": 1},
        "environment": {"enum": ["production", "staging"]},
        "database": {"type": "string", "minLength": 1},
        "tables_affected": {"type": "array", "items": {"type": "string"}},
        "phi_impact": {"type": "boolean"},
        "justification": {"type": "string", "minLength": 1},
        "backup_location": {"type": "string", "pattern": r"^(s3://.+|none)$"},
        "duration_seconds": {"type": "integer", "minimum": 0},
        "status": {
            "enum": [
                "success",
                "failed",
                "rolled_back",
                "restored",
                "needs_decision",
                "kept",
                "marked_applied",
            ]
        },
        "verification_status": {"enum": ["passed", "failed", "not_run"]},
        "rollback_tested": {"type": "boolean"},
        EXTENSION_KEY: {
            "type": "object",
            "additionalProperties": False,
            "required": ["run", "plan", "revision", "digest", "level", "outcome", "approved_by"],
            "properties": {
                "run": {"type": "integer", "minimum": 1},
                "plan": {"type": "integer", "minimum": 1},
                "revision": {"type": "integer", "minimum": 1},
                "digest": {"type": "string", "pattern": "^[0-9a-f]{64}$"},
                "level": {"enum": ["LOW", "MEDIUM", "HIGH", "CRITICAL"]},
                "outcome": {"type": "string"},
                "approved_by": {
                    "type": "array",
                    "items": {
                        "type": "object",
                        "additionalProperties": False,
                        "required": ["role", "email", "at"],
                        "properties": {
                            "role": {"type": "string"},
                            "email": {"type": "string"},
                            "at": {"type": "string", "format": "date-time"},
                        },
                    },
                },
                "backup_sha256": {"type": ["string", "null"], "pattern": "^[0-9a-f]{64}$"},
            },
        },
    },
}
"""The spec's record: its 13 keys, all of them, and at most one more, under which everything of ours stands.

`backup_location` is "none" when a run stopped before its backup. Published as docs/reference/migration-record.schema.json.
"""

RECORD_KEYS: tuple[str, ...] = tuple(MIGRATION_RECORD_SCHEMA["required"])
_VALIDATOR = Draft202012Validator(MIGRATION_RECORD_SCHEMA)


def check_record(record: Mapping[str, Any]) -> dict[str, Any]:
    """Return the record, or raise `RecordInvalid` that names every key that is wrong."""
    wrong = sorted(_VALIDATOR.iter_errors(dict(record)), key=str)
    if wrong:
        raise RecordInvalid(
            "The audit record is not complete: " + "; ".join(each.message for each in wrong)
        )
    return dict(record)
