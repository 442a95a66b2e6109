"""The plans with which the demo opens: real assessments, real signatures, something for each person, nothing the second time."""

from datetime import UTC, datetime, timedelta

import pytest

from migrations_portal import wiring
from migrations_portal.demo.data_folder import STORY_FILE
from migrations_portal.demo.seed_story import seed
from migrations_portal.demo.story import SCENES, Narrator
from migrations_portal.demo.supervisor import begin_story
from migrations_portal.execution.models import MigrationRun
from migrations_portal.people.models import Person
from migrations_portal.plans.models import MigrationPlan
from migrations_portal.rehearsals.models import Rehearsal
from migrations_portal.web.presenters import my_work
from tests.factories.plans import AnyScript

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def narrator(school) -> Narrator:
    seed(pg_host="127.0.0.1", pg_port=20_000, password="maple-otter-quartz-river-4821")
    return Narrator(
        target=school.target,
        tools=wiring.tools(),
        checker=AnyScript(),
        now=datetime.now(UTC),
        day=timedelta(seconds=20),
        public_url="http://127.0.0.1:8000",
    )


@pytest.mark.slow
def test_the_demo_opens_with_plans_that_wait_for_its_people(narrator):
    assert narrator.tell() == len(SCENES)

    now = datetime.now(UTC)
    waits = {
        person.first_name: [duty["what"] for duty in my_work.page(person=person, now=now)["duties"]]
        for person in Person.objects.all()
    }
    assert waits["Dan"] == ["Sign as database admin"] * 2
    assert waits["Tess"] == ["Sign as tech lead"]
    emergency = "Confirm the emergency, or speak against it"
    assert waits["Carla"] == [emergency, "Sign as CTO"]
    assert waits["Eve"] == [emergency, "Sign as executive"]
    assert waits["Ian"] == [emergency]
    assert waits["Auda"] == ["Export what you need"]
    assert waits["Adam"] == ["Give Auda Haddad more time, or let it end"]
    assert waits["Sam"] == ["Sign as security officer"]
    assert waits["Cleo"] == ["Sign as compliance officer", waits["Adam"][0]]
    assert waits["Petra"] == ["Sign as privacy officer"]
    assert waits["Ana"][0] == "Sent back"
    assert waits["Ana"][-1] == "Finish the draft"
    states = sorted(MigrationPlan.objects.values_list("status", flat=True))
    assert states == ["DRAFT", "REJECTED", *["SUBMITTED"] * 5, "WITHDRAWN"]
    assert not MigrationRun.objects.exists()  # nothing that did not happen is told
    assert set(Rehearsal.objects.values_list("status", flat=True)) == {"QUEUED"}

    assert narrator.tell() == 0
    assert MigrationPlan.objects.count() == len(SCENES)


def test_a_story_that_is_told_is_not_begun_again(tmp_path):
    (tmp_path / STORY_FILE).touch()

    assert begin_story(data=tmp_path, environment={}) is None
