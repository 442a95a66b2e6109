from itertools import product

import pytest

from migrations_portal.kernel.states import TransitionRefused
from migrations_portal.plans.rules import PLAN_STATES, PlanStatus

ALLOWED = {
    "DRAFT": "SUBMITTED WITHDRAWN",
    "SUBMITTED": "APPROVED REJECTED WITHDRAWN EXPIRED DRAFT",
    "REJECTED": "DRAFT WITHDRAWN",
    "APPROVED": "SCHEDULED EXPIRED CANCELLED DRAFT SUBMITTED",
    "SCHEDULED": "RUNNING EXPIRED CANCELLED DRAFT SUBMITTED",
    "RUNNING": "SUCCEEDED FAILED ROLLED_BACK RESTORED NEEDS_DECISION APPROVED",
    "NEEDS_DECISION": "ROLLED_BACK RESTORED SUCCEEDED",
    "SUCCEEDED": "ROLLED_BACK RESTORED NEEDS_DECISION",
}


@pytest.mark.parametrize(("source", "target"), list(product(PlanStatus, repeat=2)))
def test_only_the_transitions_of_the_design_are_allowed(source, target):
    allowed = target in ALLOWED.get(source, "").split()

    assert PLAN_STATES.can(source=source, target=target) is allowed
    if not allowed:
        with pytest.raises(TransitionRefused, match="cannot become"):
            PLAN_STATES.check(source=source, target=target)
