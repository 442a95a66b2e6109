"""Locks and scans of forms that few migrations use. The servers' answers are in tests/oracle/laboratory; these say the rules one by one."""

import pytest

from migrations_portal.risk import schema_from_dump
from tests.unit.risk.kit import assessed, only, rules

SCHEMA = schema_from_dump("""
CREATE TYPE public.pair AS (one text, two text);
CREATE TABLE public.log (what text);
CREATE FUNCTION public.note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO public.log VALUES ('x'); RETURN NULL; END $$;
CREATE TABLE public.a (id integer PRIMARY KEY, n integer, t text UNIQUE);
CREATE TABLE public.b (id integer PRIMARY KEY, a_id integer REFERENCES public.a ON DELETE CASCADE);
CREATE TRIGGER a_note AFTER UPDATE ON public.a FOR EACH ROW EXECUTE FUNCTION public.note();
CREATE TRIGGER a_empty AFTER TRUNCATE ON public.a FOR EACH STATEMENT EXECUTE FUNCTION public.note();
CREATE RULE b_too AS ON INSERT TO public.b DO ALSO INSERT INTO public.log VALUES ('b');
CREATE TABLE public.top (x integer NOT NULL, y integer, CONSTRAINT top_y CHECK (y > 0));
CREATE TABLE public.side (z integer);
CREATE TABLE public.mid () INHERITS (public.top, public.side);
CREATE TABLE public.low () INHERITS (public.mid);
CREATE TABLE public.p (k text, v integer, PRIMARY KEY (k, v)) PARTITION BY LIST (k);
CREATE TABLE public.p_a PARTITION OF public.p FOR VALUES IN ('a');
CREATE TABLE public.p_b PARTITION OF public.p FOR VALUES IN ('b') PARTITION BY HASH (v);
CREATE TABLE public.p_b_0 PARTITION OF public.p_b FOR VALUES WITH (MODULUS 1, REMAINDER 0);
CREATE TABLE public.holder (k text, v integer, FOREIGN KEY (k, v) REFERENCES public.p);
""")
EVERY = (13, 14, 15, 16, 17, 18)


def locks(sql: str, version: int = 18) -> dict[str, str]:
    """The strongest lock that a script takes on each table, by the table's short name."""
    found: dict[str, str] = {}
    for statement in assessed(sql, schema=SCHEMA, server_version=version).statements:
        found |= {name.removeprefix("public."): mode for name, mode in statement.locks.items()}
    return found


def scanned(sql: str, version: int = 18) -> set[str]:
    statements = assessed(sql, schema=SCHEMA, server_version=version).statements
    return {name.removeprefix("public.") for statement in statements for name in statement.scans}


@pytest.mark.parametrize("version", EVERY)
def test_a_trigger_that_is_switched_off_writes_nothing(version: int) -> None:
    update = "UPDATE a SET n = 1 WHERE id = 1"
    assert "log" in locks(update, version)
    assert "log" not in locks(f"ALTER TABLE a DISABLE TRIGGER a_note; {update}", version)
    assert "log" not in locks(f"ALTER TABLE a ENABLE REPLICA TRIGGER a_note; {update}", version)
    replayed = f"SET session_replication_role = replica; {update}"
    assert "log" not in locks(replayed, version)
    assert "log" in locks(f"ALTER TABLE a ENABLE ALWAYS TRIGGER a_note; {replayed}", version)


def test_a_rule_that_is_switched_off_adds_nothing() -> None:
    insert = "INSERT INTO b VALUES (1, NULL)"
    assert "log" in locks(insert)
    assert "log" not in locks(f"ALTER TABLE b DISABLE RULE b_too; {insert}")


def test_foreign_keys_fall_silent_with_all_triggers_but_not_with_those_of_users() -> None:
    delete = "DELETE FROM a WHERE id = 1"
    assert "b" in locks(delete)
    assert "b" in locks(f"ALTER TABLE a DISABLE TRIGGER USER; {delete}")
    assert "b" not in locks(f"ALTER TABLE a DISABLE TRIGGER ALL; {delete}")
    assert "b" in locks(
        f"ALTER TABLE a DISABLE TRIGGER ALL; ALTER TABLE a ENABLE TRIGGER ALL; {delete}"
    )


def test_truncate_sets_off_its_own_triggers() -> None:
    assert locks("TRUNCATE a CASCADE")["log"] == "RowExclusiveLock"
    assert "log" not in locks("ALTER TABLE a DISABLE TRIGGER a_empty; TRUNCATE a CASCADE")


@pytest.mark.parametrize("version", EVERY)
def test_a_table_that_has_the_new_column_already_hands_nothing_down(version: int) -> None:
    assert set(locks("ALTER TABLE side ADD COLUMN y integer", version)) == {"side", "mid"}
    assert set(locks("ALTER TABLE side ADD COLUMN w integer", version)) == {"side", "mid", "low"}


def test_a_check_or_not_null_of_a_merged_column_is_looked_for_in_the_rows_below() -> None:
    assert scanned("ALTER TABLE side ADD COLUMN y integer CHECK (y > 1)", 13) == {
        "side",
        "mid",
        "low",
    }
    required = "ALTER TABLE side ADD COLUMN y integer NOT NULL DEFAULT 5"
    assert scanned(required, 18) == {"mid", "low"}
    assert scanned(required, 17) == set()


@pytest.mark.parametrize("version", EVERY)
def test_only_leaves_the_constraint_to_the_next_tables_below_which_are_locked(version: int) -> None:
    assert set(locks("ALTER TABLE ONLY top DROP CONSTRAINT top_y", version)) == {"top", "mid"}


def test_not_null_is_a_constraint_of_its_own_since_18() -> None:
    assert scanned("ALTER TABLE top ADD CONSTRAINT c NOT NULL y NO INHERIT") == {"top"}
    handed = "ALTER TABLE top ADD CONSTRAINT c NOT NULL y NO INHERIT; ALTER TABLE top ALTER CONSTRAINT c INHERIT"
    assert scanned(handed) == {"top", "mid", "low"}
    unnamed = "ALTER TABLE top ALTER CONSTRAINT top_x_not_null NO INHERIT"
    assert set(locks(unnamed)) == {"top", "mid"}
    drop = "ALTER TABLE top DROP CONSTRAINT top_x_not_null"
    assert "missing-object" not in rules(drop, schema=SCHEMA, server_version=18)
    assert "missing-object" in rules(drop, schema=SCHEMA, server_version=17)


def test_a_virtual_column_is_computed_for_not_null_and_never_written() -> None:
    add = "ALTER TABLE a ADD COLUMN z integer GENERATED ALWAYS AS (n * 2) VIRTUAL"
    assert scanned(add) == set()
    assert scanned(f"{add} NOT NULL") == {"a"}
    changed = assessed(
        f"{add}; ALTER TABLE a ALTER COLUMN z TYPE bigint", schema=SCHEMA, server_version=18
    )
    assert not any(statement.rewrites for statement in changed.statements)


def test_a_search_for_null_reads_the_table_unless_no_row_can_be_null() -> None:
    assert scanned("SELECT 1 FROM a WHERE t IS NULL") == {"a"}
    assert scanned("SELECT 1 FROM a WHERE id IS NULL", 16) == set()
    assert scanned("SELECT 1 FROM a WHERE t = 'x'") == set()


def test_a_sample_of_pages_is_a_lock_but_no_scan() -> None:
    assert locks("SELECT * FROM a TABLESAMPLE SYSTEM (10)") == {"a": "AccessShareLock"}
    assert scanned("SELECT * FROM a TABLESAMPLE SYSTEM (10)") == set()
    assert scanned("SELECT * FROM a TABLESAMPLE BERNOULLI (10)") == {"a"}


def test_a_table_that_is_there_already_is_filled_from_nothing() -> None:
    assert scanned("CREATE TABLE IF NOT EXISTS a AS SELECT * FROM b") == set()
    assert scanned("CREATE TABLE IF NOT EXISTS fresh AS SELECT * FROM b") == {"b"}


def test_only_keeps_analyze_and_vacuum_to_one_table_since_18() -> None:
    assert set(locks("VACUUM ONLY top", 18)) == {"top"}
    assert locks("ANALYZE ONLY p", 18) == {
        "p": "ShareUpdateExclusiveLock", "p_a": "AccessShareLock", "p_b_0": "AccessShareLock",
    }  # fmt: skip
    assert locks("ANALYZE p", 18)["p_a"] == "ShareUpdateExclusiveLock"


def test_cluster_of_a_partitioned_table_locks_the_partitions_that_hold_rows() -> None:
    assert set(locks("CLUSTER p USING p_pkey")) == {"p", "p_a", "p_b_0"}


def test_detaching_two_levels_down_looks_at_every_bound_above() -> None:
    found = locks("ALTER TABLE p_b DETACH PARTITION p_b_0 CONCURRENTLY")
    assert (found["p"], found["holder"]) == ("AccessShareLock", "AccessExclusiveLock")


@pytest.mark.parametrize(
    ("query", "read"),
    [
        ("SELECT 1 FROM p, b WHERE p.v = b.id AND p.k = 'a'", {"p", "p_a", "b"}),
        ("SELECT 1 FROM p JOIN holder h ON h.k = p.k WHERE h.k = 'a'", {"p", "p_a", "holder"}),
        ("SELECT 1 FROM p LEFT JOIN b ON p.k = 'a' AND b.id = p.v", {"p", "p_a", "p_b", "p_b_0", "b"}),
        ("SELECT 1 FROM b LEFT JOIN p ON b.id = p.v WHERE p.k IS NULL", {"p", "p_a", "p_b", "p_b_0", "b"}),
        ("SELECT 1 FROM p JOIN b ON b.id = p.v AND p.k IN ('b')", {"p", "p_b", "p_b_0", "b"}),
    ],
)  # fmt: skip
def test_a_join_rules_out_the_partitions_that_its_conditions_name(
    query: str, read: set[str]
) -> None:
    assert set(locks(query)) == read


def test_a_row_that_moves_to_a_table_of_unknown_partitions_may_reach_each_of_them() -> None:
    found = locks("UPDATE p SET k = 'b' WHERE k = 'a'")
    assert {found["p_b"], found["p_b_0"]} == {"RowExclusiveLock"}


def test_a_comment_on_an_attribute_of_a_type_locks_no_table() -> None:
    assert locks("COMMENT ON COLUMN pair.one IS 'x'") == {}
    assert locks("COMMENT ON COLUMN a.n IS 'x'") == {"a": "ShareUpdateExclusiveLock"}


MADE = [
    "FOREACH t IN ARRAY ARRAY['a', 'b'] LOOP EXECUTE format('ALTER TABLE %I ADD COLUMN z integer', t); END LOOP",
    "FOR t IN SELECT unnest(ARRAY['a', 'b']) LOOP EXECUTE 'ALTER TABLE ' || t || ' ADD COLUMN z integer'; END LOOP",
    "FOREACH t IN ARRAY names LOOP q := concat('ALTER TABLE ', quote_ident(t), ' ADD z integer'); EXECUTE q; END LOOP",
    "t := 'a'; IF true THEN t := 'b'; END IF; EXECUTE format('ALTER TABLE %1$s ADD COLUMN %1$s_z integer', t)",
]
UNKNOWN = [
    "SELECT what INTO t FROM log; EXECUTE 'ALTER TABLE ' || t || ' ADD COLUMN z integer'",
    "FOR t IN SELECT what FROM log LOOP EXECUTE format('ALTER TABLE %I ADD COLUMN z integer', t); END LOOP",
    "t := 'a'; GET DIAGNOSTICS t = PG_CONTEXT; EXECUTE 'ALTER TABLE ' || t || ' ADD COLUMN z integer'",
    "names := names || t; FOREACH t IN ARRAY names LOOP EXECUTE 'ALTER TABLE ' || t || ' ADD z integer'; END LOOP",
    "EXECUTE 'ALTER TABLE ' || current_user || ' ADD COLUMN z integer'",
]  # fmt: skip


def _block(body: str) -> str:
    return f"DO $$ DECLARE t text; q text; names text[] := ARRAY['a', 'b']; BEGIN {body}; END $$"


@pytest.mark.parametrize("body", MADE)
def test_sql_that_a_body_puts_together_from_its_own_literals_is_read(body: str) -> None:
    said = only(_block(body), schema=SCHEMA)
    assert {said.locks["public.a"], said.locks["public.b"]} == {"AccessExclusiveLock"}
    assert "dynamic-sql" not in {finding.rule for finding in said.findings}


@pytest.mark.parametrize("body", UNKNOWN)
def test_sql_that_is_put_together_from_anything_else_cannot_be_seen(body: str) -> None:
    said = only(_block(body), schema=SCHEMA)
    assert "public.a" not in said.locks
    assert "dynamic-sql" in {finding.rule for finding in said.findings}
