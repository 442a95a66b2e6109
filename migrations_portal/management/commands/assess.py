"""`manage.py assess FILE…`: how risky a migration is, and why, from the SQL itself and the schema it meets."""

import argparse
import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from migrations_portal import risk, wiring
from migrations_portal.kernel.errors import ProductError
from migrations_portal.risk import command_line
from migrations_portal.runbooks.preview import MAJOR, SIZES
from migrations_portal.targets.models import Target


class Command(BaseCommand):
    help = "Say how risky a migration is, and why. Exit 1 when --fail-on is reached, 2 for unusable input."
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        command_line.add_arguments(parser)
        parser.add_argument(
            "--target",
            metavar="NAME",
            help="take schema, sizes, version and PHI tables from this target's live catalogue",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        chosen = argparse.Namespace(**options)
        if chosen.target and chosen.schema:
            raise CommandError("Give --schema or --target, not both.", returncode=2)
        try:
            live = _live(chosen.target) if chosen.target else {}
            code = command_line.run(
                chosen, out=self.stdout, colour=_has_colour(self, chosen), **live
            )
        except ProductError as trouble:
            raise CommandError(trouble.sentence, returncode=2) from trouble
        if code:
            sys.exit(code)


def _has_colour(command: Command, options: argparse.Namespace) -> bool:
    return bool(options.force_color) or (command.stdout.isatty() and not options.no_color)


def _live(name: str) -> dict[str, Any]:
    """Read what a target's catalogue says; no row of a table is read."""
    target = Target.objects.filter(name=name).first()
    if target is None:
        raise CommandError(f"There is no target named {name}.", returncode=2)
    tools = wiring.tools()
    endpoint = tools.endpoint(target)
    with tools.server.session(endpoint, application_name="wcops-assess") as session:
        version = int(session.rows(MAJOR)[0]["major"])
        sizes = {
            row["name"]: risk.RelationSize(rows=row["rows"], bytes=row["bytes"])
            for row in session.rows(SIZES)
        }
    schema = risk.schema_from_dump(tools.dump.schema(endpoint), sizes=sizes)
    return {"schema": schema, "server_version": version, "phi_tables": target.phi_tables}
