"""What an Alembic file says of itself is read and never run; what cannot be read is told with what to do."""

import pytest

from migrations_portal.adapters.alembic_revisions import Revision, Revisions, read_revision
from migrations_portal.adapters.script_check import NodeScriptChecker
from migrations_portal.execution.ports import DriverFailed
from migrations_portal.plans.rules import FileRefused

USUAL = (
    "from typing import Union\n\nrevision: str = 'b2'\ndown_revision: Union[str, None] = 'a1'\n"
    "depends_on = ('x9',)\n\n\ndef upgrade():\n    pass\n"
)


def test_the_template_of_alembic_itself_is_read():
    assert read_revision(name="b2_add.py", text=USUAL) == Revision("b2_add.py", "b2", ("a1", "x9"))


def test_the_first_of_a_chain_and_a_merge_are_read():
    first = read_revision(name="a.py", text="revision = 'a'\ndown_revision = None\n")
    merge = read_revision(name="m.py", text="revision = 'm'\ndown_revision = ('a', 'b')\n")

    assert (first.parents, merge.parents) == ((), ("a", "b"))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("def upgrade(:\n", "not Python: .* \\(line 1\\)"),
        ("x = 1\n", "does not say which revision it is"),
        ("revision = 'a'\n", "does not say what it follows"),
        ("revision = make()\ndown_revision = None\n", "revision as plain text"),
        ("revision = 'a'\ndown_revision = 7\n", "revision ids or None"),
        ("revision = ''\ndown_revision = None\n", "does not say which revision it is"),
        ("revision = " + "(" * 5000 + ")" * 5000, "not Python"),
        ("revision = " + "-" * 200_000 + "1", "not Python"),
    ],
)
def test_a_file_that_is_no_revision_is_refused_with_what_is_missing(text, said):
    with pytest.raises(DriverFailed, match=said):
        read_revision(name="a.py", text=text)


def test_the_upload_refuses_it_with_the_same_sentence(tmp_path):
    with pytest.raises(FileRefused, match="does not say which revision it is"):
        NodeScriptChecker(node=tmp_path / "none").check(name="a.py", text="x = 1\n")


def _revisions(**parents):
    return Revisions([Revision(f"{name}.py", name, each) for name, each in parents.items()])


def test_what_heads_stand_on_is_applied_and_the_heads_are_what_nothing_stands_on():
    known = _revisions(a=(), b=("a",), c=("a",), m=("b", "c"), z=("m",))

    applied = known.applied(["m"])

    assert {each.file for each in applied} == {"a.py", "b.py", "c.py", "m.py"}
    assert Revisions.heads(applied) == {"m"}
    assert Revisions.heads(known.applied(["b", "c"])) == {"b", "c"}


def test_a_head_that_no_file_is_names_itself():
    with pytest.raises(DriverFailed, match="Revision lost is applied on the target"):
        _revisions(a=()).applied(["lost"])


def test_two_files_of_one_revision_are_refused():
    with pytest.raises(DriverFailed, match="both revision a"):
        Revisions([Revision("one.py", "a", ()), Revision("two.py", "a", ())])
