"""Two texts are one statement when only their values differ. Pure."""

import pytest

from migrations_portal.risk.shapes import CUT_FROM, otherwise, shape

ROWS = ", ".join(f"({n}, 'value {n}')" for n in range(2_000))
LONG = f"INSERT INTO t (a, b) VALUES {ROWS}"  # noqa: S608  # our own numbers


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("UPDATE t SET a = 'x' WHERE id = 7", "update t\n set a = '…' where id = -3 -- why"),
        ("INSERT INTO t VALUES (1, NULL)", "INSERT INTO t VALUES (2, 'b'), (3, NULL);"),
        ("SELECT 1 WHERE a IN (1, 2)", "SELECT 1 WHERE a IN ($1, $2, $3)"),
        ("INSERT INTO t VALUES (1, now(), DEFAULT)", "INSERT INTO t VALUES ('…', NOW(), DEFAULT), (2, now(), DEFAULT)"),
        ("UPDATE t SET a = true", "UPDATE t SET a = false"),
        ("ALTER TABLE t ADD a int", 'alter  table t /* new */ add a int'),
        (LONG[:CUT_FROM], "INSERT INTO t (a, b) VALUES ('…', '…')"),
    ],
)  # fmt: skip
def test_the_same_but_for_values(one, other) -> None:
    assert shape(one).same(shape(other))
    assert not otherwise([one], known=[other])


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("UPDATE t SET a = 1", "UPDATE t SET b = 1"),
        ("UPDATE t SET a = 1", "UPDATE t SET a = 1 WHERE id = 2"),
        ("DELETE FROM t WHERE a IS NULL", "DELETE FROM t WHERE a IS NOT NULL"),
        ("ALTER TABLE t ADD a varchar(20)", "ALTER TABLE t ADD a varchar(50)"),
        ("CREATE TABLE p PARTITION OF t FOR VALUES IN (1)", "CREATE TABLE p PARTITION OF t FOR VALUES IN (2)"),
        ('SELECT FROM "T"', "SELECT FROM t"),
    ],
)  # fmt: skip
def test_another_statement(one, other) -> None:
    assert not shape(one).same(shape(other))


def test_a_loop_over_rows_is_one_statement() -> None:
    sent = ["UPDATE t SET a = '…' WHERE id = 1", "UPDATE t SET a = '…' WHERE id = 2"]

    assert not otherwise(sent, known=["UPDATE t SET a = 'x' WHERE id = 1"])


def test_what_is_new_and_what_is_missing_is_told_as_it_was_written() -> None:
    found = otherwise(
        ["ALTER TABLE t\n DROP a", "DROP TABLE u"], known=["ALTER TABLE t DROP a", "TRUNCATE v"]
    )

    assert (found.new, found.missing) == (("DROP TABLE u",), ("TRUNCATE v",))


def test_what_is_known_need_not_come() -> None:
    found = otherwise(["SELECT 1"], known=["SELECT 1", "DROP TABLE u"], expected=["SELECT 1"])

    assert not found


@pytest.mark.parametrize("text", ["SELECT 'never ends", "\x01", "", "DO $$ half"])
def test_what_the_scanner_refuses_is_compared_as_text(text) -> None:
    assert shape(text).same(shape(text))
