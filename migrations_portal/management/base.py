"""What the portal's commands have in common: without a database that can be used they say so, and what to do."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import OperationalError, ProgrammingError

NOT_DONE = 2
"""The exit status of a command that could not do what it was asked for."""


class PortalCommand(BaseCommand):
    """A command on the portal's database."""

    def execute(self, *args: Any, **options: Any) -> str | None:
        """Run the command. Raises `CommandError` with status 2 when the database is away, or has no tables yet."""
        try:
            return super().execute(*args, **options)
        except OperationalError as failure:
            told = "The portal's database does not answer"
            todo = "Start it, or mend WCO_DATABASE_URL, and try again."
            raise CommandError(
                f"{told}: {_first_line(failure)}. {todo}", returncode=NOT_DONE
            ) from failure
        except ProgrammingError as failure:
            told = "The portal's database is not laid out for this version"
            todo = "Run “manage.py migrate” as its owner, and try again."
            raise CommandError(
                f"{told}: {_first_line(failure)}. {todo}", returncode=NOT_DONE
            ) from failure


def _first_line(failure: Exception) -> str:
    return str(failure).strip().split("\n", 1)[0].rstrip(".")
