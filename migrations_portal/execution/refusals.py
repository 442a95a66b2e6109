"""Writing down what somebody wanted of a plan or a run and did not get (A7, L13). Sign-offs have words of their own: `approvals`."""

from django.db import transaction

from migrations_portal.accounts.rules import PROOF_REFUSED
from migrations_portal.audit import services as audit
from migrations_portal.audit.rules import Draft, EntryKind
from migrations_portal.execution.models import MigrationRun
from migrations_portal.kernel.errors import Refused
from migrations_portal.people.models import Person
from migrations_portal.plans import services as plans
from migrations_portal.plans.models import MigrationPlan

WISHES: dict[str, str] = {
    "plan-submit": "submit {it}",
    "plan-withdraw": "withdraw {it}",
    "plan-cancel": "cancel {it}",
    "plan-revise": "open {it} for changes",
    "plan-postpone": "postpone {it}",
    "plan-emergency": "submit {it} as an emergency",
    "plan-emergency-confirm": "confirm the emergency of {it}",
    "plan-emergency-review": "write the review of {it}",
    "plan-clone": "clone {it}",
    "plan-add-phase": "add a phase to {it}",
    "plan-confirm-deploy": "confirm the deployment before {it}",
    "plan-tick": "tick an item of {it}",
    "plan-rehearse": "rehearse {it}",
    "plan-stage": "have {it} run on staging",
    "plan-assess": "have {it} assessed again",
    "plan-ask-again": "send the mail of a seat of {it} again",
    "run-order": "give an order to {it}",
    "run-decide": "decide about {it}",
}
"""What a door is called → what was wanted, in the ledger's words. Whatever is not named here is a change of `it`."""

TYPED = frozenset({"plan-edit", "plan-comment", "plan", "plan-files", "plan-file", "plan-comments"})
"""Doors that take free text, which the sentence of a refusal may repeat; the ledger keeps the general one (L10)."""


@transaction.atomic
def record(*, by: Person, wish: str, refusal: Refused, plan_id: int = 0, run_id: int = 0) -> None:
    """Write a refused wish down, once. Called after the transaction of the refused act has ended.

    `wish`: the name of the door; see `WISHES`. Without a plan or a run only a failed proof of who somebody is is written down.
    What cannot be found leaves nothing: there is no telling what it was about.
    """
    if refusal.recorded or refusal.code.endswith("-not-found"):
        return
    entry = _entry(by, wish=wish, refusal=refusal, plan_id=plan_id, run_id=run_id)
    if entry is not None:
        audit.append(entry)
        refusal.recorded = True


def _entry(by: Person, *, wish: str, refusal: Refused, plan_id: int, run_id: int) -> Draft | None:
    facts = {"code": refusal.code, "wish": wish}
    why = refusal.general if wish in TYPED else refusal.sentence
    if not plan_id and not run_id:
        if refusal.code not in PROOF_REFUSED:
            return None
        said = f"{by.full_name} was asked who they are and was refused: {why}"
        return Draft(
            kind=EntryKind.WISH_REFUSED,
            actor=audit.actor(by),
            sentence=said,
            result="refused",
            facts=facts,
        )
    plan = _plan(plan_id=plan_id, run_id=run_id)
    if plan is None:
        return None
    it = f"run {run_id} of {plan.number}" if run_id else plan.number
    wanted = WISHES.get(wish, "change {it}").format(it=it)
    return plans.draft_entry(
        plan,
        kind=EntryKind.WISH_REFUSED,
        actor=audit.actor(by),
        sentence=f"{by.full_name} wanted to {wanted} and was refused: {why}",
        result="refused",
        facts=facts | ({"run": run_id} if run_id else {}),
    )


def _plan(*, plan_id: int, run_id: int) -> MigrationPlan | None:
    rows = MigrationPlan.objects.select_related("target")
    if run_id:
        return rows.filter(pk__in=MigrationRun.objects.filter(pk=run_id).values("plan")).first()
    return rows.filter(pk=plan_id).first()
