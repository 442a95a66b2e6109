"""What a superuser does to the table, and what the offline verifier says of the bundle that is made afterwards."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
from django.db import connection

from migrations_portal.adapters.signing import KeyFileSigner, new_private_key
from migrations_portal.audit import checkpoints, checks, verifier
from migrations_portal.audit.models import Checkpoint
from tests.ledger_kit import LedgerKit

pytestmark = pytest.mark.django_db(transaction=True)

REHASH = """
UPDATE audit_entry SET hash = encode(sha256('\\x00'::bytea || convert_to(canonical, 'UTF8')), 'hex') WHERE seq = {seq}
"""
REWRITE = """
DO $$ DECLARE row record; head text; line text; BEGIN
  SELECT hash INTO head FROM audit_entry WHERE seq = {seq} - 1;
  head := coalesce(head, repeat('0', 64));
  FOR row IN SELECT * FROM audit_entry WHERE seq >= {seq} ORDER BY seq LOOP
    line := regexp_replace(row.canonical, '"prev":"[0-9a-f]{{64}}"', '"prev":"' || head || '"');
    head := encode(sha256('\\x00'::bytea || convert_to(line, 'UTF8')), 'hex');
    UPDATE audit_entry SET canonical = line, hash = head,
      prev_hash = substring(line FROM '"prev":"([0-9a-f]{{64}})"') WHERE seq = row.seq;
  END LOOP;
END $$
"""
LIE = "UPDATE audit_entry SET canonical = replace(canonical, 'Dan Okafor', 'Eve Tanaka') WHERE seq = {seq}"
SWAP = """
CREATE TEMP TABLE kept AS SELECT * FROM audit_entry WHERE seq IN (20, 21);
DELETE FROM audit_entry WHERE seq IN (20, 21);
INSERT INTO audit_entry (seq, at, kind, actor, plan, target, phi, result, canonical, prev_hash, hash)
SELECT 41 - seq, at, kind, actor, plan, target, phi, result, canonical, prev_hash, hash FROM kept;
"""
INSERT = """
ALTER TABLE audit_entry DROP CONSTRAINT audit_entry_pkey;
INSERT INTO audit_entry (seq, at, kind, actor, plan, target, phi, result, canonical, prev_hash, hash)
SELECT seq, at, kind, actor, plan, target, phi, result, line, repeat('f', 64),
       encode(sha256('\\x00'::bytea || convert_to(line, 'UTF8')), 'hex')
FROM (SELECT *, replace(canonical, 'Dan Okafor', 'Eve Tanaka') AS line FROM audit_entry WHERE seq = 30) forged;
"""
RECREATE = """
CREATE TEMP TABLE kept AS SELECT * FROM audit_entry;
TRUNCATE audit_entry;
INSERT INTO audit_entry (seq, at, kind, actor, plan, target, phi, result, canonical, prev_hash, hash)
SELECT seq, at, kind, actor, plan, target, phi, result, replace(canonical, 'Dan Okafor', 'Eve Tanaka'), prev_hash, hash FROM kept;
"""
TAMPERINGS: dict[str, tuple[list[str], str, int]] = {
    "edit": ([LIE.format(seq=17)], "edit", 17),
    "edit and hash anew": ([LIE.format(seq=17), REHASH.format(seq=17)], "edit", 17),
    "delete": (["DELETE FROM audit_entry WHERE seq = 17"], "delete", 17),
    "delete the first": (["DELETE FROM audit_entry WHERE seq = 1"], "delete", 1),
    "delete the last five": (["DELETE FROM audit_entry WHERE seq > 45"], "truncate", 46),
    "swap": ([SWAP], "reorder", 20),
    "insert": ([INSERT], "insert", 30),
    "recompute all": ([LIE.format(seq=17), REWRITE.format(seq=17)], "rewrite", 17),
    "recreate": ([RECREATE, REWRITE.format(seq=1)], "rewrite", 1),
    "empty": (["TRUNCATE audit_entry"], "truncate", 1),
}


@contextmanager
def superuser() -> Iterator[psycopg.Connection]:
    """Take the walls down, as only an owner or a superuser can, and put them up again."""
    name = connection.settings_dict["NAME"]
    with psycopg.connect(os.environ["WCO_TEST_PG_DSN"], dbname=name, autocommit=True) as admin:
        admin.execute("ALTER TABLE audit_entry DISABLE TRIGGER USER")
        try:
            yield admin
        finally:
            admin.execute("TRUNCATE audit_entry")
            if not admin.execute("SELECT 1 FROM pg_constraint WHERE conname = 'audit_entry_pkey'").fetchone():  # fmt: skip
                admin.execute("ALTER TABLE audit_entry ADD PRIMARY KEY (seq)")
            admin.execute("ALTER TABLE audit_entry ENABLE ALWAYS TRIGGER audit_entry_no_change")
            admin.execute("ALTER TABLE audit_entry ENABLE ALWAYS TRIGGER audit_entry_no_truncate")


@pytest.fixture
def kit() -> LedgerKit:
    kit = LedgerKit()
    for _ in range(5):
        kit.write(10)
        kit.sign()
    return kit


def offline(bundle: Path, *, trust: str = "") -> subprocess.CompletedProcess[str]:
    """Run the verifier that lies in the bundle, away from the portal's code and environment."""
    script = bundle.parent / "verify.py"
    script.write_bytes(Path(verifier.__file__).read_bytes())
    named = ["--trust", trust] if trust else []
    return subprocess.run(
        [sys.executable, "-I", str(script), str(bundle), *named],
        capture_output=True, text=True, check=False, cwd=bundle.parent, env={},
    )  # fmt: skip


def test_the_untouched_ledger_is_accepted_offline(kit, tmp_path):
    told = offline(kit.bundle_in(tmp_path), trust=kit.signer.public_key())

    assert told.returncode == 0, told.stdout + told.stderr
    assert told.stdout.startswith("HOLDS: 50 entries (1 to 50), 5 checkpoints.")


@pytest.mark.parametrize("how", TAMPERINGS)
def test_the_offline_verifier_names_the_first_bad_entry_and_the_kind(kit, tmp_path, how):
    statements, kind, seq = TAMPERINGS[how]

    with superuser() as admin:
        for statement in statements:
            admin.execute(statement)
        told = offline(kit.bundle_in(tmp_path), trust=kit.signer.public_key())
        inside = checks.verify(store=kit.store)

    assert told.returncode == 1, told.stdout + told.stderr
    assert told.stdout.startswith(f"HARM first bad entry: {seq}; kind: {kind}.")
    # A forged row beside the true one has columns that cannot all be right, which is what the check inside sees first.
    assert inside.first_bad == seq
    assert inside.harm in ({"insert", "edit"} if how == "insert" else {kind})


def test_whoever_makes_everything_anew_with_a_key_of_their_own_is_found(kit, tmp_path):
    forger = LedgerKit(signer=KeyFileSigner(new_private_key()))

    with superuser() as admin:
        admin.execute(LIE.format(seq=17))
        admin.execute(REWRITE.format(seq=17))
        admin.execute("TRUNCATE audit_checkpoint")
        forger.sign()
        forged = offline(forger.bundle_in(tmp_path), trust=kit.signer.public_key())
        inside = checks.verify(store=kit.store)

    assert forged.returncode == 1
    assert "kind: re-sign" in forged.stdout
    assert (inside.harm, inside.first_bad) == ("rewrite", 17)


def test_a_column_that_does_not_say_what_the_text_says_is_found(kit):
    with superuser() as admin:
        admin.execute("UPDATE audit_entry SET actor = 'nobody@x' WHERE seq = 9")
        inside = checks.verify(store=kit.store)

    assert (inside.harm, inside.first_bad) == ("edit", 9)


def test_copies_of_checkpoints_that_were_changed_in_the_database_are_found(kit):
    with superuser() as admin:
        admin.execute("UPDATE audit_checkpoint SET content = replace(content, 'clock', 'cl0ck')")
        inside = checks.verify(store=kit.store)

    assert inside.harm == "checkpoint"
    assert Checkpoint.objects.count() == 5


def flips(content: bytes) -> range:
    """Every byte when WCO_EVERY_BYTE is set (20 minutes), else each 97th."""
    return range(0, len(content), 1 if os.environ.get("WCO_EVERY_BYTE") else 97)


def rejected(path: Path, content: bytes, key: str) -> bool:
    path.write_bytes(content)
    try:
        verifier.verify(path, trust=[key])
    except (verifier.Harm, *verifier.UNREADABLE):
        return True
    return False


@pytest.fixture
def two_hundred() -> LedgerKit:
    kit = LedgerKit()
    for _ in range(4):
        kit.write(50)
        kit.sign()
    return kit


@pytest.mark.timeout(3600)
def test_each_flipped_byte_of_a_bundle_of_two_hundred_is_rejected(two_hundred, tmp_path):
    path = two_hundred.bundle_in(tmp_path)
    content, key = path.read_bytes(), two_hundred.signer.public_key()
    assert not rejected(path, content, key)

    for at in flips(content):
        broken = bytearray(content)
        broken[at] ^= 1 << at % 8
        assert rejected(path, bytes(broken), key), f"byte {at}"


CHANGES: dict[str, Callable[[list[bytes], int], list[bytes]]] = {
    "dropped": lambda lines, at: lines[:at] + lines[at + 1 :],
    "doubled": lambda lines, at: [*lines[: at + 1], lines[at], *lines[at + 1 :]],
    "swapped": lambda lines, at: [*lines[:at], *lines[at : at + 2][::-1], *lines[at + 2 :]],
}


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("file", [verifier.ENTRIES, verifier.CHECKPOINTS])
def test_each_row_dropped_doubled_or_swapped_is_rejected(two_hundred, tmp_path, file, change):
    files = verifier.open_bundle(two_hundred.bundle_in(tmp_path))
    lines, key = files[file].splitlines(keepends=True), two_hundred.signer.public_key()
    folder = tmp_path / "bundle"
    folder.mkdir()
    for name, content in files.items():
        (folder / name).write_bytes(content)
    assert verifier.verify(folder, trust=[key]).entries == 200

    for at in range(len(lines) - (change == "swapped")):
        (folder / file).write_bytes(b"".join(CHANGES[change](lines, at)))
        with pytest.raises(verifier.Harm) as harm:
            verifier.verify(folder, trust=[key])
        if file == verifier.ENTRIES:
            assert harm.value.seq is not None


def test_a_file_that_was_added_or_left_out_is_named(two_hundred, tmp_path):
    files = verifier.open_bundle(two_hundred.bundle_in(tmp_path))
    for name, content in {**files, "extra.txt": b"x"}.items():
        (tmp_path / name).write_bytes(content)
    (tmp_path / "bundle.zip").unlink()

    with pytest.raises(verifier.Harm, match=r"extra\.txt was added"):
        verifier.verify(tmp_path)
    (tmp_path / "extra.txt").unlink()
    assert verifier.verify(tmp_path).entries == 200
    (tmp_path / "VERIFY.txt").unlink()
    with pytest.raises(verifier.Harm, match=r"VERIFY\.txt was removed"):
        verifier.verify(tmp_path)


@pytest.mark.parametrize("content", [b"", b"PK", b"\x00" * 100, b"hello"])
def test_what_is_no_bundle_is_said_so(tmp_path, content):
    path = tmp_path / "x.zip"
    path.write_bytes(content)

    told = offline(path)

    assert told.returncode == 2
    assert "not a bundle" in told.stdout


def test_the_same_range_gives_the_same_bytes(kit):
    assert kit.bundle(last=50) == kit.bundle(last=50)
    assert json.loads(kit.store.read([1])[0].content)["leaves"]
    assert checkpoints.last_seq() == 50
