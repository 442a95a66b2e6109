"""The same for programs: a refused wish is one entry in the ledger, whichever address it came by (A7, L13)."""

import pytest

from migrations_portal.approvals import services
from migrations_portal.audit.models import Entry
from migrations_portal.audit.rules import body_of
from tests.factories.chain import Story
from tests.factories.plans import draft, submitted
from tests.integration.api.caller import soon_enough


def refused() -> list[dict]:
    rows = Entry.objects.filter(kind="WISH_REFUSED").order_by("seq")
    return [body_of(row.canonical) for row in rows]


@pytest.fixture
def gone(cast, production):
    told = Story(cast, submitted(by=cast["ana"], target=production))
    told.do(services.withdraw, "ana", reason="Found a better way")
    return told.plan


@pytest.mark.parametrize("verb", ["withdraw", "cancel", "postpone", "revise", "submit"])
def test_whoever_comes_too_late_gets_409_and_leaves_an_entry(gone, program, verb):
    given = {"reason": "Never mind"} if verb != "submit" else {}
    if verb == "postpone":
        given["to"] = soon_enough()

    program("ana").post(f"/plans/{gone.pk}/{verb}/", given, status=409)

    (entry,) = refused()
    assert (entry["facts"]["wish"], entry["plan"]) == (f"plan-{verb}", gone.pk)
    assert "Never mind" not in str(entry)


def test_a_stale_draft_is_written_down_and_a_request_that_is_wrong_is_not(
    cast, production, program
):
    plan, ana = draft(by=cast["ana"], target=production), program("ana")
    ana.patch(f"/plans/{plan.pk}/", {"version": "x"}, status=400)
    ana.patch(f"/plans/{plan.pk}/", {"version": 999}, status=409)

    (entry,) = refused()
    assert entry["facts"] == {"code": "edited-meanwhile", "wish": "plan"}
