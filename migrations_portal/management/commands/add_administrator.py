"""`manage.py add_administrator E-MAIL NAME --group GROUP`: the first administrator of a group, who invites everybody else."""

from typing import Any

from django.conf import settings
from django.core.management.base import CommandError, CommandParser

from migrations_portal import wiring
from migrations_portal.accounts import beginning
from migrations_portal.kernel.errors import ProductError
from migrations_portal.management.base import PortalCommand


class Command(PortalCommand):
    help = "Make somebody the first administrator of a group of targets; a mail brings them a link to choose a password."

    def add_arguments(self, parser: CommandParser) -> None:
        """Take who, and for which group."""
        parser.add_argument("email")
        parser.add_argument("name")
        parser.add_argument(
            "--group", required=True, help="made when it is not there, such as “School health”"
        )

    def handle(self, *_args: Any, email: str, name: str, group: str, **_options: Any) -> None:
        """Give the role, or say why not."""
        try:
            person = beginning.first_administrator(
                email=email,
                full_name=name,
                group_name=group,
                now=wiring.clock(),
                public_url=settings.PUBLIC_URL,
            )
        except ProductError as error:
            raise CommandError(error.sentence) from error
        self.stdout.write(
            f"{person.full_name} administers {group}. "
            "Without a password yet, they get a link by mail once a worker for notices runs."
        )
