import pytest

from migrations_portal.targets.rules import LONGEST_LIST, NotAName, Tagged, parsed_list

KNOWN = frozenset({"public.students", "clinic.visits", "public.visits", "public.Orders"})


@pytest.mark.parametrize(
    ("line", "means"),
    [
        ("students", Tagged("public.students")),
        ("public.students", Tagged("public.students")),
        ("public.students.email", Tagged("public.students", "email")),
        ("students.email", Tagged("public.students", "email")),
        ("visits", Tagged("visits")),
        ("clinic.visits  # the nurse's", Tagged("clinic.visits")),
        ("consents", Tagged("consents")),
        ("archive.consents", Tagged("archive.consents")),
        ('public."Orders"."statusOld"', Tagged("public.Orders", "statusOld")),
    ],
)
def test_a_line_names_a_table_or_a_column(line, means) -> None:
    assert parsed_list(line, known=KNOWN) == [means]


@pytest.mark.parametrize("line", ["a.b.c.d", "students;", "1st", ".", "x" * 64, "a..b", "DROP TABLE x--", "a\x00b"])  # fmt: skip
def test_what_is_no_name_is_refused_with_its_line(line) -> None:
    with pytest.raises(NotAName, match="Line 3"):
        parsed_list(f"students\n\n{line}", known=KNOWN)


def test_comments_and_empty_lines_mean_nothing() -> None:
    assert parsed_list("# all of it\n\n   \n", known=KNOWN) == []


def test_a_list_without_end_is_refused() -> None:
    with pytest.raises(NotAName, match="at most"):
        parsed_list("a\n" * (LONGEST_LIST + 1), known=KNOWN)
