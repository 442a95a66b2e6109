"""Text that is what it looks like."""

import pytest

from migrations_portal.kernel.plain_text import is_blank, turned
from migrations_portal.plans.rules import PlanIncomplete, check_title


@pytest.mark.parametrize("text", ["", "  \n", "\u200b", " \u200b\u200d\ufeff", "\x00\x07"])
def test_what_cannot_be_seen_is_blank(text) -> None:
    assert is_blank(text)


@pytest.mark.parametrize("text", ["a", "\u200ba", "日本", "👩\u200d🎓", "é"])
def test_one_visible_character_is_enough(text) -> None:
    assert not is_blank(text)


def test_the_place_of_what_turns_the_order_is_told() -> None:
    assert turned("a\nb\u202ec") == "U+202E in line 2"
    assert turned("عربي and English") == ""


def test_a_title_is_read_as_it_stands() -> None:
    check_title("Add اسم to students")
    with pytest.raises(PlanIncomplete, match="turns the order"):
        check_title("Add \u202eemos to students")
