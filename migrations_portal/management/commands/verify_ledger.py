"""`manage.py verify_ledger`: checks the ledger in the database against its signed checkpoints in the store."""

from typing import Any

from django.core.management.base import CommandError, CommandParser

from migrations_portal import wiring
from migrations_portal.audit import checks
from migrations_portal.audit.ports import CheckpointStoreUnavailable
from migrations_portal.management.base import PortalCommand


class Command(PortalCommand):
    help = "Check every entry, link, column and checkpoint; end with 1 and name the first bad entry when one does not hold."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take where to begin, and whether to do without the store."""
        parser.add_argument("--after", type=int, default=0, help="begin after this entry")
        parser.add_argument(
            "--without-store",
            action="store_true",
            help="trust the checkpoints' copies in the database",
        )

    def handle(self, *_args: Any, after: int, without_store: bool, **_options: Any) -> None:
        """Check, and say what was found."""
        store = None if without_store else wiring.checkpoint_store()
        try:
            found = checks.verify(store=store, after=after, progress=self._tell)
        except CheckpointStoreUnavailable as away:
            raise CommandError(
                f"{away.sentence} Or check without it: --without-store.", returncode=2
            ) from None
        if not found.intact:
            where = f"first bad entry: {found.first_bad}; " if found.first_bad else ""
            raise CommandError(f"HARM {where}kind: {found.harm}. {found.sentence}", returncode=1)
        self.stdout.write(
            f"HOLDS: {found.entries} entries to {found.last}; signed checkpoints reach {found.signed_to}. Head {found.head}."
        )

    def _tell(self, count: int) -> None:
        self.stderr.write(f"{count} entries …")
