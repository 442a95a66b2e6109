"""Each rule's page: its example raises it, and its safe form does not."""

import pytest

from migrations_portal.risk import RULES
from migrations_portal.risk.rule_examples import Example, assessed, examples, found, page

WITHOUT = {"not-understood"}
"""Every statement of PostgreSQL 18 is known, so none can be shown."""


def rules_of(example: Example) -> set[str]:
    said = assessed(example)
    statements = (*said.statements, *said.down)
    return {f.rule for f in said.findings} | {f.rule for s in statements for f in s.findings}


@pytest.mark.parametrize("rule", sorted(examples()))
def test_an_example_raises_its_rule(rule) -> None:
    assert rule in rules_of(examples()[rule])


def test_a_rule_without_an_example_is_an_exception() -> None:
    assert set(examples()) <= set(RULES)
    assert set(RULES) - set(examples()) == WITHOUT, "write an example for the new rules"


@pytest.mark.parametrize("rule", sorted(examples()))
def test_a_safe_form_that_is_sql_does_not_raise_the_rule(rule) -> None:
    safe = page(rule).safe_sql
    parts = [line for line in safe.splitlines() if not line.startswith("--")]
    if not parts or safe.startswith("await") or "…" in safe or "<" in safe:
        return

    said = rules_of(Example("\n".join(parts), together=False, pg=examples()[rule].pg))

    assert rule not in said


def test_a_page_tells_what_the_example_does_on_each_version() -> None:
    shown = page("detach-partition-concurrently")

    assert [each.label for each in shown.effects] == ["PostgreSQL 13", "PostgreSQL 14 to 18"]
    assert "Blocks reads and writes of screenings_2024" in shown.effects[1].sentences
    assert page("too-new").effects[0].raised
    assert not page("too-new").effects[-1].raised


def test_a_page_without_an_example_says_the_rest() -> None:
    shown = page("not-understood")

    assert (shown.example, shown.effects) == (None, ())
    assert "{" not in shown.message + shown.advice


def test_an_unknown_rule_has_no_page() -> None:
    with pytest.raises(KeyError):
        page("no-such-rule")


@pytest.mark.parametrize(
    ("words", "rule"),
    [
        ("not null", "set-not-null"),
        ("CONCURRENTLY partition", "concurrent-on-partitioned"),
        ("predicted-blocking", "predicted-blocking"),
        ("gen_random_uuid", "add-volatile-default"),
    ],
)
def test_rules_are_found_by_their_words_and_examples(words, rule) -> None:
    assert rule in [each.id for each in found(words)]


def test_a_search_for_nonsense_finds_nothing_and_for_nothing_all() -> None:
    assert found("zzz qqq") == []
    assert len(found("  ")) == len(RULES)
