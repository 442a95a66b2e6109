import io
import json
import re
import subprocess
import sys
from argparse import ArgumentParser
from pathlib import Path

import pytest

from migrations_portal.risk import RULES
from migrations_portal.risk.__main__ import main, understands
from migrations_portal.risk.command_line import OPTIONS, InputUnusable, add_arguments, run
from tests.unit.risk.kit import SCHEMA_SQL

ROOT = Path(__file__).resolve().parents[3]
BAD = "-- why\nALTER TABLE students\n  ALTER COLUMN email SET NOT NULL;\n"


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    texts = {
        "low.sql": "ALTER TABLE students ADD COLUMN a text;",
        "bad.sql": BAD,
        "broken.sql": "ALTER TABLES students;",
        "schema.sql": SCHEMA_SQL,
        "phi.txt": "# tagged\nstudents  # children\n\n",
        "down.sql": "ALTER TABLE students DROP COLUMN a;",
        "both.sql": "ALTER TABLE students ADD COLUMN a text;\n-- down\nALTER TABLE students DROP COLUMN a;\n",
    }
    for name, text in texts.items():
        (tmp_path / name).write_text(text)
    (tmp_path / "latin.sql").write_bytes(b"SELECT '\xe9'")
    return tmp_path


def _run(*words: str) -> tuple[int, str]:
    parser = ArgumentParser()
    add_arguments(parser)
    out = io.StringIO()
    return run(parser.parse_args(words), out=out), out.getvalue()


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["low.sql"], 0),
        (["bad.sql"], 0),
        (["bad.sql", "--fail-on", "high"], 0),
        (["bad.sql", "--fail-on", "MEDIUM"], 1),
        (["low.sql", "--fail-on", "LOW"], 1),
        (["low.sql", "bad.sql", "--fail-on", "MEDIUM"], 1),
        (["broken.sql"], 2),
        (["broken.sql", "--fail-on", "LOW"], 2),
        (["latin.sql"], 2),
    ],
)
def test_exit_codes(files: Path, words: list[str], code: int) -> None:
    assert _run(*words)[0] == code


@pytest.mark.parametrize("name", ["nowhere.sql", "program.js", "."])
def test_a_file_that_cannot_be_read_is_said(
    files: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(InputUnusable):
        _run(name)
    assert main([name]) == 2
    assert capsys.readouterr().err.startswith(name)


def test_a_program_that_is_not_there_is_said_to_be_missing(
    files: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (files / "program.js").write_text("module.exports = {};")

    assert main(["nowhere.js"]) == main(["program.js"]) == 2

    assert capsys.readouterr().err.splitlines() == [
        "nowhere.js cannot be read: No such file or directory.",
        "program.js is a program, and only running it shows the SQL it sends. Open a plan with it, or give the SQL.",
    ]


def test_json_is_the_shape_of_the_api(files: Path) -> None:
    _, text = _run(
        "bad.sql", "--schema", "schema.sql", "--phi", "phi.txt", "--format", "json", "--pg", "16"
    )
    said = json.loads(text)

    assert (said["level"], said["phi"], said["tables"]) == ("MEDIUM", True, ["public.students"])
    assert said["statements"][0]["line"] == 2


def test_text_points_at_line_and_column_and_shows_what_to_write(files: Path) -> None:
    _, text = _run("bad.sql")

    assert "bad.sql:2:1  MEDIUM" in text
    assert "AccessExclusiveLock on public.students, reads and writes wait, read" in text
    assert "ALTER TABLE public.students VALIDATE CONSTRAINT email_set;" in text
    assert "\x1b" not in text


def test_the_way_back_is_read_from_the_file_or_from_one_of_its_own(files: Path) -> None:
    alone = _run("low.sql")[1]
    assert "missing-down" in alone
    for words in (["both.sql"], ["low.sql", "--down", "down.sql"]):
        assert "missing-down" not in _run(*words)[1]
    said = json.loads(_run("both.sql", "--format", "json")[1])
    assert [(s["file"], s["line"]) for s in said["down"]] == [("both.sql", 3)]


def test_sarif_names_rule_file_and_line(files: Path) -> None:
    said = json.loads(_run("bad.sql", "--format", "sarif")[1])

    [tool_run] = said["runs"]
    assert said["version"] == "2.1.0"
    ids = [rule["id"] for rule in tool_run["tool"]["driver"]["rules"]]
    assert set(ids) <= set(RULES)
    [result] = [r for r in tool_run["results"] if r["ruleId"] == "set-not-null"]
    assert ids[result["ruleIndex"]] == "set-not-null"
    assert result["level"] == "warning"
    place = result["locations"][0]["physicalLocation"]
    assert place == {
        "artifactLocation": {"uri": "bad.sql"},
        "region": {"startLine": 2, "startColumn": 1},
    }


def test_github_annotations_are_one_line_each(files: Path) -> None:
    _, text = _run("bad.sql", "--format", "github")

    assert text.splitlines()[0].startswith(
        "::warning file=bad.sql,line=2,col=1,title=MEDIUM%3A Column made NOT NULL::Makes public.students.email NOT NULL"
    )
    assert all(line.startswith("::") for line in text.splitlines())


def test_the_options_that_are_named_are_those_that_are_declared() -> None:
    parser = ArgumentParser(add_help=False)
    add_arguments(parser)

    assert set(re.findall(r"--[a-z-]+", parser.format_usage())) == OPTIONS


@pytest.mark.parametrize(
    ("words", "alone"),
    [
        (["a.sql"], True),
        (["-", "--pg=16", "--fail-on", "HIGH"], True),
        (["a.sql", "--target", "production"], False),
        (["a.sql", "--targ=production"], False),
        (["--help"], False),
        (["a.sql", "--settings", "other"], False),
    ],
)
def test_only_a_target_and_the_options_of_django_need_the_portal(
    words: list[str], *, alone: bool
) -> None:
    assert understands(words) is alone


def test_manage_py_assesses_files_where_no_portal_is_set_up(files: Path) -> None:
    called = subprocess.run(
        [sys.executable, ROOT / "manage.py", "assess", "bad.sql", "--fail-on", "MEDIUM"],
        env={}, cwd=files, capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert (called.returncode, called.stderr) == (1, "")
    assert "bad.sql:2:1" in called.stdout
