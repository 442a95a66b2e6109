"""The rule pages: all of them answer, and are found."""

import pytest

from migrations_portal.risk import RULES


def test_every_rule_has_a_page_with_its_example(cast, production, browser):
    dan = browser("dan")

    for rule in RULES.values():
        answer = dan.get(f"/rules/{rule.id}/")
        page = answer.content.decode()
        assert answer.status_code == 200, rule.id
        assert "The safe form" in page
        assert "{table}" not in page


def test_a_page_shows_danger_safety_and_versions(cast, production, browser):
    page = browser("dan").get("/rules/set-not-null/").content.decode()

    assert '<span class="hl-k">ALTER</span>' in page
    assert "PostgreSQL 13 to 18" in page
    assert "Blocks reads and writes of students" in page
    assert "data-copy=" in page
    assert "VALIDATE CONSTRAINT" in page


@pytest.mark.parametrize(
    ("asked", "there", "not_there"),
    [
        ("?q=concurrently", "/rules/concurrent-in-transaction/", "/rules/rename-column/"),
        ("?q=not+null&level=MEDIUM", "/rules/set-not-null/", "/rules/domain-not-null/"),
        ("?q=%00%27+OR", "No rule fits", "/rules/set-not-null/"),
        ("?level=NONSENSE", "No rule fits", "/rules/set-not-null/"),
        (f"?q={'x' * 5000}", "No rule fits", "/rules/set-not-null/"),
    ],
)
def test_rules_are_searched(cast, browser, asked, there, not_there):
    page = browser("ana").get(f"/rules/{asked}").content.decode()

    assert there in page
    assert not_there not in page


def test_a_rule_that_there_is_not(cast, production, browser):
    assert browser("ana").get("/rules/no-such-rule/").status_code == 404
