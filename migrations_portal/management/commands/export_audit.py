"""`manage.py export_audit --by E-MAIL --purpose TEXT FORM FILE`: an export on the command line, recorded as any other."""

from datetime import UTC, datetime
from pathlib import Path
from shutil import copyfileobj
from typing import Any

from django.core.management.base import CommandError, CommandParser

from migrations_portal import wiring
from migrations_portal.audit.queries import LedgerFilter
from migrations_portal.compliance import exports
from migrations_portal.compliance.models import Export
from migrations_portal.compliance.rules import ExportForm
from migrations_portal.kernel.errors import ProductError
from migrations_portal.management.base import PortalCommand
from migrations_portal.people.models import Person
from migrations_portal.plans import queries as plan_queries
from migrations_portal.targets import queries as target_queries


class Command(PortalCommand):
    help = "Write the ledger (CSV, JSONL, PDF, BUNDLE), or the evidence pack of a plan (EVIDENCE --plan N), into a file."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take who asks, what for, and what."""
        parser.add_argument("form", choices=[str(each) for each in ExportForm])
        parser.add_argument("file", type=Path)
        parser.add_argument("--by", required=True, help="e-mail of the person who asks")
        parser.add_argument("--purpose", required=True)
        parser.add_argument("--plan", type=int)
        parser.add_argument("--since", type=_day, help="YYYY-MM-DD, UTC")
        parser.add_argument("--until", type=_day, help="before this day")

    def handle(self, *_args: Any, file: Path, **asked: Any) -> None:
        """Ask, make, and write the file."""
        try:
            row = self._ask(asked)
            claimed = exports.claim(export_id=row.pk, now=wiring.clock())
            if claimed is not None:
                url = ""
                exports.make(
                    claimed, tools=wiring.export_tools(), clock=wiring.clock, public_url=url
                )
            row.refresh_from_db()
            if not row.sha256:
                raise CommandError(
                    row.problem or "A worker makes it already; fetch it on its page."
                )
            with exports.opened(row, vault=wiring.vault()) as stream, file.open("wb") as out:
                copyfileobj(stream, out)
        except ProductError as refusal:
            raise CommandError(refusal.sentence) from None
        self.stdout.write(f"{file}: {row.size} bytes, sha256 {row.sha256}")

    def _ask(self, asked: dict[str, Any]) -> Export:
        by = Person.objects.filter(email__iexact=asked["by"], is_active=True).first()
        if by is None:
            raise CommandError(f"There is no active person {asked['by']}.")
        plan = plan_queries.get(plan_id=asked["plan"], person=by) if asked["plan"] else None
        return exports.ask(
            by=by,
            form=ExportForm(asked["form"]),
            targets=target_queries.ledger_targets(person=by),
            wanted=LedgerFilter(plan=asked["plan"], since=asked["since"], until=asked["until"]),
            purpose=asked["purpose"],
            now=wiring.clock(),
            plan=plan if asked["form"] == ExportForm.EVIDENCE else None,
        )


def _day(text: str) -> datetime:
    return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC)
