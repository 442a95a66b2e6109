"""Lists, editing, incidents, the ledger, the demo's pages and the rules."""

from typing import Any

from tests.unit.web.samples import forms
from tests.unit.web.samples.common import T_ZERO, ZONE, days_before
from tests.unit.web.samples.plans import PLAN

_HASH = "5be1c0ffee1122334455667788990011223344556677889900112233445566779f31"
PAGER = {"first": 1, "last": 50, "total": 1204, "previous_url": "#", "next_url": "#"}
PLANS: dict[str, Any] = {
    "plans": [
        PLAN
        | {
            "stage": "T-5 Security and compliance",
            "waiting_for": "Petra Novak, privacy officer",
            "signed": 2,
            "seats": 6,
        },
        PLAN
        | {
            "number": "WC-150",
            "title": "Index appointments by school and start so that the day view stops scanning",
            "level": "LOW",
            "phi": False,
            "status": "SCHEDULED",
            "stage": "T-0 Run",
        },
        PLAN | {"number": "WC-151", "status": "DRAFT", "level": "", "scheduled_for": None},
        PLAN | {"number": "WC-120", "status": "NEEDS_DECISION", "level": "CRITICAL"},
    ],
    "filters": forms.PlanFilter({"level": "HIGH"}),
    "filtered": True,
    "clear_url": "#",
    "new_url": "#",
    "pager": PAGER,
}
NO_PLANS: dict[str, Any] = {"plans": [], "new_url": "#", "filters": None}
NEW: dict[str, Any] = {
    "form": forms.PlanForm(),
    "post_url": "#",
    "can_submit": True,
    "uploaded": [],
    "missing": [
        {
            "anchor": "id_upload",
            "title": "Migration file",
            "sentence": "Upload the Sequelize file.",
        },
        {"anchor": "id_purpose", "title": "Purpose and scope", "sentence": "Say what it is for."},
        {
            "anchor": "id_justification",
            "title": "Justification",
            "sentence": "Add a ticket’s number.",
        },
    ],
}
EDIT_WITH_ERRORS: dict[str, Any] = {
    "plan": PLAN | {"status": "DRAFT"},
    "form": forms.PlanForm({"title": "", "target": "1", "expected_seconds": "0", "version": 3}),
    "checks": forms.ChecksFormSet(
        {
            "checks-TOTAL_FORMS": "1",
            "checks-INITIAL_FORMS": "0",
            "checks-0-name": "The column is there",
            "checks-0-sql": "",
            "checks-0-expected": "1",
        },
        prefix="checks",
    ),
    "post_url": "#",
    "can_submit": True,
    "uploaded": [
        {"name": "20251103000000-add-patient-consent-tracking.js", "size": 1412, "sha256": _HASH}
    ],
    "missing": [],
    "assessment": {"state": "done", "level": "HIGH", "reason": "High, because it changes rows."},
}
RUNS: dict[str, Any] = {
    "runs": [
        {
            "number": 58 - n,
            "url": "#",
            "plan": {"number": "WC-142", "title": "Add consent tracking to patients", "url": "#"},
            "target": "white_cross_production",
            "level": "HIGH",
            "phi": True,
            "status": status,
            "at": T_ZERO,
            "zone": ZONE,
            "seconds": seconds,
            "sentence": sentence,
        }
        for n, (status, seconds, sentence) in enumerate(
            [
                ("RUNNING", None, ""),
                ("SUCCEEDED", 134.2, "The migration is applied and verified."),
                ("FAILED", 61.0, "Nothing changed: history and schema are exactly as before."),
                ("DUE", None, ""),
            ]
        )
    ],
    "pager": PAGER,
}
INCIDENTS: dict[str, Any] = {
    "incidents": [
        {
            "number": "INC-12",
            "url": "#",
            "severity": "P0",
            "title": "Run 57 stopped half way",
            "status": "OPEN",
            "plan": {"number": "WC-142", "url": "#"},
            "opened_at": T_ZERO,
            "zone": ZONE,
            "who": "",
            "clock": "6 min late",
        },
        {
            "number": "INC-11",
            "url": "#",
            "severity": "P3",
            "title": "Run 50 stopped before any change",
            "status": "CLOSED",
            "opened_at": days_before(9),
            "zone": ZONE,
            "who": "Dan Okafor",
        },
    ]
}
_CONTACTS = [
    {
        "role_title": "Database admin",
        "name": "Dan Okafor",
        "phone": "+1 555 010 01",
        "tel": "+155501001",
        "email": "dan@example.org",
    },
    {
        "role_title": "Tech lead",
        "name": "Tess Ito",
        "phone": "+1 555 010 02",
        "tel": "+155501002",
        "email": "tess@example.org",
    },
    {
        "role_title": "Privacy officer (HIPAA)",
        "name": "Petra Novak",
        "phone": "+1 555 010 04",
        "tel": "+155501004",
        "email": "petra@example.org",
    },
]
INCIDENT: dict[str, Any] = {
    "incident": {
        "number": "INC-12",
        "severity": "P0",
        "known_text": "A part of a migration is in the database and the rest is not",
        "do_first_text": "Open the run: two people decide whether to keep what is there or to restore the backup.",
        "class_text": "P0 is the class of: Data loss, corruption, or HIPAA breach. Response: immediate.",
        "title": "Run 57 stopped half way on white_cross_production",
        "status": "OPEN",
        "opened_at": T_ZERO,
        "respond_by": T_ZERO,
        "zone": ZONE,
        "target": "white_cross_production",
        "finding": "",
    },
    "plan": {"number": "WC-142", "url": "#"},
    "run": {"number": 57, "url": "#"},
    "clock": {"value": "06:12", "sentence": "late: a P0 is answered immediately", "tone": "bad"},
    "take": {"url": "#"},
    "contacts": _CONTACTS,
    "phases": [
        {
            "title": "Immediate actions (0 to 5 minutes)",
            "state": "now",
            "points": [
                {
                    "title": "Stop migration execution",
                    "done": True,
                    "by": "White Cross Ops",
                    "at": T_ZERO,
                },
                {"title": "Enable maintenance mode", "done": False, "tick_url": "#"},
                {"title": "Alert incident response team", "done": False, "tick_url": ""},
            ],
        },
        {"title": "Containment (5 to 15 minutes)", "state": "", "points": []},
    ],
    "timeline": [
        {
            "at": T_ZERO,
            "who": "White Cross Ops",
            "sentence": "Opened as P0: data loss or corruption.",
        },
        {"at": T_ZERO, "who": "White Cross Ops", "sentence": "Mailed 3 emergency contacts."},
    ],
    "close": {"url": "#", "form": forms.Finding({"finding": ""})},
}
CLOSED_INCIDENT = INCIDENT | {
    "incident": INCIDENT["incident"]
    | {
        "status": "CLOSED",
        "finding": "The index existed already.\nRemoved by hand.",
        "closed_by": "Dan Okafor",
        "closed_at": T_ZERO,
    },
    "take": None,
    "close": None,
    "clock": None,
    "contacts": [],
    "has_it": {"name": "Dan Okafor", "at": T_ZERO},
}
LEDGER: dict[str, Any] = {
    "entries": [
        {
            "seq": 1204,
            "url": "#",
            "sentence": "Carla Mendes signed WC-142 as CTO: reviewed and approve as CTO.",
            "at": T_ZERO,
            "who": "carla@example.org",
            "target": "white_cross_production",
            "phi": True,
            "reason": "Read both files, the backup is proven.",
            "result": "success",
        },
        {
            "seq": 1203,
            "url": "#",
            "sentence": "Mallory was refused: this mail was meant for Petra Novak.",
            "at": T_ZERO,
            "who": "mallory@example.org",
            "target": "",
            "phi": False,
            "result": "refused",
            "tone": "bad",
        },
    ],
    "filters": forms.LedgerFilter({}),
    "filtered": False,
    "clear_url": "#",
    "export": {"url": "#", "query": [{"name": "plan", "value": "142"}]},
    "chain": {
        "state": "intact",
        "sentence": "1,204 entries.",
        "checked_at": T_ZERO,
        "verify_url": "#",
    },
    "pager": PAGER,
}
BROKEN_LEDGER = LEDGER | {
    "chain": {
        "state": "broken",
        "sentence": "Entry 812 does not have the hash it was written with.",
    },
    "entries": [],
    "filtered": True,
}
ENTRY: dict[str, Any] = {
    "entry": {
        "seq": 1204,
        "sentence": "Run 57 of WC-142 succeeded on white_cross_production.",
        "at": T_ZERO,
        "kind": "MIGRATION_RECORD",
        "hash": _HASH,
        "prev_hash": _HASH[::-1],
        "phi": True,
        "result": "success",
        "raw": '{"body":{"kind":"MIGRATION_RECORD","phi":true},"seq":1204}',
    },
    "facts": [
        {"term": "Who", "value": "White Cross Ops, for Ana Lopez"},
        {"term": "When", "value": "2025-11-04T02:02:14Z"},
        {"term": "Why", "value": "JIRA-1234: HIPAA consent tracking"},
    ],
    "record": [
        {
            "term": "migration",
            "value": "20251103000000-add-patient-consent-tracking.js",
            "code": True,
        },
        {
            "term": "backup_location",
            "value": "s3://white-cross-backups/pre-migration/2025/11/03/x.dump",
            "code": True,
        },
        {"term": "rollback_tested", "value": "true", "code": True},
    ],
    "back_url": "#",
    "previous_url": "#",
    "next_url": "",
    "plan_url": "#",
}
MY_TURN: dict[str, Any] = {
    "duties": [
        {
            "plan_number": "WC-142",
            "title": "Add consent tracking to patients",
            "url": "#",
            "what": "Sign as database admin",
            "level": "HIGH",
            "phi": True,
            "due_at": days_before(5),
            "zone": ZONE,
            "late": "2 h late",
            "action_label": "Read and decide",
        },
        {
            "plan_number": "WC-150",
            "title": "Index appointments",
            "url": "#",
            "what": "Give the go as database admin",
            "level": "LOW",
            "phi": False,
            "due_at": days_before(1),
            "zone": ZONE,
            "late": "",
            "action_label": "Read and decide",
        },
    ],
    "others": [
        {
            "plan_number": "WC-139",
            "title": "Drop the old audit view",
            "url": "#",
            "status": "SUBMITTED",
            "level": "MEDIUM",
            "waiting_for": "Tess Ito, tech lead",
        }
    ],
    "new_url": "#",
}
NOTHING_TO_DO: dict[str, Any] = {"duties": [], "others": [], "next": "Next: WC-150, Thursday."}
_PEOPLE = (
    ("Ana Lopez", "Engineer", "Writes plans and submits them"),
    ("Dan Okafor", "Database admin", "Reviews every plan, gives the go at T-1, watches runs"),
    ("Cleo Park", "Compliance officer", "Signs every plan at T-5, exports the ledger"),
)
LOGIN: dict[str, Any] = {
    "form": forms.SignIn(),
    "me": None,
    "my_turn": None,
    "people": [],
    "next": "",
}
DEMO_LOGIN = LOGIN | {
    "form": forms.SignIn({"username": "dan@example.org", "password": ""}),
    "people": [
        {
            "name": name,
            "first_name": name.split()[0],
            "role_title": role,
            "duty": duty,
            "sign_in_url": "#",
        }
        for name, role, duty in _PEOPLE
    ],
    "next": "/plans/142/",
    "demo": {"day_seconds": 20, "switch_url": ""},
}
INBOX: dict[str, Any] = {
    "mails": [
        {
            "url": "#",
            "to": "dan@example.org",
            "subject": "WC-142 waits for you: sign as database admin by Wed 29 Oct 2025, 22:00 EDT",
            "at": days_before(7),
            "new": True,
        }
    ],
    "recipients": [
        {"label": "Everybody", "url": "#", "current": True},
        {"label": "dan@example.org", "url": "#", "current": False},
    ],
}
MESSAGE: dict[str, Any] = {
    "mail": {
        "subject": "WC-142 waits for you: sign as database admin",
        "sender": "White Cross Ops",
        "to": "dan@example.org",
        "at": days_before(7),
        "text": "Hello Dan,\n\nAna Lopez asks you to sign as database admin.",
    },
    "body_url": "/mail-sign_off_requested",
    "links": [{"label": "Read and decide", "url": "#"}],
    "back_url": "#",
    "width": "phone",
    "phone_url": "#",
    "wide_url": "#",
}
CHAT: dict[str, Any] = {
    "posts": [
        {
            "at": T_ZERO,
            "text": "WC-142 is running on white_cross_production",
            "url": "#",
            "raw": '{"text": "WC-142 is running on white_cross_production"}',
        }
    ]
}
REFUSED: dict[str, Any] = {
    "sentence": "Nobody signs a plan that they wrote or edited.",
    "code": "own-plan",
    "action": {"label": "Back to WC-142", "url": "#"},
}
