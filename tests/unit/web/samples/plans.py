"""Plans: the detail page in its states."""

from typing import Any

from tests.unit.web.samples.common import T_ZERO, ZONE, days_before

MIGRATION = """'use strict';

/** Adds consent tracking to patients. */
module.exports = {
  async up(queryInterface, Sequelize) {
    await queryInterface.sequelize.transaction(async (transaction) => {
      await queryInterface.addColumn('patients', 'consentAt', {
        type: Sequelize.DATE, allowNull: true,
      }, { transaction });
    });
  },

  async down(queryInterface) {
    await queryInterface.removeColumn('patients', 'consentAt');
  },
};
"""
FILE = "20251103000000-add-patient-consent-tracking.js"
PLAN: dict[str, Any] = {
    "number": "WC-142",
    "title": "Add consent tracking to patients",
    "level": "HIGH",
    "phi": True,
    "status": "SUBMITTED",
    "revision": 4,
    "digest": "5be1c0ffee1122334455667788990011223344556677889900112233445566779f31",
    "target": "white_cross_production",
    "database": "white_cross_production",
    "environment": "production",
    "author": "Ana Lopez",
    "scheduled_for": T_ZERO,
    "zone": ZONE,
    "window": "21:00 to 23:00",
    "url": "#",
    "why": "JIRA-1234: parents may withdraw consent, and the law asks us to know since when.",
    "level_reason": "High, because one statement changes existing rows (rule DATA-1).",
}
STATIONS = [
    {"label": "T‑7 Submitted", "state": "done", "at": days_before(7.2), "zone": ZONE, "lines": []},
    {
        "label": "T‑5 Security and compliance",
        "state": "late",
        "lines": ["2 h late: the privacy officer has not signed"],
        "at": days_before(5),
        "zone": ZONE,
    },
    {"label": "T‑3 Stakeholders told", "state": "", "lines": ["5 groups"], "at": days_before(3)},
    {"label": "T‑1 Go or no-go", "state": "", "lines": ["Dan Okafor, CTO"], "at": days_before(1)},
    {"label": "T‑0 Run", "state": "", "lines": [], "at": T_ZERO, "zone": ZONE},
]
SEATS: list[dict[str, Any]] = [
    {
        "role_title": "CTO",
        "state": "ok",
        "name": "Carla Mendes",
        "at": days_before(6),
        "zone": ZONE,
    },
    {
        "role_title": "Database admin",
        "state": "turn",
        "name": "",
        "note": "Signed revision 3, needs revision 4.",
    },
    {
        "role_title": "Privacy officer",
        "state": "waiting",
        "note": "Waiting 2 days for Petra Novak.",
        "url": "#",
        "url_label": "Remind her",
    },
    {"role_title": "Security officer", "state": "no", "name": "Sam Reed", "at": days_before(5)},
    {"role_title": "Go at T‑1", "state": "later", "note": "After the others"},
]
STATEMENTS = [
    {
        "number": 1,
        "where": f"{FILE}, line 7",
        "sql": 'ALTER TABLE "patients" ADD COLUMN "consentAt" TIMESTAMP WITH TIME ZONE;',
        "level": "LOW",
        "locks": ["Blocks reads and writes of patients"],
        "work": [],
        "time": "Done at once; reads and writes of patients wait that long",
        "way_back": "",
        "findings": [],
    },
    {
        "number": 2,
        "where": f"{FILE}, line 12",
        "sql": 'UPDATE "patients" SET "consentAt" = now() -- all of them',
        "level": "HIGH",
        "locks": ["Locks the rows that it changes in patients; everything else goes on"],
        "work": ["Reads patients: 4.2 million rows"],
        "time": "Takes about 42 s (21 s to 2 min)",
        "way_back": "Cannot be undone: the data comes only from the backup",
        "way_back_bad": True,
        "findings": [
            {
                "tone": "bad",
                "title": "Changes consentAt in every row of patients in one transaction.",
                "why": "Each row stays locked until the end.",
                "advice": "Use a backfill plan.",
                "safe_sql": "UPDATE patients SET x = y WHERE id BETWEEN 1 AND 1000;",
                "language": "sql",
                "rule": "update-all-rows",
                "rule_url": "#",
            },
            {
                "tone": "warn",
                "title": "A finding without more",
                "why": "",
                "advice": "",
                "safe_sql": "",
                "language": "sql",
                "rule": "gone",
                "rule_url": "",
            },
        ],
    },
]
DOWN = [
    {
        "number": 1,
        "where": FILE,
        "sql": 'ALTER TABLE "patients" DROP COLUMN "consentAt";',
        "level": "HIGH",
        "locks": ["Blocks reads and writes of patients"],
        "work": [],
        "time": "",
        "way_back": "",
        "findings": [],
    }
]
PHASES = [
    {
        "number": 1,
        "title": "Add the column",
        "kind": "A plan of its own",
        "sql": "ALTER TABLE a ADD b int;",
    },
    {"number": 2, "title": "Deploy the application", "kind": "A deployment", "sql": ""},
]
ASSESSMENT = {
    "state": "done",
    "level": "HIGH",
    "reason": "HIGH because of line 12 of the file. It changes every row of patients.",
    "assessed_at": days_before(7.3),
    "zone": ZONE,
    "stale": [
        "patients has grown from 1.2 million rows to 4.2 million rows.",
        "users.ssn is tagged as PHI now.",
    ],
    "again_url": "#",
    "outgrown": "Assessed again, this change is critical risk, but revision 4 was signed as high risk.",
    "wait": {
        "tone": "warn",
        "sentence": "Writes to patients wait about 12 s (4.1 to 36 s), which may exceed the 30 s that the strategy allows.",
    },
    "rates": "Times are predicted with rates measured on staging on 03 Nov 2025.",
    "phi": {
        "sentences": ["patients holds PHI.", "View active_students reads students, which is PHI."],
        "more": ["visits points at students, which is PHI."],
    },
    "phi_url": "#",
    "advice": {
        "pattern": "large data migration",
        "when": "Changing many rows.",
        "phases": PHASES,
        "text": "-- 1.",
    },
    "findings": [
        {
            "tone": "bad",
            "title": "A line cannot be undone.",
            "why": "",
            "advice": "",
            "safe_sql": "",
            "language": "sql",
            "rule": "lossy-down",
            "rule_url": "#",
        }
    ],
    "up": {"count": 2, "worst": STATEMENTS[1:], "quiet": STATEMENTS[:1], "fold": True},
    "down": {"count": 1, "worst": DOWN, "quiet": [], "fold": False},
    "way_back": {
        "tone": "good",
        "sentence": "Tried on an empty copy: after undoing, the schema is exactly as before.",
        "reversibility": {
            "tone": "bad",
            "grade": "RED",
            "title": "Cannot be undone without the backup",
            "sentence": (
                f"Only the backup brings the data back: {FILE}, line 12. When a check fails after it, the run undoes nothing "
                "by itself: two people decide."
            ),
        },
    },
    "blast": [
        {
            "table": "public.patients",
            "sentences": ["read by 2 views (a, b)", "1 trigger (audit) on it"],
        }
    ],
    "rules_url": "#",
}
HARMLESS = {
    "state": "done",
    "level": "LOW",
    "reason": "LOW: no statement locks out reads or writes for longer than an instant.",
    "wait": {"tone": "good", "sentence": "Nobody has to wait for a lock on a table in use."},
    "advice": {"pattern": "additive changes", "when": "Adding.", "phases": [], "text": ""},
    "up": {"count": 1, "worst": [], "quiet": STATEMENTS[:1], "fold": False},
    "down": {"count": 0, "worst": [], "quiet": [], "fold": False},
}
CHECKS = [
    {
        "tone": "bad",
        "title": "The way back was not tried on staging",
        "detail": "Run the rollback once on staging, then this clears by itself.",
        "action": {"label": "Try rollback", "url": "#", "post": True},
    },
    {
        "tone": "warn",
        "title": "NOT NULL on 2.1 M rows takes a full scan",
        "detail": f"{FILE}, line 14. Staging took 41 s. Add a checked constraint first.",
        "action": {"label": "Show line", "url": "#", "plain": True},
    },
    {
        "tone": "good",
        "title": "Backup restored on staging, row counts equal",
        "detail": "412 MB, SHA-256 ends in 9f31",
        "action": None,
    },
]
CHECKS_SUMMARY = [
    {"word": "9 passed", "tone": "good", "mark": "✓"},
    {"word": "1 warning", "tone": "warn", "mark": "!"},
    {"word": "1 blocker", "tone": "bad", "mark": "✕"},
]
DIFF = [
    {
        "number": 12,
        "kind": "",
        "text": "    await queryInterface.addColumn('patients', 'consentAt', {",
    },
    {"number": 13, "kind": "del", "text": "      type: Sequelize.DATE, allowNull: true });"},
    {
        "number": 13,
        "kind": "add",
        "text": "      type: Sequelize.DATE, allowNull: false, defaultValue: now });",
    },
    {"number": 14, "kind": "", "text": "  },"},
]
CHECKLIST = {
    "url": "#",
    "lists": [
        {"title": "Pre-migration", "done": 2, "total": 9},
        {"title": "Execution", "done": 0, "total": 7},
    ],
    "gates": [{"stage": "T-1 Go / no-go", "items": ["Migration tested in staging"]}],
}
CHECKLIST_PAGE: dict[str, Any] = {
    "plan": {
        "number": "WC-142",
        "title": "Add consent tracking to patients",
        "status": "SUBMITTED",
        "zone": ZONE,
        "url": "#",
    },
    "gates": CHECKLIST["gates"],
    "next": {"key": "tested-in-staging"},
    "export_url": "#",
    "checklist": [
        {
            "title": "Pre-migration",
            "done": 2,
            "total": 4,
            "items": [
                {
                    "key": "backup",
                    "title": "Backup created and verified",
                    "done": True,
                    "by": "White Cross Ops",
                    "at": days_before(2),
                    "note": "Proven by run 57",
                    "by_portal": True,
                    "evidence_url": "#",
                },
                {
                    "key": "dev",
                    "title": "Migration tested in development",
                    "done": True,
                    "by": "Ana Lopez",
                    "at": days_before(8),
                    "note": "Twice, on a copy of the seed data",
                },
                {"key": "approval", "title": "Approval obtained", "done": False, "by_portal": True},
                {
                    "key": "tested-in-staging",
                    "title": "Migration tested in staging",
                    "done": False,
                    "gate": "T-1 Go / no-go",
                    "tick_url": "#",
                },
            ],
        }
    ],
}
PHASES = {
    "rows": [
        {
            "position": 1,
            "number": "WC-142",
            "title": "Add the column",
            "status": "SUCCEEDED",
            "here": True,
        },
        {
            "position": 2,
            "number": "WC-150",
            "title": "Make it required",
            "status": "DRAFT",
            "url": "#",
            "deploy": "Application code that writes both columns",
            "confirm_url": "#",
        },
    ],
    "add_url": "#",
    "number_next": 3,
}
COMMENTS = {
    "rows": [{"pk": 9, "author": "Dan Okafor", "at": days_before(3), "text": "@ana Why at night?"}],
    "post_url": "#",
    "handles": ["@ana", "@dan"],
    "kept": "",
}
COURSE: list[dict[str, Any]] = [
    {
        "name": "postpone",
        "url": "#",
        "label": "Postpone",
        "explain": "Reviews stay; the go is asked anew for the new day.",
        "danger": False,
        "ask": "Reason, for the record",
        "time": {
            "name": "to",
            "label": "New T-0 (America/New_York)",
            "value": "2025-11-04T21:00",
        },
    },
    {
        "name": "emergency-review",
        "url": "#",
        "label": "Write the review of the emergency",
        "explain": "Was it one? What was skipped?",
        "danger": False,
        "ask": "The review",
        "time": None,
        "open": True,
    },
    {
        "name": "cancel",
        "url": "#",
        "label": "Cancel WC-142",
        "explain": "The run does not start.",
        "danger": True,
        "ask": "Reason, for the record",
        "time": None,
    },
]
DETAIL: dict[str, Any] = {
    "plan": PLAN,
    "action": {"label": "Sign as database admin…", "url": "#"},
    "actions": [{"label": "Download as Markdown", "url": "#"}],
    "waiting_for": {"name": "Petra Novak", "role_title": "privacy officer", "since": "2 days"},
    "notes": [
        {
            "tone": "warn",
            "title": "The plan changed since you signed it",
            "text": "Ana Lopez changed the expected time from 10 s to 25 s. You signed revision 3, this is 4.",
            "url": "#changes",
            "url_label": "See what changed",
        }
    ],
    "stations": STATIONS,
    "checks": CHECKS,
    "checks_summary": CHECKS_SUMMARY,
    "assessment": ASSESSMENT,
    "changes": {
        "label": "What changed since revision 3",
        "sentences": ["Expected time: 10 s, now 25 s", "The column is now required"],
        "files": [{"name": FILE, "lines": DIFF}],
    },
    "files": [
        {
            "name": FILE,
            "size": 1412,
            "sha256": PLAN["digest"],
            "language": "js",
            "text": MIGRATION,
            "anchor": "file-1",
        }
    ],
    "documentation": [
        {
            "term": "Migration purpose and scope",
            "value": "Track consent per patient.\nNothing else changes.",
        },
        {"term": "Expected execution time", "value": "25 s"},
        {
            "term": "Rollback procedure",
            "value": "db:migrate:undo --name drops the column; the new values are lost.",
        },
    ],
    "verification": [
        {
            "name": "The column is there",
            "sql": "SELECT count(*) FROM information_schema.columns\nWHERE column_name = 'consentAt'",
            "expected": "1",
        }
    ],
    "checklist": CHECKLIST,
    "phases": PHASES,
    "comments": COMMENTS,
    "clone_url": "#",
    "seats": SEATS,
    "glance": [
        {"term": "Where", "value": "white_cross_production, PostgreSQL 15"},
        {"term": "Tables", "value": "patients, consents", "code": True},
        {"term": "Expected", "value": "45 s, downtime 25 s (limit 30 s)"},
        {"term": "Why", "value": "JIRA-1234", "url": "#"},
    ],
    "runs": [{"number": 57, "url": "#", "status": "ROLLED_BACK", "at": days_before(0.5)}],
    "activity": [
        {"sentence": "Carla Mendes signed revision 4 as CTO.", "at": days_before(6), "url": "#"},
        {"sentence": "Ana Lopez submitted revision 4.", "at": days_before(7.2), "url": ""},
    ],
    "course": COURSE,
    "changes_url": "#",
}
HARMLESS_DETAIL: dict[str, Any] = {**DETAIL, "assessment": HARMLESS}
NOT_ASSESSED: dict[str, Any] = {
    **DETAIL,
    "assessment": {"state": "problem", "problem": "The file does not run.", "again_url": "#"},
}
DRAFT: dict[str, Any] = {
    "plan": PLAN | {"status": "DRAFT", "level": "", "phi": False, "revision": 0},
    "action": {"label": "Submit for review", "url": "#checks", "blocked": True},
    "waiting_for": None,
    "stations": [station | {"state": ""} for station in STATIONS],
    "checks": [
        {
            "tone": "bad",
            "title": "Rollback procedure is missing.",
            "detail": "Say how it is undone, and what is lost by undoing it.",
            "action": {"label": "Write it", "url": "#"},
        }
    ],
    "checks_summary": [{"word": "1 missing", "tone": "bad", "mark": "✕"}],
    "assessment": {"state": "running"},
    "documentation": [
        {"term": "Migration purpose and scope", "value": "Track consent per patient."}
    ],
    "glance": [{"term": "Where", "value": "white_cross_production, PostgreSQL 15"}],
}
