import pytest

from migrations_portal.risk.reading import why_no_reading_query


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT 1",
        "SELECT count(*) FROM patients WHERE consented IS NULL;",
        "WITH a AS (SELECT 1) SELECT count(*) FROM a -- how many",
        "SELECT 1 UNION SELECT 2",
        "VALUES (1)",
        "TABLE a",
    ],
)
def test_one_query_that_reads_one_value_is_accepted(sql: str) -> None:
    assert why_no_reading_query(sql) == ""


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        ("", "holds 0 statements"),
        ("SELECT 1; DROP TABLE x", "holds 2 statements"),
        ("DELETE FROM patients", "no SELECT"),
        ("EXPLAIN ANALYZE SELECT 1", "no SELECT"),
        ("selec 1", "no SQL"),
        ("WITH d AS (DELETE FROM a RETURNING 1) SELECT count(*) FROM d", "DELETE inside"),
        ("SELECT (SELECT 1 FROM (WITH m AS (UPDATE a SET b = 1 RETURNING 1) TABLE m) x)", "UPDATE"),
        ("SELECT 1 INTO t", "makes a table"),
        ("SELECT id FROM a FOR UPDATE", "locks rows"),
        ("SELECT a, b FROM c", "2 columns"),
        ("VALUES (1, 2)", "2 columns"),
        ("SELECT 1 \0", "NUL"),
    ],
)
def test_anything_else_is_refused_with_the_reason(sql: str, said: str) -> None:
    assert said in why_no_reading_query(sql)


def test_a_query_nested_deeply_ends_in_a_sentence_and_not_in_a_fault() -> None:
    assert isinstance(why_no_reading_query(f"SELECT {'(' * 50_000}1{')' * 50_000}"), str)
