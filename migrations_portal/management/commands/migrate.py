"""`manage.py migrate`, as the owner of the tables; afterwards the app's role gets its rights on what is new."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from django.conf import settings
from django.core.management.commands import migrate
from django.db import connections

from migrations_portal.adapters import portal_roles


class Command(migrate.Command):
    help = migrate.Command.help + " Done as the owner of the tables (WCO_OWNER_DATABASE_URL)."

    def handle(self, *args: Any, **options: Any) -> None:
        """Migrate as the owner, then give the app's role its rights. Without an owner's login, say what is missing."""
        alias = options["database"]
        if settings.DATABASE_OWNER is None:
            super().handle(*args, **options)
            self.stderr.write(
                "WCO_OWNER_DATABASE_URL is not set: the tables belong to the role that the portal itself uses, so only "
                "triggers guard the ledger. See docs/reference/deployment.md and `manage.py setup_roles`."
            )
            return
        with as_owner(alias) as owner:
            super().handle(*args, **options)
            if owner != settings.DATABASE_APP:
                portal_roles.grant_rights(_executing(alias), app=settings.DATABASE_APP)


@contextmanager
def as_owner(alias: str) -> Iterator[str]:
    """Connect as the owner of the tables for a while; yield the owner's name."""
    connection, owner = connections[alias], settings.DATABASE_OWNER or {}
    login = {name: connection.settings_dict[name] for name in ("USER", "PASSWORD")}
    connection.close()
    connection.settings_dict.update(owner)
    try:
        yield str(owner["USER"])
    finally:
        connection.close()
        connection.settings_dict.update(login)


def _executing(alias: str) -> portal_roles.Execute:
    def execute(statement: Any, values: Sequence[Any]) -> list[tuple[Any, ...]]:
        with connections[alias].cursor() as cursor:
            cursor.execute(statement, values or None)
            return cursor.fetchall() if cursor.description else []

    return execute
