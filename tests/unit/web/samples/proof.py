"""Rehearsals and backups."""

from datetime import datetime, timedelta, timezone
from typing import Any

from migrations_portal.web.presenters import rehearsals as presenter
from migrations_portal.web.presenters.lock_timeline import timeline

EAST = timezone(timedelta(hours=-5))
AT = datetime(2026, 3, 2, 14, 5, tzinfo=EAST)

RESULT: dict[str, Any] = {
    "statements": [
        {"file": "20251103000000-add-consent.js", "phase": "up", "sql": 'ALTER TABLE "patients" ADD COLUMN "consentStatus" varchar(20)', "start": 0.0, "seconds": 0.012, "tag": "ALTER TABLE", "sqlstate": ""},
        {"file": "20251103000000-add-consent.js", "phase": "up", "sql": 'UPDATE "patients" SET "consentStatus" = \'…\'', "start": 0.02, "seconds": 1.31, "tag": "UPDATE 300000", "sqlstate": ""},
        {"file": "20251103000000-add-consent.js", "phase": "up", "sql": 'CREATE INDEX "patients_consent" ON "patients" ("consentStatus")', "start": 1.34, "seconds": 0.42, "tag": "CREATE INDEX", "sqlstate": ""},
        {"file": "20251103000000-add-consent.js", "phase": "up", "sql": 'ALTER TABLE "consents" ADD FOREIGN KEY ("patientId") REFERENCES "patients"', "start": 1.78, "seconds": 0.2, "tag": "ALTER TABLE", "sqlstate": ""},
    ],
    "locks": [
        {"table": "public.patients", "mode": "AccessExclusiveLock", "start": 0.0, "end": 1.35, "blocks": "reads and writes"},
        {"table": "public.patients", "mode": "ShareLock", "start": 1.34, "end": 1.77, "blocks": "writes"},
        {"table": "public.patients", "mode": "ShareRowExclusiveLock", "start": 1.78, "end": 1.98, "blocks": "writes"},
        {"table": "public.consents", "mode": "ShareRowExclusiveLock", "start": 1.78, "end": 1.98, "blocks": "writes"},
        {"table": "public.students", "mode": "AccessShareLock", "start": 0.3, "end": 0.9, "blocks": ""},
    ],
}  # fmt: skip

_REHEARSAL: dict[str, Any] = {
    "number": 12,
    "status": "DONE",
    "going_on": False,
    "doing": "Rehearsing",
    "problem": "",
    "plan": {"number": "WC-142", "title": "Add consent tracking to patients", "url": "#"},
    "target": "production",
    "zone": "America/New_York",
    "live_url": "#",
    "finished_at": AT,
    "requested_at": AT,
    "requested_by": "The portal",
    "line": "Rehearsed 2 h ago on 300,000 rows: up 1.9 s, down 0.3 s, schema identical",
    "stale": "",
    "good": True,
}

GOOD: dict[str, Any] = {
    "rehearsal": _REHEARSAL,
    "action": {"label": "Rehearse again", "url": "#", "post": True},
    "findings": [
        {
            "tone": "warn",
            "title": "public.patients is locked for 1.4 s: it needs a maintenance window",
            "detail": "ACCESS EXCLUSIVE keeps all reads and writes waiting. Plan the run for a maintenance window.",
        }
    ],
    "verdicts": [
        {"tone": "good", "verdict": "Passed", "title": "Structure: up and down exist", "detail": "Every file has “up” and “down”."},
        {"tone": "good", "verdict": "Passed", "title": "Application: it runs without errors and verifies", "detail": "Up in 1.9 s, every verification passed."},
        {"tone": "good", "verdict": "Passed", "title": "Rollback: it reverses cleanly", "detail": "Down in 0.3 s; history, schema and row counts are exactly as before."},
        {"tone": "good", "verdict": "Passed", "title": "Idempotency: it can run again", "detail": "Up again gives the same schema and rows; a third time there is nothing left to do."},
    ],
    "timeline": timeline(RESULT),
    "phases": [
        {"title": title, "state": "ok", "seconds": seconds, "key": key}
        for key, title, seconds in (
            ("status", "Migration status", 0.8), ("up", "Up", 1.94), ("verify", "Verification", 0.4),
            ("down", "Down", 0.3), ("compare", "Schema and rows as before?", 0.9),
            ("up-again", "Up again", 1.9), ("nothing-left", "Nothing left to do?", 1.5),
        )
    ],
    "statements": presenter.statements(RESULT),
    "left_out": 0,
    "rewrites": [{"file": "20251103000000-add-consent.js", "relation": "public.patients", "bytes_before": 41_000_000, "bytes_after": 45_000_000}],
    "difference": presenter.diff_lines([
        "@@ -310,3 +310,4 @@", '     "bloodType" character varying(3)', '+    "consentStatus" character varying(20)', " );",
    ]),
    "left_after_down": [],
    "checks": [{"tone": "good", "title": "Foreign keys are valid", "detail": "All 31 foreign keys hold."}],
    "glance": [
        {"term": "Copy", "value": "1,214,310 rows in 12 tables"},
        {"term": "From the backup", "value": "02 Mar 2026, 18:20 UTC", "url": "#"},
        {"term": "Time to recover", "value": "8.4 s, measured"},
        {"term": "public.patients in production", "value": "about 1,200,000 rows, 300,000 here", "detail": "Times are multiplied by 4.0 for it: extrapolated, not measured"},
    ],
}  # fmt: skip

BAD: dict[str, Any] = GOOD | {
    "rehearsal": _REHEARSAL
    | {
        "good": False,
        "stale": "20260301-other.js was applied to the target since this was rehearsed.",
        "line": "Rehearsed 2 h ago on 300,000 rows: up 1.9 s, down 0.3 s, the way back is not proven",
    },
    "verdicts": [
        {"tone": "bad", "verdict": "Failed", "title": "Rollback: it reverses cleanly", "detail": 'After “down” the schema is not as before: still there: "consentStatus". Let “down” reverse exactly what “up” did.'},
        {"tone": "warn", "verdict": "Not tried", "title": "Idempotency: it can run again", "detail": "Not tried: the files could not be undone first."},
    ],
    "left_after_down": presenter.diff_lines(['+    "consentStatus" character varying(20)']),
}  # fmt: skip

GOING_ON: dict[str, Any] = {
    "rehearsal": _REHEARSAL
    | {"status": "RUNNING", "going_on": True, "doing": "Rehearsing: restoring 1,214,310 rows", "line": ""},
    "action": None,
}  # fmt: skip

NOT_CARRIED_OUT: dict[str, Any] = {
    "rehearsal": _REHEARSAL
    | {
        "status": "FAILED",
        "line": "",
        "problem": "The backup store does not answer. Check that it runs, and WCO_S3_ENDPOINT.",
    },
    "action": {"label": "Rehearse again", "url": "#", "post": True},
}

_ROW: dict[str, Any] = {
    "number": 31,
    "url": "#",
    "target": "production",
    "purpose": "pre-migration",
    "taken_at": AT,
    "zone": "America/New_York",
    "tone": "good",
    "word": "Proven",
    "size": 187_000_000,
    "rows": 1_214_310,
    "restore_seconds": 8.4,
    "problem": "",
}

BACKUP: dict[str, Any] = {
    "backup": _ROW | {"location": "s3://white-cross-backups/pre-migration/2026/03/02/production-run-7-190500", "progress": ""},
    "run": {"number": 7, "url": "#"},
    "proof": [
        {"tone": "good", "verdict": "Proven", "title": "Stored and hashed", "detail": "187,000,000 bytes in 3 archives, SHA-256 " + "ab12" * 16},
        {"tone": "good", "verdict": "Proven", "title": "Encrypted, versioned and locked", "detail": "AES256, Object Lock compliance until 02 Mar 2033; the store was asked after the upload"},
        {"tone": "good", "verdict": "Proven", "title": "Restored on the staging server", "detail": "1,214,310 rows in 12 tables, every count equal to the snapshot's; 31 validated foreign keys"},
    ],
    "glance": [{"term": "Time to recover", "value": "8.4 s, measured"}, {"term": "Server", "value": "PostgreSQL 17.10"}],
    "archives": [
        {"name": name, "archive": "DATA", "key": name, "version_id": "v1", "size": size, "sha256": "cd34" * 16, "pieces": ["x"] * 12}
        for name, size in (("schema", 20_000), ("data-1", 93_000_000), ("data-2", 94_000_000))
    ],
    "tables": [{"name": "public.students", "rows": 50_000}, {"name": "public.health_records", "rows": 310_000}],
    "copies": [{"database": "wco_drill_7_1", "purpose": "restore-drill", "made_at": AT, "dropped_at": AT}, {"database": "wco_rehearsal_12_1", "purpose": "rehearsal", "made_at": AT, "dropped_at": None}],
}  # fmt: skip

BACKUPS: dict[str, Any] = {
    "backups": [
        _ROW,
        _ROW | {"number": 30, "tone": "bad", "word": "Refused", "problem": "The vault holds 12 bytes.", "restore_seconds": None},
        _ROW | {"number": 29, "tone": "info", "word": "Being taken", "restore_seconds": None, "size": 0, "rows": 0},
    ]
}  # fmt: skip

CARD: dict[str, Any] = {
    "sentence": "Rehearsed 2 h ago on 300,000 rows: up 1.9 s, down 0.3 s, schema identical.",
    "tone": "good",
    "url": "#",
    "post_url": "#",
    "findings": GOOD["findings"],
    "going_on": False,
}
