"""`manage.py doctor`: everything that a run needs, tried for real."""

from typing import Any

from django.core.management.base import CommandError, CommandParser

from migrations_portal import wiring
from migrations_portal.management.base import PortalCommand
from migrations_portal.management.examination import examine


class Command(PortalCommand):
    help = "Check every prerequisite of the portal and of each target, and say how to mend what is missing. Exit 1 for a fault."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take one target's name, or look at everything."""
        parser.add_argument("--target", default="", help="look at this target only")

    def handle(self, *_args: Any, target: str, **_options: Any) -> None:
        """Print one line per finding."""
        faults = 0
        for each in examine(now=wiring.clock(), target=target):
            word = "ok  " if each.ok else ("WARN" if each.warning else "FAIL")
            faults += word == "FAIL"
            self.stdout.write(f"{word} {each.name}: {each.sentence}")
        if faults:
            things = "1 thing has" if faults == 1 else f"{faults} things have"
            raise CommandError(f"{things} to be mended before runs can be trusted.")
