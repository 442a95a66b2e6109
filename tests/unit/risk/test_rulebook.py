"""The table of rules and the code that uses it agree."""

import ast
from pathlib import Path

import pytest

import migrations_portal.risk as engine
from migrations_portal.risk import RULES, Finding, Level
from migrations_portal.risk.render import Text
from migrations_portal.risk.rule_pages import reference_page

FOLDER = Path(engine.__file__).parent
LITERALS = {
    node.value
    for file in FOLDER.rglob("*.py")
    for node in ast.walk(ast.parse(file.read_text()))
    if isinstance(node, ast.Constant) and isinstance(node.value, str)
}
BUILT = {"update-all-rows", "update-rows", "delete-all-rows", "delete-rows"}


def test_every_rule_is_used() -> None:
    assert set(RULES) - LITERALS - BUILT == set()


def test_every_rule_that_is_named_exists() -> None:
    named = set()
    for file in FOLDER.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Call) and getattr(node.func, "attr", getattr(node.func, "id", "")) in (
                "find", "add", "_find", "_finding", "_rule",
            ):  # fmt: skip
                named |= {
                    a.value
                    for a in node.args
                    if isinstance(a, ast.Constant)
                    and isinstance(a.value, str)
                    and "-" in a.value.lstrip("-")
                    and not a.value.startswith("-")
                }
    assert len(named) > 100
    assert named <= set(RULES)


@pytest.mark.parametrize("rule", RULES.values(), ids=lambda rule: rule.id)
def test_a_rule_says_what_why_and_what_instead(rule) -> None:
    assert all([rule.title, rule.why, rule.safe_way, rule.area])
    assert rule.message.endswith((".", "}"))
    finding = Finding(rule.id, Level.LOW)
    assert all([finding.message, finding.advice])


def test_safe_sql_quotes_names_that_need_it() -> None:
    values = {
        "table": "public.Visits",
        "column": "reasonCode",
        "type": "text",
        "default": Text(None),
    }
    finding = Finding("set-not-null", Level.MEDIUM, values)

    assert finding.safe_sql.splitlines()[0] == (
        'ALTER TABLE public."Visits" ADD CONSTRAINT "reasonCode_set" CHECK ("reasonCode" IS NOT NULL) NOT VALID;'
    )
    assert finding.message.startswith("Makes public.Visits.reasonCode NOT NULL")


def test_the_reference_page_is_made_from_the_rules() -> None:
    page = Path(__file__).parents[3] / "docs" / "reference" / "risk-rules.md"
    assert page.read_text() == reference_page()
