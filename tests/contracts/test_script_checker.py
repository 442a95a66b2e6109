import pytest

from migrations_portal import wiring
from migrations_portal.plans.rules import FileRefused


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.js", "module.exports = { up: async () => {} };\n"),
        ("a.sql", 'ALTER TABLE "patients" ADD COLUMN x int;'),
    ],
)
def test_a_script_passes(name, text):
    wiring.script_checker().check(name=name, text=text)


@pytest.mark.parametrize(
    ("name", "text", "why"),
    [
        ("a.js", "module.exports = {\n  up( => 1\n", "not JavaScript.*line 2"),
        ("a.js", "%PDF-1.7 not a script", "not JavaScript"),
        ("a.sql", "ALTER TABEL patients", "not SQL"),
    ],
)
def test_what_is_no_script_is_refused_with_the_reason(name, text, why):
    with pytest.raises(FileRefused, match=why):
        wiring.script_checker().check(name=name, text=text)


def test_the_tools_are_chosen_from_the_settings():
    assert wiring.tools().dump.client_version() >= 15
