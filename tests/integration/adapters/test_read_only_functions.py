"""The list of functions that are taken for reads is held against the server's own catalogue."""

import os
from pathlib import Path

import psycopg

from migrations_portal.execution import function_calls
from migrations_portal.execution.function_calls import read_only

FOUND = """
SELECT proname, bool_or(provolatile = 'v') AS volatile FROM pg_proc
 WHERE pronamespace = 'pg_catalog'::regnamespace AND proname = ANY (%s) GROUP BY 1
"""
CHANGES = {
    "setval", "nextval", "pg_notify", "lo_unlink", "lo_create", "lo_put", "lowrite", "lo_import", "lo_export",
    "pg_logical_emit_message", "pg_create_restore_point", "pg_switch_wal", "pg_terminate_backend", "pg_cancel_backend",
    "pg_reload_conf", "query_to_xml", "cursor_to_xml", "ts_stat", "ts_rewrite", "pg_stat_reset", "pg_promote",
    "pg_import_system_collations", "brin_summarize_new_values", "gin_clean_pending_list", "pg_drop_replication_slot",
}  # fmt: skip
"""Functions of PostgreSQL's own that change something, or carry out a text that may."""


def test_only_what_the_server_calls_stable_or_our_second_list_names_counts_as_a_read() -> None:
    with psycopg.connect(os.environ["WCO_TEST_PG_DSN"]) as session:
        found = dict(session.execute(FOUND, [sorted(read_only())]).fetchall())
    volatile = {name for name, is_volatile in found.items() if is_volatile}

    assert len(found) > 500  # the rest came with a newer version
    assert volatile == {name for name in found if name in _our_own_word()}
    assert not CHANGES & read_only()


def _our_own_word() -> set[str]:
    """Return the names of the list's second part."""
    text = Path(function_calls.__file__).with_name("read_only_functions.txt").read_text()
    return set(text.split("the session alone.")[1].split())
