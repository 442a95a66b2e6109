"""Every page in every state that matters: name → (template, context)."""

from typing import Any

from tests.unit.web.samples import approvals, execution, plans
from tests.unit.web.samples.common import everywhere

_PAGES: dict[str, tuple[str, dict[str, Any], str]] = {
    "plan": ("plans/detail.html", plans.DETAIL, "Plans"),
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
}
PAGES: dict[str, tuple[str, dict[str, Any]]] = {
    name: (template, everywhere(section=section, demo=name.startswith("plan")) | context)
    for name, (template, context, section) in _PAGES.items()
}
