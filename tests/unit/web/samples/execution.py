"""Runs: live, and with each outcome."""

from datetime import timedelta
from typing import Any

from tests.unit.web.samples.common import T_ZERO, ZONE

STEP_TITLES = (
    "Health check",
    "Backup",
    "Prove the backup",
    "Status before",
    "Migrate",
    "Status after",
    "Verify",
    "Health check",
)
TIMES: tuple[float, ...] = (0.8, 38, 52, 2.1, 31, 2, 4, 1)


def steps(*, current: int, last: str = "now", after: str = "") -> list[dict[str, Any]]:
    """Return the eight steps with the given one in the state `last`."""
    states = ["ok"] * (current - 1) + [last] + [after] * (8 - current)
    return [
        {
            "key": f"{index}",
            "title": title,
            "state": state,
            "seconds": TIMES[index] if state in {"ok", "now", "failed"} else None,
            "detail": "412 MB in s3://white-cross-backups, SHA-256 ends in 9f31"
            if index == 1 and state
            else "",
            "output": "== 20251103000000-add-patient-consent-tracking: migrated (0.031s)"
            if index == 4 and state
            else "",
            "exit_code": {"ok": 0, "failed": 1}.get(state),
        }
        for index, (title, state) in enumerate(zip(STEP_TITLES, states, strict=True))
    ]


KPIS = [
    {
        "label": "Connections",
        "value": "86",
        "limit": "of 200",
        "tone": "good",
        "points": [80, 82, 86, 85, 86],
        "top": 200,
    },
    {
        "label": "Queries over 5 min",
        "value": "0",
        "limit": "limit 0",
        "tone": "good",
        "points": [0, 0, 0],
        "top": 1,
    },
    {
        "label": "Ungranted locks",
        "value": "1",
        "limit": "limit 5",
        "tone": "warn",
        "points": [0, 0, 1],
        "top": 5,
    },
    {
        "label": "Longest blocked",
        "value": "2.4 s",
        "limit": "stops above 2 s",
        "tone": "bad",
        "points": [0, 0.8, 2.4],
        "top": 3,
    },
]
LOG = [
    {
        "at": T_ZERO + timedelta(seconds=4),
        "text": "backup restored, 412 MB, counts equal",
        "tone": "",
    },
    {
        "at": T_ZERO + timedelta(seconds=31),
        "text": 'ALTER TABLE patients ADD COLUMN "consentAt" timestamptz',
        "tone": "",
    },
    {
        "at": T_ZERO + timedelta(seconds=32),
        "text": "waiting 0.8 s for a lock held by pid 4122 (api)",
        "tone": "warn",
    },
    {
        "at": T_ZERO + timedelta(seconds=33),
        "text": 'ERROR: column "consentAt" already exists',
        "tone": "bad",
    },
    *(
        {
            "at": T_ZERO + timedelta(seconds=34 + n),
            "text": f"batch {n}: 1,000 rows, 14 ms",
            "tone": "",
        }
        for n in range(14)
    ),
]
_RUN: dict[str, Any] = {
    "number": 57,
    "plan": {"number": "WC-142", "title": "Add consent tracking to patients", "url": "#"},
    "target": "white_cross_production",
    "environment": "production",
    "level": "HIGH",
    "phi": True,
    "live": False,
    "paused": False,
    "events_url": "/events",
    "elapsed": 118,
    "started_at": T_ZERO,
    "ended_at": None,
    "zone": ZONE,
    "started_by": "White Cross Ops, as approved",
}
_GLANCE = [
    {"term": "Started", "value": "3 Nov, 21:00:00 EST, by White Cross Ops"},
    {"term": "Expected", "value": "25 s"},
    {
        "term": "Backup",
        "value": "s3://white-cross-backups/pre-migration/2025/11/03/WC-142.dump",
        "code": True,
    },
]


def run(*, status: str, sentence: str, **more: Any) -> dict[str, Any]:
    """Return a run page's context."""
    about = _RUN | {"status": status, "sentence": sentence, "tab_title": f"{sentence} · WC-142"}
    about["live"] = status in {"QUEUED", "RUNNING"}
    return {
        "run": about,
        "kpis": KPIS,
        "log_lines": LOG,
        "glance": _GLANCE,
        "log_left_out": 1284,
    } | more


INCIDENT = {"number": "INC-12", "severity": "P1", "url": "#", "title": "Run 57 was rolled back"}
RUNNING = run(
    status="RUNNING",
    sentence="Step 5 of 8: migrating",
    steps=steps(current=5),
    kpis_note="Last sample 1 s ago",
    progress={
        "label": "Copying rows",
        "done": 1284000,
        "total": 2104511,
        "sentence": "1,284,000 of 2,104,511 rows",
    },
    orders={
        "post_url": "#",
        "means": "What runs is cancelled within two seconds. What this run has applied is then rolled back by name, which takes its own time.",
        "paused": False,
        "asks_code": "passkey",
    },
    log_url="#",
)
SILENT = run(
    status="RUNNING",
    sentence="No word from the worker for 21 s",
    steps=steps(current=5),
    silence=[
        (
            "Either it comes back and goes on, or another worker takes the run over from 40 s after its last sign, reads from the target "
            "what is true, and says it here."
        ),
        "Nothing is run a second time, and you need not do anything until then.",
    ],
    orders=RUNNING["orders"],
    log_url="#",
)
SUCCEEDED = run(
    otherwise=[
        {
            "file": "20260101000000-add-nickname.js",
            "new": ["CREATE TABLE made_since_2026 (id integer)"],
            "missing": ["CREATE INDEX students_nickname ON students (nickname)"],
        }
    ],
    predicted={
        "sentence": "1 of 2 statements took as long as predicted.",
        "tone": "warn",
        "lines": [
            {
                "what": "ALTER TABLE students ADD COLUMN nickname text",
                "sentence": "predicted under 0.1 s (up to 0.2 s), took under 0.1 s",
                "within": True,
            },
            {
                "what": "UPDATE students SET nickname = name",
                "sentence": "predicted 2.1 s (0.7 to 6.3 s), took 8.0 s; writes of students kept waiting: predicted 2.1 s (0.7 to 6.3 s), was 8.0 s at most",
                "within": False,
            },
        ],
        "more": 3,
    },
    status="SUCCEEDED",
    sentence="Done in 2 min 14 s",
    steps=steps(current=8, last="ok"),
    outcome={
        "kind": "succeeded",
        "title": "The migration is in, and every check passed",
        "sentences": [
            "SequelizeMeta has exactly one new row, the approved file. The backup stays for 7 years."
        ],
        "facts": [
            {"term": "Longest wait anyone had", "value": "0.05 s (limit 0.25 s)", "tone": "good"}
        ],
        "next_action": {"label": "Finish the checklist", "url": "#"},
    },
)
KEPT = run(
    status="KEPT",
    sentence="Two people keep the target as it is",
    steps=steps(current=5, last="failed", after="skipped"),
    outcome={
        "kind": "kept",
        "title": "Two people keep the target as it is",
        "sentences": [
            "The migration failed half way: it is not in the history, but the target has moved.",
            "Two people looked at the target and keep it as it is.",
            "Kept as it is: finished by hand",
        ],
        "facts": [],
        "next_action": None,
    },
    incident=INCIDENT,
)
FAILED = run(
    status="FAILED",
    sentence="Failed in step 5, nothing changed",
    steps=steps(current=5, last="failed", after="skipped"),
    outcome={
        "kind": "failed",
        "title": "The migration failed, and nothing changed",
        "sentences": [
            'PostgreSQL said: column "consentAt" already exists.',
            "The file ran in one transaction, which was undone. Schema and SequelizeMeta are what they were before.",
        ],
        "facts": [
            {"term": "Schema", "value": "Equal to before the run", "tone": "good"},
            {"term": "SequelizeMeta", "value": "Equal to before the run", "tone": "good"},
        ],
        "next_action": {"label": "Make a new plan from this one", "url": "#"},
    },
    incident=INCIDENT,
)
ROLLED_BACK = run(
    status="ROLLED_BACK",
    sentence="Rolled back after step 7",
    steps=steps(current=7, last="failed", after="skipped"),
    outcome={
        "kind": "rolled_back",
        "title": "A check failed, so the migration was rolled back",
        "sentences": [
            "“Every consent has a date” returned 12, expected 0.",
            "Only this plan’s file was undone, by name.",
        ],
        "facts": [{"term": "Schema", "value": "Equal to before the run", "tone": "good"}],
        "next_action": None,
    },
    incident=INCIDENT,
)
SCHEMA_DIFF = {
    "sentence": "One table has changed; nothing else differs.",
    "lines": [
        {"number": None, "kind": "", "text": "CREATE TABLE public.patients ("},
        {"number": None, "kind": "add", "text": '    "consentAt" timestamp with time zone,'},
        {"number": None, "kind": "del", "text": '    "consentNote" text'},
    ],
}
_DECISION: dict[str, Any] = {
    "post_url": "#",
    "made": [],
    "mine": False,
    "differ": False,
    "open": True,
    "why_not": "",
    "form_error": "",
    "options": [
        {
            "value": "RESTORE",
            "label": "Restore the backup of 21:00:42",
            "consequence": "The database goes back to 21:00:42. What was written since is lost. Takes about 52 s.",
        },
        {
            "value": "MARK_APPLIED",
            "label": "Mark as applied",
            "consequence": "The file counts as done. Choose this only when you have finished its work by hand.",
        },
    ],
}
NEEDS_DECISION = run(
    status="NEEDS_DECISION",
    sentence="Stopped half way: two people decide",
    steps=steps(current=5, last="failed", after="skipped"),
    outcome={
        "kind": "needs_decision",
        "title": "The file failed half way, and the schema has moved",
        "sentences": [
            "It ran without a transaction: its first statement stayed, its second failed.",
            "It is not in SequelizeMeta, so an undo would revert the healthy migration before it. We do not do that.",
        ],
        "facts": [
            {"term": "Schema", "value": "Differs from before, see below", "tone": "bad"},
            {"term": "SequelizeMeta", "value": "Equal to before the run", "tone": "good"},
            {"term": "Backup", "value": "412 MB, restored on staging in 52 s", "tone": "good"},
        ],
        "next_action": {"label": "Decide…", "url": "#decision"},
    },
    decision=_DECISION,
    schema_diff=SCHEMA_DIFF,
    incident=INCIDENT,
)
NEEDS_SECOND = NEEDS_DECISION | {
    "decision": _DECISION
    | {
        "made": [
            {
                "by": "You",
                "at": T_ZERO + timedelta(minutes=9),
                "label": "Restore the backup of 21:00:42",
                "reason": "Nobody wrote since; traffic is diverted.",
            },
            {
                "by": "Carla Mendes",
                "at": T_ZERO + timedelta(minutes=11),
                "label": "Mark as applied",
                "reason": "The rest was done by hand.",
            },
        ],
        "mine": True,
        "differ": True,
        "options": [_DECISION["options"][1] | {"agrees": "Carla Mendes"}],
    }
}
