"""Adam, who administers the cast's group, and Bea, who administers another one."""

import pytest

from migrations_portal.people import access
from migrations_portal.people.models import Person
from migrations_portal.people.rules import Role
from migrations_portal.targets.models import TargetGroup


@pytest.fixture
def adam(cast, group) -> Person:
    person = Person.objects.create_user("adam@whitecross.example", "Adam Berg")
    access.grant(person=person, role=Role.ADMINISTRATOR, group=group)
    return person


@pytest.fixture
def elsewhere(db) -> TargetGroup:
    return TargetGroup.objects.create(name="Billing")


@pytest.fixture
def bea(elsewhere) -> Person:
    person = Person.objects.create_user("bea@whitecross.example", "Bea Stone")
    access.grant(person=person, role=Role.ADMINISTRATOR, group=elsewhere)
    return person
