"""The verbs of the chain, one module each. Doors and tasks call them from here."""

from migrations_portal.approvals.services.advancing import go_on
from migrations_portal.approvals.services.deadlines import sweep
from migrations_portal.approvals.services.delegating import delegate, end_delegation
from migrations_portal.approvals.services.digests import send_digests
from migrations_portal.approvals.services.emergencies import (
    confirm_emergency,
    owed_review,
    review_emergency,
    reviewers,
    submit_emergency,
)
from migrations_portal.approvals.services.ending import (
    cancel,
    check_may_change_course,
    expire,
    withdraw,
)
from migrations_portal.approvals.services.keeping import keep_seats, seats_stuck
from migrations_portal.approvals.services.mails import mail_facts, mail_title, plan_time
from migrations_portal.approvals.services.moment import Moment
from migrations_portal.approvals.services.postponing import (
    WAITS,
    postpone,
    postpone_for_window,
    was_postponed,
)
from migrations_portal.approvals.services.powers import can_decide, check_may_decide
from migrations_portal.approvals.services.refusals import record_refusal, record_wrong_person
from migrations_portal.approvals.services.resending import ask_again, can_ask_again
from migrations_portal.approvals.services.revising import revise
from migrations_portal.approvals.services.signing import Evidence, sign_off
from migrations_portal.approvals.services.submission import BACKUP_POLICY, submit

__all__ = [
    "BACKUP_POLICY",
    "WAITS",
    "Evidence",
    "Moment",
    "ask_again",
    "can_ask_again",
    "can_decide",
    "cancel",
    "check_may_change_course",
    "check_may_decide",
    "confirm_emergency",
    "delegate",
    "end_delegation",
    "expire",
    "go_on",
    "keep_seats",
    "mail_facts",
    "mail_title",
    "owed_review",
    "plan_time",
    "postpone",
    "postpone_for_window",
    "record_refusal",
    "record_wrong_person",
    "review_emergency",
    "reviewers",
    "revise",
    "seats_stuck",
    "send_digests",
    "sign_off",
    "submit",
    "submit_emergency",
    "sweep",
    "was_postponed",
    "withdraw",
]
