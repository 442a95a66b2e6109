"""A file that behaves differently by environment: real Sequelize files, assessed on an empty copy, rehearsed on rows."""

import pytest

from migrations_portal import wiring
from migrations_portal.execution.models import MigrationRun
from migrations_portal.plans import queries
from migrations_portal.plans.models import PlanAssessment
from migrations_portal.rehearsals import services
from migrations_portal.runbooks import preview, rehearsal
from tests.integration.rehearsals.conftest import now
from tests.integration.rehearsals.files import sql

pytestmark = pytest.mark.django_db(transaction=True)

DATABASE = "const empty = q.sequelize.config.database.startsWith('wco_preview');"
ADD, DROP = (
    sql("ALTER TABLE students ADD COLUMN nickname text"),
    sql("ALTER TABLE students DROP COLUMN IF EXISTS nickname"),
)


@pytest.fixture
def both(plan_of, cast):
    """Assess the files for real, then rehearse them."""

    def go(up: str, down: str = DROP):
        plan = plan_of((up, down))
        PlanAssessment.objects.update(level="", done_at=None, claimed_at=None)
        row = queries.current_assessment(plan)
        preview.assess_plan(assessment_id=row.pk, tools=wiring.tools(), clock=now)
        row.refresh_from_db()
        assert row.level, row.problem
        asked = services.ask(plan=plan, revision=None, by=cast["ana"], now=now())
        rehearsal.execute(rehearsal_id=asked.pk, worker="tests", tools=wiring.tools(), clock=now)
        asked.refresh_from_db()
        assert asked.status == "DONE", asked.problem
        return asked.result

    return go


def findings(result):
    return [each for each in result["findings"] if each["key"] == "other-sql"]


def application(result):
    return next(each for each in result["verdicts"] if each["key"] == "APPLICATION")


def test_by_the_databases_name_it_does_more_than_was_assessed_so_the_gate_stays_closed(both):
    result = both(f"{ADD} {DATABASE} if (!empty) {{ {sql('DROP TABLE medications CASCADE')} }}")

    (found,) = findings(result)
    assert found["tone"] == "bad"
    assert "sends other SQL here than when it was assessed" in found["title"]
    assert "Sent here, never assessed: DROP TABLE medications CASCADE." in found["advice"]
    assert "Let the file send the same statements everywhere" in found["advice"]
    assert application(result)["passed"] is False
    assert "the plan is CRITICAL instead of" in application(result)["sentence"]


def test_by_the_rows_it_finds_it_does_more_and_that_is_told(both):
    loop = (
        "const [rows] = await run('SELECT id FROM students ORDER BY id LIMIT 3');"
        "for (const row of rows) await run(`UPDATE students SET nickname = 'x' WHERE id = '${row.id}'`);"
    )
    result = both(ADD + loop)

    (found,) = findings(result)
    assert "never assessed: UPDATE students SET nickname = '…' WHERE id = '…'" in found["advice"]
    assert result["otherwise"][0]["missing"] == []


def test_what_was_assessed_and_is_not_sent_is_told_too(both):
    result = both(f"{ADD} {DATABASE} if (empty) {{ {sql('CREATE INDEX ON students (nickname)')} }}")

    (found,) = findings(result)
    assert found["tone"] == "warn"
    assert "Assessed, not sent here: CREATE INDEX ON students (nickname)." in found["advice"]
    assert application(result)["passed"] is True


def test_node_env_is_the_same_everywhere_so_it_decides_nothing(both):
    result = both(
        f'{ADD} if (process.env.NODE_ENV === "production") {{ {sql("DROP TABLE medications")} }}'
    )

    assert not findings(result)


def test_a_file_that_does_the_same_everywhere_raises_no_alarm(both):
    up = (
        "const { DataTypes } = q.sequelize.Sequelize;"
        "await q.createTable('moods', {id: {type: DataTypes.INTEGER, primaryKey: true, autoIncrement: true},"
        " mood: DataTypes.ENUM('fine', 'sad')});"
        "await q.bulkInsert('moods', [{mood: 'fine'}, {mood: 'sad'}]);"
        "await together(async (transaction) => { await q.addColumn('students', 'nickname',"
        " {type: DataTypes.STRING(20), defaultValue: 'x'}, {transaction});"
        " await run(`UPDATE students SET nickname = 'now ${Date.now()}'`, {transaction}); });"
        "await q.addIndex('students', ['nickname']);"
    )
    result = both(up, f"await q.dropTable('moods'); {DROP} await run('DROP TYPE IF EXISTS enum_moods_mood');")  # fmt: skip

    assert not findings(result)
    assert application(result)["passed"] is True
    assert not MigrationRun.objects.exists()
