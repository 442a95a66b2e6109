"""Which roles nobody holds together: every pair, against a table written by hand."""

from itertools import product

import pytest

from migrations_portal.people.rules import Role, clash

SEATS = {
    "DBA",
    "TECH_LEAD",
    "CTO",
    "EXECUTIVE",
    "SECURITY_OFFICER",
    "COMPLIANCE_OFFICER",
    "PRIVACY_OFFICER",
}
REFUSED = (
    {("AUDITOR", each) for each in Role}
    | {("ADMINISTRATOR", each) for each in SEATS}
    | {(each, "ADMINISTRATOR") for each in SEATS}
)


@pytest.mark.parametrize(("held", "new"), list(product(Role, repeat=2)))
def test_a_pair_of_roles(held, new):
    assert bool(clash(held=frozenset({held}), new=new)) == ((held, new) in REFUSED)


@pytest.mark.parametrize("new", list(Role))
def test_whoever_holds_nothing_can_have_any_role(new):
    assert clash(held=frozenset(), new=new) == ""
