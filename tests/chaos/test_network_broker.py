"""A way to the broker that fails in the middle of a run: the run needs none, and the next one starts once it is back (X13, X14)."""

import os
from datetime import timedelta
from urllib.parse import urlsplit

import pytest

from tests.chaos.kit import SECOND, over, prepare, state, violations
from tests.chaos.network import FAULTS, GOOD, SLEEPING
from tests.chaos.proxy import Proxy
from tests.chaos.worker import bell, ring, worker
from tests.factories.plans import scheduled_run
from tests.runs_kit import now, story, until

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.chaos]

LOST_DOORBELL = timedelta(seconds=30)
"""X13: from the broker's return to the claim of what is due, with nobody's help."""


@pytest.fixture
def broker(monkeypatch):
    """A proxy before the broker, for the worker, its beat and whoever rings."""
    url = urlsplit(os.environ["WCO_REDIS_URL"])
    with Proxy((str(url.hostname), int(url.port or 6379))) as proxy:
        behind = url.netloc.rpartition(":")[0] + f":{proxy.port}"
        monkeypatch.setenv("WCO_REDIS_URL", url._replace(netloc=behind).geturl())
        yield proxy


@pytest.mark.parametrize(
    "weather",
    [
        ("cut", True),
        ("refuse", True),
        ("cut and refuse", True),
        ("black hole", True),
        ("black hole", False),  # half-open: its connections stay lost, and nobody is told
        ("delay", False),
        ("cut after 2,000 bytes", True),
    ],
    ids=lambda weather: f"{weather[0]}{'' if weather[1] else ', nobody is told'}",
)
def test_a_broker_that_the_network_takes_away_in_mid_run(school, cast, tmp_path, broker, weather):
    fault, told = weather
    prepare(school)
    before = state(school)
    run = scheduled_run(cast=cast, target=school.target, example=GOOD)
    with bell() as app, worker(tmp_path, queues="runs,timeline", beat=True):
        ring(app, run.pk)
        until(lambda: school.value(SLEEPING) == 1, seconds=90)
        FAULTS[fault](broker)
        until(lambda: over(run), seconds=90)
        following = scheduled_run(cast=cast, target=school.target, example=SECOND, minutes=2)
        healed = now()
        broker.heal(cut=told)
        until(lambda: over(following), seconds=120)

    run.refresh_from_db()
    following.refresh_from_db()
    assert following.claimed_at is not None
    waited = following.claimed_at - max(healed, following.due_at)
    name = f"broker {fault}{'' if told else ', nobody is told'}"
    print(  # noqa: T201  # the table of docs/reference/faults.md, with -s
        f"NETWORK {name}: {run.status} {run.outcome}; the next run {following.status},"
        f" claimed {waited.total_seconds():.1f} s after the broker was back"
    )
    assert (run.status, run.outcome) == ("SUCCEEDED", "APPLIED"), story(run)
    assert (following.status, following.outcome) == ("SUCCEEDED", "APPLIED"), story(following)
    assert violations(school, run, before=before) == []
    assert waited < LOST_DOORBELL
