"""Two people restore the backup after a migration that failed half way."""

from datetime import UTC, datetime

import pytest

from migrations_portal import wiring
from migrations_portal.demo.customer.examples import MEDICATION_REVIEW
from migrations_portal.execution import deciding
from migrations_portal.execution.rules import Choice, NotDecidable, SecondPersonNeeded
from migrations_portal.people import access
from migrations_portal.runbooks import catastrophe
from migrations_portal.runbooks.tools import beside_name
from migrations_portal.web.presenters import runs as presenter
from tests.customer import URL
from tests.runs_kit import told

pytestmark = pytest.mark.django_db(transaction=True)


def choose(
    run, person, reason="The schema moved and the file cannot be finished", choice=Choice.RESTORE
):
    return deciding.decide(
        run_id=run.pk,
        choice=choice,
        by=person,
        reason=reason,
        now=datetime.now(UTC),
        public_url=URL,
    )


def test_two_people_restore_the_backup_and_the_damaged_database_is_kept(school, run_example, cast):
    history, schema = school.history(), school.schema()
    students = school.value("SELECT count(*) FROM students")
    run = run_example(MEDICATION_REVIEW)

    with pytest.raises(access.NotAllowed):
        choose(run, cast["ana"])
    with pytest.raises(NotDecidable, match="why"):
        choose(run, cast["dan"], reason=" ")
    assert choose(run, cast["dan"]) is False
    with pytest.raises(SecondPersonNeeded):
        choose(run, cast["dan"])
    assert choose(run, cast["tess"]) is True
    fence = deciding.claim_recovery(run_id=run.pk, worker="tests")
    assert deciding.claim_recovery(run_id=run.pk, worker="another") is None
    catastrophe.execute(
        run_id=run.pk,
        fence=fence,
        tools=wiring.tools(),
        clock=lambda: datetime.now(UTC),
        public_url=URL,
    )

    run.refresh_from_db()
    lines = "\n".join(line.text for line in run.lines.order_by("seq"))
    assert (run.status, run.outcome) == ("RESTORED", "RESTORED"), lines
    assert (school.history(), school.schema()) == (history, schema)
    assert school.value("SELECT count(*) FROM students") == students
    assert "GRANT EXECUTE ON FUNCTION pg_create_restore_point(text) TO" in lines
    assert school.beside() == [f"{school.target.database}_damaged_{run.pk}_{fence}"]
    run.plan.refresh_from_db()
    assert run.plan.status == "RESTORED"


def test_two_people_keep_the_target_as_it_is(school, run_example, cast):
    run = run_example(MEDICATION_REVIEW)
    schema = school.schema()

    assert choose(run, cast["dan"], "Finished by hand", Choice.KEEP) is False
    assert choose(run, cast["tess"], "Finished by hand", Choice.KEEP) is True

    run.refresh_from_db()
    run.plan.refresh_from_db()
    assert (run.status, run.outcome, run.plan.status) == ("SUCCEEDED", "KEPT", "SUCCEEDED")
    assert school.schema() == schema
    assert told(run) == ("kept", "kept", {"run_kept"})
    shown = presenter.page(run, person=cast["tess"], now=datetime.now(UTC))
    assert "every check passed" not in f"{shown['run']['tab_title']} {shown['outcome']}"
    assert (shown["run"]["status"], presenter.row(run)["status"]) == ("KEPT", "KEPT")


@pytest.mark.parametrize("database", ["d" * 63, "white_cross_production"])
def test_a_name_beside_is_never_the_live_one_and_keeps_the_runs_number(database):
    name = beside_name(database, word="restored", run_id=12345)

    assert name != database
    assert name.endswith("_restored_12345")
    assert len(name) <= 63
