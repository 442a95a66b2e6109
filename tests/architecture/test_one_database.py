"""No decision is read from a replica, since there is none to read from (X16)."""

from django.conf import settings
from django.db import connections, router

from migrations_portal.execution.models import MigrationRun


def test_there_is_one_database_and_nothing_chooses_another():
    assert list(connections) == ["default"]
    assert settings.DATABASE_ROUTERS == []
    assert router.db_for_read(MigrationRun) == router.db_for_write(MigrationRun) == "default"
    assert settings.DATABASES["default"]["OPTIONS"].get("target_session_attrs", "any") in {
        "any",
        "read-write",
        "primary",
    }
