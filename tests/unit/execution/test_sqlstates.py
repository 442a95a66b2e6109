import re

import pytest

from migrations_portal.execution.sqlstates import CLASSES, WORDS, in_words


def test_a_known_code_is_said_in_words_and_can_be_looked_up() -> None:
    assert in_words("23502") == (
        "a column that must hold a value holds none in some row (SQLSTATE 23502)"
    )


@pytest.mark.parametrize(
    ("code", "said"), [("23P01", "constraint"), ("42000", "schema"), ("P0001", "refused")]
)
def test_another_code_is_said_by_its_class(code: str, said: str) -> None:
    assert said in in_words(code)
    assert code in in_words(code)


@pytest.mark.parametrize("code", [*WORDS, *(f"{each}000" for each in CLASSES)])
def test_the_words_fit_into_a_sentence(code: str) -> None:
    assert re.fullmatch(r"[a-z].*[^.] \(SQLSTATE \w{5}\)", in_words(code))
