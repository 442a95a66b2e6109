import pytest

from migrations_portal.approvals.policy import BACKUPS, SEATED_STAGES, STAGES, Duty, seats_for
from migrations_portal.people.rules import SIGNING_ROLES
from tools import policy_page

SPEC = {
    "LOW": {"DBA"},
    "MEDIUM": {"TECH_LEAD", "DBA"},
    "HIGH": {"CTO", "DBA"},
    "CRITICAL": {"EXECUTIVE"},
}
GO = {"LOW": {"DBA"}, "MEDIUM": {"DBA"}, "HIGH": {"DBA", "CTO"}, "CRITICAL": {"DBA", "EXECUTIVE"}}


@pytest.mark.parametrize("level", list(SPEC))
@pytest.mark.parametrize("phi", [False, True])
def test_the_seats_are_those_of_the_spec(level, phi):
    seats = seats_for(level=level, phi=phi)

    assert {seat.role for seat in seats if seat.stage == "REVIEW"} == SPEC[level]
    assert {seat.role for seat in seats if seat.stage == "GO"} == GO[level]
    security = {seat.role for seat in seats if seat.stage == "SECURITY"}
    assert security == {"SECURITY_OFFICER", "COMPLIANCE_OFFICER"} | (
        {"PRIVACY_OFFICER"} if phi else set()
    )


def test_the_policy_page_says_what_the_policy_is():
    assert policy_page.PAGE.read_text(encoding="utf-8") == policy_page.text()


@pytest.mark.parametrize("stage", SEATED_STAGES)
def test_every_seated_stage_reminds_then_escalates_then_postpones(stage):
    nudges = STAGES[stage].nudges

    assert [each.duty for each in nudges if each.duty != Duty.REMIND] == ["ESCALATE", "POSTPONE"]
    assert list(nudges) == sorted(nudges, key=lambda each: each.after_due)


def test_every_signing_role_has_somebody_above_it():
    assert BACKUPS.keys() == SIGNING_ROLES
    assert all(role not in above for role, above in BACKUPS.items())
