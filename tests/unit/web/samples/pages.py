"""Every page in every state that matters: name → (template, context)."""

from typing import Any

from tests.unit.web.samples import approvals, compliance, execution, lists, plans, risk
from tests.unit.web.samples.common import everywhere

_PAGES: dict[str, tuple[str, dict[str, Any], str]] = {
    "plan": ("plans/detail.html", plans.DETAIL, "Plans"),
    "plan-harmless": ("plans/detail.html", plans.HARMLESS_DETAIL, "Plans"),
    "plan-not-assessed": ("plans/detail.html", plans.NOT_ASSESSED, "Plans"),
    "plan-draft": ("plans/detail.html", plans.DRAFT, "Plans"),
    "sign-off": ("approvals/sign_off.html", approvals.OPEN, "Plans"),
    "sign-off-error": ("approvals/sign_off.html", approvals.OPEN_WITH_ERROR, "Plans"),
    "sign-off-done": ("approvals/sign_off.html", approvals.DONE, "Plans"),
    "sign-off-decided": ("approvals/sign_off.html", approvals.DECIDED, "Plans"),
    "sign-off-not-yet": ("approvals/sign_off.html", approvals.NOT_YET, "Plans"),
    "sign-off-wrong-person": ("approvals/sign_off.html", approvals.WRONG_PERSON, "Plans"),
    "sign-off-not-yours": ("approvals/sign_off.html", approvals.NOT_YOURS, "Plans"),
    "sign-off-closed": ("approvals/sign_off.html", approvals.CLOSED, "Plans"),
    "run-running": ("execution/run.html", execution.RUNNING, "Runs"),
    "run-succeeded": ("execution/run.html", execution.SUCCEEDED, "Runs"),
    "run-failed": ("execution/run.html", execution.FAILED, "Runs"),
    "run-rolled-back": ("execution/run.html", execution.ROLLED_BACK, "Runs"),
    "run-needs-decision": ("execution/run.html", execution.NEEDS_DECISION, "Runs"),
    "run-needs-second": ("execution/run.html", execution.NEEDS_SECOND, "Runs"),
    "login": ("registration/login.html", lists.LOGIN, ""),
    "login-demo": ("registration/login.html", lists.DEMO_LOGIN, ""),
    "plans": ("plans/list.html", lists.PLANS, "Plans"),
    "plans-none": ("plans/list.html", lists.NO_PLANS, "Plans"),
    "plan-new": ("plans/new.html", lists.NEW, "Plans"),
    "plan-edit": ("plans/edit.html", lists.EDIT_WITH_ERRORS, "Plans"),
    "runs": ("execution/list.html", lists.RUNS, "Runs"),
    "runs-none": ("execution/list.html", {"runs": []}, "Runs"),
    "incidents": ("incidents/list.html", lists.INCIDENTS, "Incidents"),
    "incidents-none": ("incidents/list.html", {"incidents": []}, "Incidents"),
    "incident": ("incidents/detail.html", lists.INCIDENT, "Incidents"),
    "incident-closed": ("incidents/detail.html", lists.CLOSED_INCIDENT, "Incidents"),
    "audit": ("audit/list.html", lists.LEDGER, "Audit"),
    "audit-broken": ("audit/list.html", lists.BROKEN_LEDGER, "Audit"),
    "audit-entry": ("audit/entry.html", lists.ENTRY, "Audit"),
    **compliance.PAGES,
    "my-turn": ("people/my_turn.html", lists.MY_TURN, ""),
    "my-turn-none": ("people/my_turn.html", lists.NOTHING_TO_DO, ""),
    "demo-inbox": ("demo/inbox.html", lists.INBOX, ""),
    "demo-message": ("demo/message.html", lists.MESSAGE, ""),
    "demo-chat": ("demo/chat.html", lists.CHAT, ""),
    "rules": ("rules/list.html", risk.RULES, ""),
    "rules-none": ("rules/list.html", risk.NO_RULES, ""),
    "rule": ("rules/detail.html", risk.RULE, ""),
    "rule-bare": ("rules/detail.html", risk.BARE_RULE, ""),
    "phi": ("targets/phi.html", risk.PHI, ""),
    "phi-reader": ("targets/phi.html", risk.PHI_READER, ""),
    "phi-error": ("targets/phi.html", risk.PHI_ERROR, ""),
    "phi-targets": ("targets/phi_list.html", risk.PHI_TARGETS, ""),
    "phi-targets-none": ("targets/phi_list.html", {"targets": []}, ""),
    "refused": ("refused.html", lists.REFUSED, ""),
    "403": ("403.html", {}, ""),
    "404": ("404.html", {}, ""),
    "403-csrf": ("403_csrf.html", {}, ""),
    "500": ("500.html", {}, ""),
}
PAGES: dict[str, tuple[str, dict[str, Any]]] = {
    name: (template, everywhere(section=section, demo=name.startswith("plan")) | context)
    for name, (template, context, section) in _PAGES.items()
}
