"""Why a due run has not begun: the headline, the card and the plan's page say the same."""

from datetime import UTC, datetime, timedelta

import pytest

from migrations_portal.audit import freezes
from migrations_portal.demo.customer.examples import CONSENT_TRACKING
from migrations_portal.execution.models import MigrationRun
from migrations_portal.web.presenters import not_begun
from tests.factories.plans import scheduled_run


@pytest.fixture
def run(cast, production):
    return scheduled_run(cast=cast, target=production, example=CONSENT_TRACKING)


def test_a_free_run_waits_for_its_time_only(run):
    now = datetime.now(UTC)
    MigrationRun.objects.filter(pk=run.pk).update(due_at=now + timedelta(hours=1))
    run.refresh_from_db()

    waits = not_begun.wait(run, now=now)

    assert waits.headline == "Waiting for T-0"
    assert waits.sentences[0].startswith("It begins by itself at")
    assert not waits.stuck


def test_what_the_ledger_holds_does_not_begin_by_itself(run, browser):
    freezes.freeze(cause="LEDGER_BEHIND", sentence="The ledger is behind.", now=datetime.now(UTC))

    for address in (f"/runs/{run.pk}/", f"/plans/{run.plan_id}/"):
        page = browser("dan").get(address).content.decode()

        assert "The ledger is behind." in page
        assert "Why it has not begun" in page
        assert "It begins by itself" not in page
        assert "It begins once nothing of this holds it any more" in page


def test_a_run_that_is_called_off_waits_for_nothing(run):
    MigrationRun.objects.filter(pk=run.pk).update(status="CANCELLED")
    run.refresh_from_db()

    assert not_begun.wait(run, now=datetime.now(UTC)) is None
