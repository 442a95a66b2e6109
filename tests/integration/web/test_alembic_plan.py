"""An engineer uploads an Alembic revision in the browser; it is assessed by what it really sends, and run, and undone."""

from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from migrations_portal.plans.models import MigrationPlan, PlanAssessment
from migrations_portal.tasks import assessments
from tests import alembic_project
from tests.customer import ADMIN
from tests.driver_kit import alembic_revision
from tests.factories.plans import COMPLETE
from tests.runs_kit import Written, story

pytestmark = pytest.mark.django_db(transaction=True)
EARLIER = alembic_revision("r1", up=["CREATE TABLE report (id int)"], follows=None)
FILE = alembic_revision(
    "r2",
    up=["ALTER TABLE report ADD COLUMN title text"],
    down=["ALTER TABLE report DROP COLUMN title"],
    follows="r1",
)


class Revision(Written):
    """A revision in the place of a Sequelize file."""

    @property
    def content(self) -> bytes:
        return FILE.content


@pytest.fixture
def reports(school, tmp_path, monkeypatch):
    """The school's target belongs to a customer with Alembic, whose first revision is applied already."""
    from django.conf import settings

    from migrations_portal import wiring

    made = alembic_project.prepare(settings.ENV.projects_dir)
    project = settings.ENV.projects_dir / "reports-of-a-test"
    (project / "alembic" / "versions").mkdir(parents=True, exist_ok=True)
    (project / "alembic" / "versions" / EARLIER.name).write_bytes(EARLIER.content)
    if not (project / "site-packages").exists():
        (project / "site-packages").symlink_to(made / "site-packages")
    school.target.project = project.name
    school.target.save()
    with psycopg.connect(
        psycopg.conninfo.make_conninfo(ADMIN, dbname=school.target.database)
    ) as session:
        session.execute("SET ROLE wco_migrator")
        session.execute("CREATE TABLE report (id int)")
        session.execute("CREATE TABLE alembic_version (version_num varchar(32) PRIMARY KEY)")
        session.execute("INSERT INTO alembic_version VALUES ('r1')")
    assert wiring.tools().driver is not None
    return school


def test_ana_uploads_a_revision_and_sees_what_it_sends(cast, reports, client):
    client.force_login(cast["ana"], backend="django.contrib.auth.backends.ModelBackend")
    local = (datetime.now(UTC) + timedelta(days=20)).astimezone(reports.target.zone)
    form = {
        "action": "save",
        "version": "0",
        "title": "A title for reports",
        "target": reports.target.pk,
        "scheduled_for": f"{local:%Y-%m-%dT%H:%M}",
        **vars(COMPLETE),
        "checks-TOTAL_FORMS": "0",
        "checks-INITIAL_FORMS": "0",
    }

    refused = client.post(
        "/plans/new/", {**form, "upload": SimpleUploadedFile("r2.py", b"x = 1\n")}
    )
    saved = client.post(
        "/plans/new/", {**form, "upload": SimpleUploadedFile(FILE.name, FILE.content)}
    )

    assert (refused.status_code, saved.status_code) == (422, 302)
    assert "does not say which revision it is" in refused.content.decode()
    plan = MigrationPlan.objects.get()
    assessments.assess(assessment_id=PlanAssessment.objects.get(plan=plan).pk)
    found = PlanAssessment.objects.get(plan=plan)
    assert (found.level, found.problem) == ("LOW", "")
    assert [each["sql"] for each in found.result["statements"]] == [
        "ALTER TABLE report ADD COLUMN title text"
    ]
    assert found.result["rollback"]["proven"]
    page = client.get(f"/plans/{plan.pk}/").content.decode()
    assert FILE.name in page
    assert "down_revision" in page


def test_a_run_applies_it_and_a_failed_check_undoes_it(reports, run_example):
    written = Revision(
        up="",
        name=FILE.name,
        query="SELECT count(*) FROM information_schema.columns WHERE table_name = 'report' AND column_name = 'title'",
        expected=0,
    )

    undone = run_example(written)

    assert (undone.status, undone.outcome) == ("ROLLED_BACK", "UNDONE"), story(undone)
    assert reports.value("SELECT version_num FROM alembic_version") == "r1"
    assert undone.history_before == [EARLIER.name]


def test_a_run_applies_it(reports, run_example):
    run = run_example(
        Revision(
            up="",
            name=FILE.name,
            query="SELECT count(*) FROM information_schema.columns WHERE table_name = 'report' AND column_name = 'title'",
        )
    )

    assert (run.status, run.outcome) == ("SUCCEEDED", "APPLIED"), story(run)
    assert reports.value("SELECT version_num FROM alembic_version") == "r2"
