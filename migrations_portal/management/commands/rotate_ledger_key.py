"""`manage.py rotate_ledger_key NEW.pem`: the present key introduces the next one, so that old signatures stay good (L12)."""

from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser
from django.db import transaction

from migrations_portal import wiring
from migrations_portal.adapters.signing import public_hex
from migrations_portal.audit import checkpoints, services
from migrations_portal.audit.ports import CheckpointStoreUnavailable, SigningFailed
from migrations_portal.audit.rules import PORTAL, Draft, EntryKind
from migrations_portal.management.base import PortalCommand


class Command(PortalCommand):
    help = "Sign a checkpoint with the present key that introduces the key of the file. Then give the workers the new key."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take the file of the new key."""
        parser.add_argument("file", type=Path, help="the new key, public or private, in PEM form")

    def handle(self, *_args: Any, file: Path, **_options: Any) -> None:
        """Introduce the key, and say how to go on."""
        try:
            new = public_hex(file.read_text(encoding="utf-8"))
            old = wiring.ledger_signer().public_key()
            self._introduce(new, old=old)
        except (SigningFailed, CheckpointStoreUnavailable) as trouble:
            raise CommandError(trouble.sentence) from None
        except (OSError, UnicodeDecodeError) as error:
            raise CommandError(f"{file} cannot be read: {error}") from None
        self.stdout.write(
            f"From now on only {new} signs. Give the workers its private key (WCO_LEDGER_KEY_FILE or WCO_LEDGER_KMS_KEY),"
            " start them anew, tell your auditors the new key, and destroy the old private key."
        )

    def _introduce(self, new: str, *, old: str) -> None:
        now = wiring.clock()
        with transaction.atomic():
            services.append(
                Draft(
                    kind=EntryKind.LEDGER_KEY_CHANGED,
                    actor=PORTAL,
                    sentence="The ledger got a new key.",
                    facts={"old": old, "new": new},
                )
            )
        checkpoints.make(
            signer=wiring.ledger_signer(),
            reason=checkpoints.ROTATION,
            now=now,
            introduces=[new],
        )
