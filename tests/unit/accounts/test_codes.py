import base64
from datetime import UTC, datetime, timedelta

import pytest

from migrations_portal.accounts.rules import (
    FactorKeyMissing,
    code_at,
    matching_step,
    new_recovery_codes,
    plain,
    spaced,
    step_at,
)
from migrations_portal.accounts.sealing import seal, unseal

SECRET = base64.b32encode(b"12345678901234567890").decode()
NOON = datetime(2026, 3, 2, 12, 0, 10, tzinfo=UTC)


@pytest.mark.parametrize(
    ("seconds", "code"),
    [
        (59, "94287082"),
        (1111111109, "07081804"),
        (1111111111, "14050471"),
        (1234567890, "89005924"),
        (2000000000, "69279037"),
        (20000000000, "65353130"),
    ],
)
def test_the_codes_are_those_of_rfc_6238_appendix_b(seconds, code):
    step = step_at(datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds))

    assert code_at(secret=SECRET, step=step, digits=8) == code


@pytest.mark.parametrize(
    ("drift", "taken"), [(-90, False), (-30, True), (0, True), (30, True), (90, False)]
)
def test_a_phone_may_be_one_step_off(drift, taken):
    code = code_at(secret=SECRET, step=step_at(NOON + timedelta(seconds=drift)))

    found = matching_step(secret=SECRET, code=code, now=NOON, after=0)

    assert (found is not None) == taken


def test_a_used_code_and_older_ones_are_refused():
    used = step_at(NOON)

    for step in (used - 1, used):
        code = code_at(secret=SECRET, step=step)
        assert matching_step(secret=SECRET, code=code, now=NOON, after=used) is None
    newer = code_at(secret=SECRET, step=used + 1)
    assert matching_step(secret=SECRET, code=newer, now=NOON, after=used) == used + 1


@pytest.mark.parametrize("typed", ["", "12345", "1234567", "abcdef", "１２３４５６", "\0" * 6])
def test_anything_else_is_no_code(typed):
    assert matching_step(secret=SECRET, code=plain(typed), now=NOON, after=0) is None


def test_the_secret_is_stored_encrypted_and_opens_with_its_key_only():
    sealed = seal(SECRET, key="k" * 32)

    assert SECRET not in sealed
    assert unseal(sealed, key="k" * 32) == SECRET
    for wrong in ("K" * 32, "short", ""):
        with pytest.raises(FactorKeyMissing):
            unseal(sealed, key=wrong)


def test_ten_recovery_codes_differ_and_can_be_typed_in_groups():
    codes = new_recovery_codes()

    assert len(set(codes)) == 10
    assert all(plain(spaced(code).lower().replace(" ", "-")) == code for code in codes)
