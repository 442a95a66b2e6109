"""What holds for every script: more statements never make it safer, and how it is written changes nothing."""

import hypothesis.strategies as st
from hypothesis import given, settings

from migrations_portal.risk import ScriptFile, assess
from migrations_portal.risk.way_back import shape
from tests.unit.risk.kit import SCHEMA, assessed
from tests.unit.risk.test_levels_of_the_strategy import CRITICAL, HIGH, LOW, MEDIUM

POOL = st.sampled_from([*LOW, *MEDIUM, *HIGH, *CRITICAL])
SCRIPTS = st.lists(POOL, min_size=1, max_size=5)
COMMENTS = st.sampled_from(
    [
        " ",
        "\n",
        "\t",
        " -- ; DROP TABLE x\n",
        " /* ; ' \" $$ */ ",
        "\n\n-- why\n",
        "/* a /* b */ c */",
    ]
)


def _facts(sql: str, **options):
    found = assessed(sql, **options)
    statements = [
        (s.level, s.locks, s.rewrites, s.scans, sorted(f.rule for f in s.findings))
        for s in found.statements
    ]
    return found.level, found.phi, found.tables, found.pattern, statements


@given(SCRIPTS, POOL, st.sampled_from([None, True, False]))
def test_a_statement_added_at_the_end_never_lowers_the_level(script, more, one_transaction) -> None:
    before = assessed("; ".join(script), one_transaction=one_transaction)
    after = assessed("; ".join([*script, more]), one_transaction=one_transaction)
    assert after.level.at_least(before.level) or one_transaction is None
    assert [s.locks for s in after.statements][: len(before.statements)] == [
        s.locks for s in before.statements
    ]


@given(SCRIPTS, st.lists(COMMENTS, min_size=12, max_size=12), st.booleans())
def test_comments_and_white_space_change_nothing(script, blanks, shout) -> None:
    plain = "; ".join(script)
    spaced = "".join(
        f"{blank}{text.replace(' ', blank, 1)};{blank}"
        for text, blank in zip(script, blanks, strict=False)
    )
    assert _facts(plain, phi_tables=["students"]) == _facts(spaced, phi_tables=["students"])


@given(st.sampled_from([*LOW, *MEDIUM, *HIGH]), st.sampled_from([*LOW, *MEDIUM, *HIGH]))
def test_two_files_are_as_risky_as_the_riskier_one(one, other) -> None:
    both = assess([ScriptFile("1.sql", one), ScriptFile("2.sql", other)], schema=SCHEMA)
    assert both.level.at_least(assessed(one).level)


@settings(max_examples=300)
@given(
    st.text(max_size=200)
    | st.binary(max_size=200).map(lambda raw: raw.decode("utf-8", "surrogateescape"))
)
def test_any_text_gets_an_answer(text) -> None:
    found = assessed(text)
    assert found.reason.endswith((".", ")", "…", "}", "]")) or found.reason
    assert found.as_json()["level"] == found.level.value


@settings(max_examples=300)
@given(SCRIPTS, st.data())
def test_a_script_cut_anywhere_gets_an_answer(script, data) -> None:
    text = "; ".join(script)
    cut = (
        text[: data.draw(st.integers(0, len(text)))] + text[data.draw(st.integers(0, len(text))) :]
    )
    assert assessed(cut).as_json()["statements"] is not None


@given(SCRIPTS)
def test_an_assessment_leaves_the_schema_as_it_was(script) -> None:
    before = shape(SCHEMA)
    domains = {key: dict(kind.constraints) for key, kind in SCHEMA.types.items()}
    assessed("; ".join([*script, "ALTER DOMAIN free_text ADD CHECK (VALUE <> '')"]))
    assert shape(SCHEMA) == before
    assert {key: kind.constraints for key, kind in SCHEMA.types.items()} == domains
