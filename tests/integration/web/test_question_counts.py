"""How many questions the pages ask that people wait for: bounded, however much there is (`make bench BENCH=portal` measures the time)."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.factories.chain import Story
from tests.factories.plans import submitted

BUDGET = 15


@pytest.mark.parametrize("name", ["dan", "ana", "carla"])
def test_my_work_asks_few_questions(cast, production, browser, name):
    for level in ("LOW", "HIGH", "LOW"):
        submitted(by=cast["ana"], target=production, level=level)
    client = browser(name)
    client.get("/")

    with CaptureQueriesContext(connection) as seen:
        assert client.get("/").status_code == 200

    assert len(seen) <= BUDGET, "\n".join(each["sql"][:160] for each in seen.captured_queries)


@pytest.mark.parametrize(
    ("stage", "role", "name", "budget"),
    [("SECURITY", "SECURITY_OFFICER", "sam", 19), ("REVIEW", "DBA", "dan", 34)],
)
def test_a_sign_off_asks_a_bounded_number_of_questions(  # noqa: PLR0917
    cast, production, browser, stage, role, name, budget
):
    """A signature; and one that completes its stage, so that the next one opens and two people are invited."""
    told = Story(cast, submitted(by=cast["ana"], target=production, level="LOW"))
    if stage == "SECURITY":
        told.sign_stage("REVIEW")
    seat = told.seat(stage, role)
    client = browser(name)

    with CaptureQueriesContext(connection) as seen:
        form = {"reason": "Read", "digest": seat.revision.digest, "decision": "APPROVE"}
        assert client.post(f"/sign-off/{seat.pk}/", form).status_code == 302

    assert len(seen) <= budget, "\n".join(each["sql"][:160] for each in seen.captured_queries)
