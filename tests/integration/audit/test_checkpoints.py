"""Checkpoints: when they are made, what happens when the store or the key is away, new keys, and holding runs."""

from datetime import timedelta

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import connection

from migrations_portal.adapters.signing import KeyFileSigner, new_private_key
from migrations_portal.audit import checkpoints, checks, freezes
from migrations_portal.audit.models import Checkpoint, Freeze
from migrations_portal.audit.ports import SigningFailed
from migrations_portal.audit.rules import LEDGER_RETENTION
from migrations_portal.compliance import guard
from migrations_portal.notifications.models import Notice
from tests.ledger_kit import LedgerKit

URL = "http://127.0.0.1"


@pytest.fixture
def kit(db: None) -> LedgerKit:
    return LedgerKit()


def test_a_checkpoint_is_due_after_five_minutes_or_a_thousand_entries_also_when_nothing_came(kit):
    assert checkpoints.is_due(now=kit.now)
    kit.sign()
    assert not checkpoints.is_due(now=kit.now + timedelta(minutes=4, seconds=59))
    assert checkpoints.is_due(now=kit.now + timedelta(minutes=5))
    kit.write(999)
    assert not checkpoints.is_due(now=kit.now)
    kit.write(1)
    assert checkpoints.is_due(now=kit.now)

    kit.sign()
    kit.sign()

    spans = list(Checkpoint.objects.order_by("number").values_list("first", "seq"))
    assert spans == [(1, 0), (1, 1000), (1001, 1000)]
    assert checks.verify(store=kit.store).intact


def test_a_long_stretch_is_signed_in_pieces_of_a_thousand(kit):
    kit.write(2_001)

    kit.sign()

    assert list(Checkpoint.objects.order_by("number").values_list("first", "seq")) == [
        (1, 1000),
        (1001, 2000),
        (2001, 2001),
    ]
    assert checks.verify(store=kit.store).signed_to == 2_001


def test_each_is_kept_seven_years(kit):
    kit.sign()

    (kept,) = kit.store.versions[1]

    assert kept.retain_until == Checkpoint.objects.get().at + LEDGER_RETENTION
    assert timedelta(days=2557) <= LEDGER_RETENTION


def test_while_the_store_is_away_they_wait_and_are_caught_up_in_order(kit):
    kit.store.away = True
    kit.write(3)
    kit.sign()
    kit.sign()
    assert Checkpoint.objects.filter(stored_at=None).count() == 2
    assert "away" in Checkpoint.objects.get(number=1).problem

    kit.store.away = False
    assert checkpoints.store_waiting(store=kit.store, now=kit.now) == 2

    assert [each.number for each in kit.store.read([1, 2])] == [1, 2]
    assert not Checkpoint.objects.filter(stored_at=None).exists()


@pytest.mark.parametrize(
    ("level", "phi", "held"),
    [("LOW", False, False), ("MEDIUM", False, False), ("LOW", True, True), ("HIGH", False, True), ("CRITICAL", False, True)],
)  # fmt: skip
def test_after_half_an_hour_of_silence_runs_of_high_risk_and_on_phi_wait(kit, level, phi, held):
    kit.sign()
    soon, late = kit.now + timedelta(minutes=29), kit.now + timedelta(minutes=30)

    assert freezes.reasons_to_hold(level=level, phi=phi, now=soon) == []
    assert bool(freezes.reasons_to_hold(level=level, phi=phi, now=late)) is held


def test_people_are_warned_after_ten_minutes_once(kit, cast):
    kit.sign()

    for minutes in (9, 10, 11, 40):
        guard.warn_of_silence(now=kit.now + timedelta(minutes=minutes), public_url=URL)

    mails = Notice.objects.filter(template="ledger_alarm")
    assert sorted(mails.values_list("recipient", flat=True)) == [
        "cleo@whitecross.example",
        "sam@whitecross.example",
    ]


def test_an_older_copy_of_the_database_holds_all_runs_until_a_person_lets_them_go(kit, cast):
    kit.write(2)
    kit.sign()
    kit.store.keep(2, b"{}", retain_until=kit.now)

    agrees = guard.compare_with_store(store=kit.store, now=kit.now, public_url=URL)
    guard.compare_with_store(store=kit.store, now=kit.now, public_url=URL)

    assert not agrees
    (freeze,) = Freeze.objects.all()
    assert "older copy" in freeze.sentence
    assert freezes.reasons_to_hold(level="LOW", phi=False, now=kit.now) == [freeze.sentence]
    assert Notice.objects.filter(template="ledger_alarm").count() == 2

    with pytest.raises(freezes.ReasonForLiftingMissing):
        freezes.lift(freeze_id=freeze.pk, by=cast["cleo"], reason=" ", now=kit.now)
    assert freezes.lift(
        freeze_id=freeze.pk, by=cast["cleo"], reason="Restored on purpose.", now=kit.now
    )
    assert not freezes.lift(freeze_id=freeze.pk, by=cast["sam"], reason="Again.", now=kit.now)

    assert freezes.reasons_to_hold(level="LOW", phi=False, now=kit.now) == []


def test_a_checkpoint_that_is_another_in_the_store_is_found(kit, cast):
    kit.write(1)
    kit.sign()
    (kept,) = kit.store.versions[1]
    kit.store.versions[1] = [type(kept)(1, kept.content.replace(b"clock", b"cl0ck"), "v0", None)]

    assert "not the one" in checkpoints.behind(store=kit.store)
    assert checks.verify(store=kit.store).harm == "re-sign"


def test_a_key_that_nobody_introduced_does_not_sign(kit):
    kit.sign()
    kit.signer = KeyFileSigner(new_private_key())

    with pytest.raises(SigningFailed, match="rotate_ledger_key"):
        kit.sign()


def test_a_new_key_is_introduced_by_the_old_one_and_both_are_kept(kit, cast, settings, tmp_path):
    pem, new = new_private_key(), tmp_path / "new.pem"
    new.write_text(pem)
    old_pem = new_private_key()
    kit.signer = KeyFileSigner(old_pem)
    kit.write(2)
    kit.sign()
    settings.ENV = settings.ENV.model_copy(
        update={"ledger_key": type(settings.ENV.ledger_key)(old_pem), "ledger_kms_key": ""}
    )

    call_command("rotate_ledger_key", str(new))

    successor = KeyFileSigner(pem)
    assert checkpoints.known_keys() == [kit.signer.public_key(), successor.public_key()]
    with pytest.raises(SigningFailed):
        kit.sign()
    kit.signer = successor
    kit.now = Checkpoint.objects.order_by("-number").first().at
    kit.sign()
    assert checks.verify(store=kit.store).intact


def test_a_file_that_is_no_key_is_refused(db, tmp_path):
    (tmp_path / "x").write_text("nonsense")

    with pytest.raises(CommandError, match="PEM"):
        call_command("rotate_ledger_key", str(tmp_path / "x"))


@pytest.mark.parametrize("pem", ["", "nonsense", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"])  # fmt: skip
def test_a_broken_key_is_said_with_what_to_do(pem):
    with pytest.raises(SigningFailed, match="openssl"):
        KeyFileSigner(pem)


def test_the_app_role_holds_no_key(db):
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM information_schema.columns WHERE table_schema = 'public' AND column_name ~ 'private|pem'"
        )

        assert cursor.fetchone() == (0,)
