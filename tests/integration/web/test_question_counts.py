"""How many questions the pages ask that people wait for: bounded, however much there is (`make bench BENCH=portal` measures the time).

`test_sign_off_questions.py` holds the POST of a decision.
"""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

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
