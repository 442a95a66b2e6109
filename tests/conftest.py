"""The cast: who uses the portal in the tests."""

import pytest

from migrations_portal.people import access
from migrations_portal.people.models import Person
from migrations_portal.people.rules import Role
from migrations_portal.targets.models import Stakeholder, Target, TargetGroup
from tests.customer import customer_project, run_example, school, template  # noqa: F401  # fixtures

CAST = {
    "ana": ("Ana Lopez", Role.ENGINEER),
    "dan": ("Dan Okafor", Role.DBA),
    "tess": ("Tess Lindqvist", Role.TECH_LEAD),
    "carla": ("Carla Moreno", Role.CTO),
    "eve": ("Eve Tanaka", Role.EXECUTIVE),
    "sam": ("Sam Weber", Role.SECURITY_OFFICER),
    "cleo": ("Cleo Adeyemi", Role.COMPLIANCE_OFFICER),
    "petra": ("Petra Novak", Role.PRIVACY_OFFICER),
    "mallory": ("Mallory Crane", None),
}


@pytest.fixture
def group(db: None) -> TargetGroup:
    return TargetGroup.objects.create(name="School health")


@pytest.fixture
def production(group: TargetGroup) -> Target:
    Stakeholder.objects.create(
        group=group, kind="ENGINEERING", name="Engineering", email="engineering@wc.example"
    )
    Stakeholder.objects.create(
        group=group, kind="COMPLIANCE", name="Compliance", email="compliance@wc.example"
    )
    return Target.objects.create(
        name="production",
        group=group,
        environment="PRODUCTION",
        host="127.0.0.1",
        database="white_cross_production",
        credential="production",
        project="school-health",
    )


@pytest.fixture
def cast(group: TargetGroup) -> dict[str, Person]:
    people = {}
    for name, (full_name, role) in CAST.items():
        person = Person.objects.create_user(f"{name}@whitecross.example", full_name)
        if role is not None:
            access.grant(person=person, role=role, group=group)
        people[name] = person
    return people
