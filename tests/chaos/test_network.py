"""A network that fails in the middle of a run, of an upload, of a mail: what the page says is what the target holds."""

import pytest

from migrations_portal.adapters.s3_upload import Patience
from tests.chaos.network import (
    FAULTS,
    a_moment,
    impatient,
    suffer,
    suffer_without_portal,
    target_behind,
    vault_behind,
)

pytestmark = pytest.mark.django_db(transaction=True)

UNCHANGED = ("FAILED", "NOTHING_CHANGED")
DECIDE = ("NEEDS_DECISION", "UNKNOWN")
DONE = ("SUCCEEDED", "APPLIED")
LONGEST_SECONDS = 60
"""From the fault to the ending, with nobody's help."""

TARGET = [
    ("backup.before", "cut", UNCHANGED),
    ("backup.before", "refuse", UNCHANGED),
    ("backup.before", "black hole", UNCHANGED),
    ("backup.before", "cut after 2,000 bytes", UNCHANGED),
    ("backup.before", "delay", DONE),
    ("", "cut", UNCHANGED),  # the door saw that no COMMIT was sent
    ("", "refuse", DECIDE),
    ("", "black hole", DECIDE),
    ("", "cut after 2,000 bytes", DECIDE),
    ("", "delay", DONE),
    ("verify.before", "cut", DONE),  # what is left only reads, over connections of its own
    ("verify.before", "black hole", DECIDE),
]
SHORT = [TARGET[3], TARGET[7]]
HURRIED = Patience(seconds=6, pause=0.3, answer=2, attempts=2)
VAULT = [
    ("cut and refuse", UNCHANGED),
    ("black hole", UNCHANGED),
    ("cut after 2,000 bytes", UNCHANGED),
    ("delay", DONE),
]


@pytest.fixture
def hurried(monkeypatch):
    impatient(monkeypatch)


@pytest.mark.usefixtures("hurried")
@pytest.mark.parametrize(("place", "fault", "ended"), SHORT)
def test_a_target_that_the_network_takes_away(school, cast, place, fault, ended):
    _target(school, cast, place, fault, ended)


@pytest.mark.chaos
@pytest.mark.parametrize(("place", "fault", "ended"), TARGET)
def test_the_target_at_every_moment(school, cast, place, fault, ended):
    _target(school, cast, place, fault, ended)


def _target(school, cast, place, fault, ended):
    with target_behind(school) as proxy:
        seen = suffer(school, cast, proxy, fault=FAULTS[fault], place=place)
        seen.show(f"target {place or 'mid-statement'} {fault}")

    assert seen.ended == ended
    assert seen.seconds < LONGEST_SECONDS or fault == "delay"  # which is slow, not stuck


@pytest.mark.parametrize(("fault", "ended"), [VAULT[1]])
def test_a_vault_that_the_network_takes_away(school, cast, fault, ended):
    _vault(school, cast, fault, ended)


@pytest.mark.chaos
@pytest.mark.parametrize(("fault", "ended"), VAULT)
def test_the_vault_in_every_weather(school, cast, fault, ended):
    _vault(school, cast, fault, ended)


def _vault(school, cast, fault, ended):
    with vault_behind(HURRIED) as (proxy, tools):
        seen = suffer(school, cast, proxy, fault=FAULTS[fault], place="backup.before", tools=tools)
    seen.show(f"vault {fault}")

    assert seen.ended == ended
    assert "not encrypted" not in seen.run.problem  # which an answer cut among its headers is not
    assert seen.seconds < LONGEST_SECONDS


@pytest.mark.chaos
@pytest.mark.parametrize("bad", ["refuse", "black_hole"])
def test_an_upload_outlasts_a_moment_without_its_vault(school, cast, bad):
    patience = Patience(seconds=30, pause=0.5, answer=4, attempts=3)
    with vault_behind(patience) as (proxy, tools):
        fault = a_moment(5.0, **{bad: True})
        seen = suffer(school, cast, proxy, fault=fault, place="backup.before", tools=tools)
    seen.show(f"vault {bad} for 5 s")

    assert seen.ended == DONE


@pytest.mark.chaos
@pytest.mark.parametrize("fault", ["cut", "cut and refuse", "black hole"])
def test_the_portals_own_database_is_taken_away(school, cast, fault):
    seen = suffer_without_portal(school, cast, fault=FAULTS[fault])
    seen.show(f"portal's database {fault}")

    assert seen.ended in {DECIDE, DONE}
    assert seen.seconds < LONGEST_SECONDS + 30
