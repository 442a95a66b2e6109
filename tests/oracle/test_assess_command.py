"""`manage.py assess` with the live catalogue of a target."""

import io
import json

import pytest
from django.core.management import CommandError, call_command

from tests.customer import Customer


def test_a_target_gives_schema_sizes_version_and_phi(school: Customer, tmp_path) -> None:
    school.target.phi_tables = ["students"]
    school.target.save()
    file = tmp_path / "a.sql"
    file.write_text('ALTER TABLE students ALTER COLUMN "homeLanguage" TYPE text;')
    out = io.StringIO()

    call_command("assess", str(file), target="production", format="json", stdout=out)

    said = json.loads(out.getvalue())
    assert (said["level"], said["phi"]) == ("MEDIUM", True)
    assert said["statements"][0]["rewrites"] == []


def test_exit_codes(db, tmp_path) -> None:
    file = tmp_path / "a.sql"
    file.write_text("DROP TABLE students;")
    with pytest.raises(SystemExit) as reached:
        call_command("assess", str(file), fail_on="HIGH", stdout=io.StringIO())
    with pytest.raises(CommandError) as unknown:
        call_command("assess", str(file), target="nowhere", stdout=io.StringIO())
    with pytest.raises(CommandError) as missing:
        call_command("assess", str(tmp_path / "b.sql"), stdout=io.StringIO())

    assert (reached.value.code, unknown.value.returncode, missing.value.returncode) == (1, 2, 2)
