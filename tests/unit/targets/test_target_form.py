"""What an administrator may write about a target."""

from dataclasses import replace

import pytest

from migrations_portal.targets.rules import TargetForm, TargetRefused, check_target

GOOD = TargetForm(
    name="School health",
    environment="PRODUCTION",
    host="db.whitecross.example",
    port=5432,
    database="school",
    credential="school-production",
    project="school-health",
    time_zone="America/New_York",
    smoke_addresses=("https://staging.whitecross.example/health",),
    traffic_hook="https://app.whitecross.example:8443/maintenance",
)


def test_a_good_one_is_kept():
    check_target(GOOD)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", ""),
        ("name", "<b>"),
        ("host", "user:secret@db.example"),
        ("host", "db.example/x"),
        ("host", "a b"),
        ("credential", "../other"),
        ("credential", "a/b"),
        ("project", "/etc"),
        ("project", "a/../../b"),
        ("environment", "TEST"),
        ("time_zone", "Mars/Olympus"),
        ("watch_seconds", -1),
        ("watch_seconds", 3601),
        ("traffic_credential", "a b"),
        ("traffic_hook", "https://user:secret@app.example/hook"),
        ("traffic_hook", "ftp://app.example/hook"),
        ("smoke_addresses", ("javascript:alert(1)",)),
        ("smoke_addresses", ("https://a.example/../x",)),
        ("smoke_addresses", ("https://a.example:99999/",)),
        ("smoke_addresses", tuple(f"https://a{n}.example/" for n in range(21))),
    ],
)
def test_what_cannot_be_names_its_field(field, value):
    with pytest.raises(TargetRefused) as refused:
        check_target(replace(GOOD, **{field: value}))

    assert refused.value.field == field
    assert "secret" not in refused.value.sentence
