"""What changed, in words and lines."""

import json
from datetime import UTC

from hypothesis import given
from hypothesis import strategies as st

from migrations_portal.plans.changes import field_changes, file_changes

CONTENT = {
    "title": "Add consent",
    "target": "production",
    "level": "HIGH",
    "phi": True,
    "scheduled_for": "2026-11-11T17:00:00+00:00",
    "documentation": {
        "purpose": "Track consent",
        "tables_affected": "patients",
        "expected_seconds": 10,
        "rollback_procedure": "Drop it",
        "verification_steps": "A query",
        "risk_mitigation": "Short locks",
        "communication_plan": "Support",
        "justification": "JIRA-1",
    },
    "checks": [],
    "backup_policy": "full dump",
}


def changed(**more):
    documentation = {**CONTENT["documentation"], **more.pop("documentation", {})}
    return json.dumps({**CONTENT, "documentation": documentation, **more})


def sentences(after):
    return [each.sentence for each in field_changes(json.dumps(CONTENT), after, zone=UTC)]


def test_the_same_content_has_no_changes():
    assert sentences(json.dumps(CONTENT)) == []


def test_short_answers_are_told_both_ways_and_long_ones_are_named():
    assert sentences(changed(documentation={"expected_seconds": 25})) == [
        "Expected execution time: 10 s, now 25 s"
    ]
    assert sentences(changed(documentation={"purpose": "x" * 200})) == [
        "Migration purpose and scope is worded differently"
    ]
    assert sentences(changed(level="CRITICAL", phi=False)) == [
        "Risk: high, now critical",
        "Touches PHI: yes, now no",
    ]
    assert sentences(changed(scheduled_for="2026-11-12T17:00:00+00:00")) == [
        "T-0: Wed 11 Nov 2026, 17:00 UTC, now Thu 12 Nov 2026, 17:00 UTC"
    ]


def test_new_checks_an_executor_and_an_emergency_are_changes():
    after = changed(
        executor="dora@x.example",
        emergency={"reason": "Wrong rows", "until": "x"},
        checks=[{"name": "rows", "sql": "SELECT 1", "expected": "1"}],
    )

    assert sentences(after) == [
        "Executor: nothing, now dora@x.example",
        "Emergency: nothing, now Wrong rows",
        "Check “rows”: nothing, now SELECT 1 must return 1",
    ]


def test_files_that_came_went_and_changed():
    found = file_changes({"a.js": "1\n2\n", "b.js": "x"}, {"a.js": "1\n3\n", "c.js": "new"})

    assert [(each.name, each.word) for each in found] == [
        ("a.js", "changed"),
        ("b.js", "removed"),
        ("c.js", "new"),
    ]
    assert [(line.kind, line.text, line.number) for line in found[0].lines] == [
        ("", "1", 1),
        ("del", "2", 2),
        ("add", "3", 2),
    ]


def test_a_change_that_no_line_shows_is_said():
    (found,) = file_changes({"a.js": "1"}, {"a.js": "1\n"})

    assert "Only blanks" in found.lines[0].text


@given(st.lists(st.text("ab \n", max_size=5)), st.lists(st.text("ab \n", max_size=5)))
def test_removed_and_added_lines_account_for_every_difference(before, after):
    old, new = "\n".join(before), "\n".join(after)
    for each in file_changes({"f": old}, {"f": new}):
        added = sum(line.kind == "add" for line in each.lines)
        removed = sum(line.kind == "del" for line in each.lines)
        assert len(old.splitlines()) - removed + added == len(new.splitlines())
