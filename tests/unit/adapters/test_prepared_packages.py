"""What was installed ahead for a tool is one hash: every byte and place counts, and nothing that two installations differ in."""

import os

import pytest

from migrations_portal.adapters.prepared_packages import digest


@pytest.fixture
def packages(tmp_path):
    made = tmp_path / "node_modules"
    (made / "pg" / "lib").mkdir(parents=True)
    (made / "pg" / "lib" / "client.js").write_text("module.exports = 1;")
    (made / "pg" / "package.json").write_text("{}")
    (made / ".bin").mkdir()
    (made / ".bin" / "pg").symlink_to("../pg/lib/client.js")
    return made


def one_byte(made):
    (made / "pg" / "package.json").write_text("[]")


def another_place(made):
    (made / "pg" / "lib" / "client.js").rename(made / "pg" / "client.js")


def one_more(made):
    (made / "pg" / "lib" / "hook.js").touch()


def another_link(made):
    (made / ".bin" / "pg").unlink()
    (made / ".bin" / "pg").symlink_to("../pg/package.json")


def content_moved_on(made):
    """Name and content together read as before."""
    (made / "pg" / "package.json").rename(made / "pg" / "package.jso")
    (made / "pg" / "package.jso").write_text("n{}")


@pytest.mark.parametrize(
    "change", [one_byte, another_place, one_more, another_link, content_moved_on]
)
def test_every_change_is_another_hash(packages, change):
    before = digest(packages)
    change(packages)
    assert digest(packages) != before


def test_times_and_compiled_python_do_not_count(packages):
    before = digest(packages)
    os.utime(packages / "pg" / "package.json", (1, 1))
    (packages / "pg" / "__pycache__").mkdir()
    (packages / "pg" / "__pycache__" / "x.pyc").write_text("compiled")
    assert digest(packages) == before
