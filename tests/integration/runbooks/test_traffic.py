"""Traffic that a way back has diverted: nobody forgets it, whatever becomes of the way back."""

import pytest

from migrations_portal.audit.models import Entry
from migrations_portal.execution.rules import Choice
from migrations_portal.kernel import failpoints
from migrations_portal.notifications.models import Notice
from migrations_portal.tasks import runs
from migrations_portal.web.presenters import runs as presenter
from tests.chaos.kit import expire
from tests.integration.runbooks.test_recovery import done, load_balancer, two_choose
from tests.runs_kit import ADD_COLUMN, Fallen, Written, fall, now, story

pytestmark = pytest.mark.django_db(transaction=True)

NO_WAY_BACK = Written(up=ADD_COLUMN.up, down="await run('SELECT 1 / 0');")


@pytest.mark.parametrize("dies", [False, True], ids=["fails", "dies"])
def test_traffic_stays_diverted_while_people_decide_and_comes_back_when_they_keep(
    school, cast, dies
):
    run = done(school, cast, NO_WAY_BACK)
    with load_balancer() as (address, told):
        school.target.traffic_hook = address
        school.target.save()
        if dies:
            failpoints.arm("rollback.before-undo", fall)
            with pytest.raises(Fallen):
                two_choose(run, cast, Choice.ROLL_BACK)
            expire()
            runs.find_lost()
            run.refresh_from_db()
        else:
            two_choose(run, cast, Choice.ROLL_BACK)
        assert (run.status, told) == ("NEEDS_DECISION", ["maintenance"]), story(run)
        assert (run.traffic_diverted, "diverted" in run.problem) == (True, False)
        ended = Entry.objects.filter(kind="RUN_FINISHED").latest("seq")
        mail = Notice.objects.filter(template="run_needs_decision").latest("pk")
        page = presenter.page(run, person=cast["dan"], now=now())
        for said in (
            ended.canonical,
            mail.context["outcome_sentence"],
            " ".join(page["outcome"]["sentences"]),
        ):
            assert "traffic is diverted, or may be" in said

        two_choose(run, cast, Choice.KEEP)
        assert run.traffic_sentence == ""

    assert (run.status, run.outcome, told) == ("SUCCEEDED", "KEPT", ["maintenance", "normal"])
    assert "diverted" not in run.problem
    assert "Kept as it is: Agreed" in run.advice


def test_traffic_that_does_not_come_back_is_said_in_the_runs_problem(school, cast):
    run = done(school, cast)
    with load_balancer(says="maintenance") as (address, _):
        school.target.traffic_hook = address
        school.target.save()
        two_choose(run, cast, Choice.ROLL_BACK)

    assert run.status == "ROLLED_BACK", story(run)
    assert "TRAFFIC IS STILL DIVERTED" in run.problem
    assert run.traffic_diverted
