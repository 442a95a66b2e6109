import json
from pathlib import Path

from migrations_portal.audit.rules import EXTENSION_KEY, MIGRATION_RECORD_SCHEMA, RECORD_KEYS

FILE = Path(__file__).resolve().parents[2] / "docs" / "reference" / "migration-record.schema.json"


def test_the_published_schema_is_the_one_that_entries_are_held_to():
    assert json.loads(FILE.read_text()) == MIGRATION_RECORD_SCHEMA


def test_it_knows_the_thirteen_keys_of_the_spec_and_one_of_ours():
    assert len(RECORD_KEYS) == 13
    assert set(MIGRATION_RECORD_SCHEMA["properties"]) == {*RECORD_KEYS, EXTENSION_KEY}
