"""One person acts in one role: which roles lack people, each alone or some together (A6)."""

from itertools import permutations

import pytest

from migrations_portal.approvals.rules import Short, short_of
from migrations_portal.people.rules import Role

DBA, CTO, LEAD, SECURITY = Role.DBA, Role.CTO, Role.TECH_LEAD, Role.SECURITY_OFFICER
DAN, CARLA, TESS, DORA = 1, 2, 3, 4


def one(*people: int) -> list[frozenset[int]]:
    return [frozenset({each}) for each in people]


@pytest.mark.parametrize(
    ("options", "roles", "together"),
    [
        ({}, set(), False),
        ({DBA: one(DAN), CTO: one(CARLA)}, set(), False),
        ({DBA: one(), CTO: one(CARLA), LEAD: one()}, {DBA, LEAD}, False),
        ({DBA: one(CARLA), CTO: one(CARLA), LEAD: one(TESS)}, {DBA, CTO}, True),
        ({DBA: one(CARLA, DAN), CTO: one(CARLA)}, set(), False),
        # each pair can be filled, the three cannot
        ({DBA: one(DAN, TESS), CTO: one(DAN, TESS), LEAD: one(DAN, TESS)}, {DBA, CTO, LEAD}, True),
        # whoever is stood in for has acted, too
        ({DBA: [frozenset({DORA, DAN})], CTO: one(DAN)}, {DBA, CTO}, True),
        ({DBA: [frozenset({DORA, DAN})], CTO: one(DAN, CARLA)}, set(), False),
    ],
)
def test_which_roles_lack_people(options, roles, together):
    for order in permutations(options):
        assert short_of({each: options[each] for each in order}) == Short(
            frozenset(roles), together=together
        )


def test_many_people_in_many_roles_are_no_riddle():
    crowd = range(100, 140)
    options = {role: one(*crowd) for role in Role} | {DBA: one(DAN), CTO: one(DAN)}

    assert short_of(options) == Short(frozenset({DBA, CTO}), together=True)
