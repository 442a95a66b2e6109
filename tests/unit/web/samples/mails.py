"""A context for each mail, with the keys that the services put into the outbox."""

from typing import Any

_PLAN = {
    "plan_number": "WC-142",
    "plan_title": "Add consent tracking to patients",
    "level": "HIGH",
    "phi": True,
    "target": "white_cross_production",
    "author_name": "Ana Lopez",
    "t0": "Mon 03 Nov 2025, 21:00 EST",
    "revision": 4,
    "person_name": "Dan",
    "url": "https://ops.example.org/plans/142/",
}
_SEAT = _PLAN | {
    "role_title": "database admin",
    "stage_title": "T-7 Review",
    "due": "Wed 29 Oct 2025, 22:00 EDT",
    "url": "https://ops.example.org/sign-off/77/",
}
_EMERGENCY = _PLAN | {
    "emergency": True,
    "asked_by": "Ana Lopez",
    "confirmed_by": "Carla Moreno",
    "until": "Mon 03 Nov 2025, 23:00 EST",
}
_RUN = _PLAN | {"run_number": 57, "url": "https://ops.example.org/runs/57/"}
MAILS: dict[str, dict[str, Any]] = {
    "sign_off_requested": _PLAN
    | {
        "role_title": "database admin",
        "stage_title": "T-7 Review",
        "due": "Wed 29 Oct 2025, 22:00 EDT",
        "url": "https://ops.example.org/s/WkR2c0l3QmxhY2tCb3hTYW1wbGVUb2tlbg/",
    },
    "seat_reminder": _SEAT | {"overdue": True},
    "seat_late": _SEAT
    | {
        "names": "Dan Okafor",
        "gate": "T-7 Review has to be signed by Sat 01 Nov 2025, 21:00 EDT; after that the run is postponed.",
    },
    "seat_decided": _SEAT | {"decided_by": "Dana Reyes", "decided_word": "signed"},
    "seat_unfillable": _SEAT | {"group": "School health", "together": ""},
    "stakeholder_change": _PLAN
    | {"group": "customer support", "sentence": "It does not happen: the plan was cancelled."},
    "emergency_asked": _EMERGENCY,
    "emergency_declared": _EMERGENCY,
    "emergency_review": _EMERGENCY | {"due": "Tue 04 Nov 2025, 21:00 EST", "overdue": False},
    "account_link": {
        "person_name": "Dan",
        "why": "invited",
        "by": "Adam Berg",
        "hours": 24,
        "url": "https://ops.example.org/password/MTI/c1x2y3-0f9e8d7c6b5a/",
    },
    "access_changed": {
        "person_name": "Dan",
        "sentence": "Adam Berg made Dan Okafor tech lead for School health.",
        "reason": "Tess is on leave until May",
        "own": True,
        "url": "https://ops.example.org/account/",
    },
    "passkey_changed": {
        "person_name": "Dan",
        "sentence": "The passkey “Work laptop” was added to your account.",
        "url": "https://ops.example.org/account/",
    },
    "delegation_given": {
        "person_name": "Dan",
        "giver_name": "Sam Weber",
        "role_title": "security officer",
        "group": "School health",
        "from_time": "Mon 03 Nov 2025, 08:00 UTC",
        "to_time": "Mon 10 Nov 2025, 08:00 UTC",
        "url": "https://ops.example.org/delegations/",
    },
    "waiting_digest": {
        "person_name": "Dan",
        "count": 2,
        "late": 1,
        "lines": [
            {**_SEAT, "overdue": True},
            {**_SEAT, "plan_number": "WC-150", "level": "LOW", "phi": False, "overdue": False},
        ],
        "url": "https://ops.example.org/",
    },
    "plan_decided": _PLAN
    | {
        "outcome": "sent back",
        "outcome_sentence": "Petra Novak sent it back as privacy officer.",
        "reason": "The DPIA is missing & the window is <too short>.",
    },
    "stakeholder_notice": _PLAN | {"group": "customer support"},
    "run_started": _RUN,
    "run_succeeded": _RUN | {"outcome_sentence": "The migration is applied and verified."},
    "run_kept": _RUN
    | {"outcome_sentence": "Two people looked at the target and keep it as it is."},
    "run_marked": _RUN
    | {"outcome_sentence": "Two people finished it by hand; the files are recorded as applied."},
    "run_failed": _RUN | {"outcome_sentence": "Nothing changed: history and schema are as before."},
    "run_rolled_back": _RUN | {"outcome_sentence": "The migration was undone by name."},
    "run_needs_decision": _RUN | {"outcome_sentence": "The migration failed half way."},
    "run_restored": _RUN | {"outcome_sentence": "The backup taken before the run is live again."},
    "run_postponed": _RUN
    | {
        "outcome_sentence": "Run 57 of WC-142 is postponed. white_cross_production is frozen (Year end).",
        "due": "Sat 08 Nov 2025, 22:00 EST",
    },
    "mentioned": {
        "plan_number": "WC-142",
        "person_name": "Dan",
        "by_name": "Ana Lopez",
        "url": "https://ops.example.org/plans/142/#comment-9",
    },
    "incident_opened": {
        "plan_number": "WC-142",
        "plan_title": "Add consent tracking to patients",
        "severity": "P0",
        "severity_title": "Critical",
        "title": "Run 57 stopped half way",
        "response": "Immediate",
        "target": "white_cross_production",
        "person_name": "Dan",
        "url": "https://ops.example.org/incidents/12/",
    },
    "ledger_alarm": {
        "person_name": "Cleo",
        "title": "Ledger: it does not hold, all runs wait",
        "text": "Entry 41 was edited: its text does not match its hash.",
        "to_do": "Find out who changed the database.",
        "url": "https://ops.example.org/audit/",
    },
    "export_ready": {
        "person_name": "Cleo",
        "file": "ledger-2026-10-to-412.pdf",
        "purpose": "Monthly report to compliance",
        "size": "48,113 bytes",
        "sha256": "9f31" * 16,
        "url": "https://ops.example.org/audit/exports/3/",
    },
}
