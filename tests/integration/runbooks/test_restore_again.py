"""A restore that broke off: what is said of it, and a second one."""

import pytest

from migrations_portal.demo.customer.examples import MEDICATION_REVIEW
from migrations_portal.execution.rules import Choice
from migrations_portal.kernel import failpoints
from migrations_portal.tasks import runs
from tests.chaos.kit import expire
from tests.integration.runbooks.test_recovery import done, two_choose
from tests.runs_kit import Fallen, fall, story

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.mark.parametrize(
    ("place", "said", "kept"),
    [
        ("restore.before-swap", "The databases were not swapped", 1),
        (
            "restore.after-swap",
            "the restored backup is live, and what was live before is kept as",
            2,
        ),
    ],
)
def test_a_restore_that_broke_off_is_told_as_one_and_can_be_done_again(
    school, cast, place, said, kept
):
    history, schema = school.history(), school.schema()
    run = done(school, cast, MEDICATION_REVIEW)
    failpoints.arm(place, fall)
    with pytest.raises(Fallen):
        two_choose(run, cast, Choice.RESTORE)
    expire()
    runs.find_lost()
    run.refresh_from_db()
    assert run.status == "NEEDS_DECISION", story(run)
    assert "died while it carried out “restore the backup taken before this run”" in run.problem
    assert said in run.problem

    two_choose(run, cast, Choice.RESTORE)

    assert (run.status, run.outcome) == ("RESTORED", "RESTORED"), story(run)
    assert (school.history(), school.schema()) == (history, schema)
    beside = [name for name in school.beside() if "_damaged_" in name]
    assert len(beside) == kept
    assert run.lines.filter(text__contains="pg_create_restore_point(text) TO").exists()
