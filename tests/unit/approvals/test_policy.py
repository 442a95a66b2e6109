import pytest

from migrations_portal.approvals.rules import seats_for

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
