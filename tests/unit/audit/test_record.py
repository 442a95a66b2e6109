import pytest

from migrations_portal.audit.export import cell
from migrations_portal.audit.rules import RECORD_KEYS, RecordInvalid, check_record

SPEC_EXAMPLE = {
    "timestamp": "2025-11-03T10:30:00Z",
    "executor": "database-admin@whitecross.health",
    "migration": "20251103000000-add-patient-consent-tracking.js",
    "environment": "production",
    "database": "white_cross_production",
    "tables_affected": ["patients", "consents"],
    "phi_impact": True,
    "justification": "JIRA-1234: Add patient consent tracking for HIPAA compliance",
    "backup_location": "s3://white-cross-backups/2025/11/03/pre-migration-103000.dump",
    "duration_seconds": 45,
    "status": "success",
    "verification_status": "passed",
    "rollback_tested": True,
}


def test_the_example_of_the_spec_is_a_valid_record_with_exactly_its_keys():
    assert check_record(SPEC_EXAMPLE) == SPEC_EXAMPLE
    assert set(RECORD_KEYS) == set(SPEC_EXAMPLE)


@pytest.mark.parametrize("key", list(SPEC_EXAMPLE))
def test_a_record_without_one_of_its_keys_is_refused_by_name(key):
    with pytest.raises(RecordInvalid, match=key):
        check_record({name: value for name, value in SPEC_EXAMPLE.items() if name != key})


def test_a_record_with_a_key_of_its_own_is_refused():
    with pytest.raises(RecordInvalid, match="extra"):
        check_record({**SPEC_EXAMPLE, "extra": 1})


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
def test_a_cell_never_begins_as_a_formula(start):
    assert cell(f"{start}1+1").startswith("'")
