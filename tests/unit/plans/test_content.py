"""The digest of a plan's content is another one when anything in it is: the smallest change voids a signature (A4)."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from migrations_portal.plans.commit import Commit
from migrations_portal.plans.rules import Documentation, PlanContent
from migrations_portal.plans.smoke import SmokeCheck

T0 = datetime(2026, 11, 11, 2, 0, tzinfo=UTC)
WORDS = Documentation("a", "b", 20, "c", "d", "e", "f", "JIRA-1")
CONTENT = PlanContent(
    plan=7,
    title="Add consent",
    target="production",
    database="white_cross",
    scheduled_for=T0,
    window_ends_at=None,
    author="ana@x.example",
    level="HIGH",
    phi=False,
    documentation=WORDS,
    files=(("1.js", "0" * 64), ("2.js", "1" * 64)),
    checks=(("Consents", "SELECT 1", "1"),),
    backup_policy="full",
)
CHANGES = {
    "plan": 8,
    "title": "Add consent.",
    "target": "production2",
    "database": "white_cross2",
    "scheduled_for": T0 + timedelta(microseconds=1),
    "window_ends_at": T0,
    "author": "dan@x.example",
    "level": "LOW",
    "phi": True,
    "documentation": replace(WORDS, rollback_procedure="c "),
    "files": (("1.js", "0" * 63 + "1"), ("2.js", "1" * 64)),
    "checks": (("Consents", "SELECT 1", "2"),),
    "backup_policy": "full.",
    "executor": "dan@x.example",
    "emergency": ("It is down", "2026-11-11T03:00:00+00:00"),
    "smoke": (SmokeCheck(name="Health", url="https://x.example/", status=200, text="", seconds=5),),
    "packages": "0" * 64,
    "commit": Commit("0" * 40, ("dan@x.example",)),
}  # fmt: skip


def test_every_part_of_the_content_has_a_change_here():
    assert set(CHANGES) == set(PlanContent.__dataclass_fields__)


@pytest.mark.parametrize("part", CHANGES)
def test_another_value_of_any_part_is_another_digest(part):
    assert replace(CONTENT, **{part: CHANGES[part]}).digest() != CONTENT.digest()


@pytest.mark.parametrize("name", WORDS.__dataclass_fields__)
def test_another_answer_is_another_digest(name):
    other = replace(WORDS, **{name: 21 if name == "expected_seconds" else "another"})
    assert replace(CONTENT, documentation=other).digest() != CONTENT.digest()


def test_the_order_of_the_files_counts_and_the_same_content_has_one_digest():
    assert replace(CONTENT, files=CONTENT.files[::-1]).digest() != CONTENT.digest()
    assert replace(CONTENT).digest() == CONTENT.digest()
