"""`manage.py setup_roles`: makes the owner's and the app's role and the portal's database. Done once, harmless when done again."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from migrations_portal.adapters.portal_roles import Login, set_up


class Command(BaseCommand):
    help = (
        "Create the roles and the database that the settings name. Needs WCO_ADMIN_DATABASE_URL, a login that may create"
        " roles and databases; WCO_OWNER_DATABASE_URL and WCO_DATABASE_URL say which roles, with which passwords."
    )
    requires_system_checks = []

    def handle(self, *_args: Any, **_options: Any) -> None:
        """Make what is missing, take away what is too much, and say what there is now."""
        admin, owner = settings.ENV.admin_database_url, settings.DATABASE_OWNER
        if admin is None or owner is None:
            raise CommandError(
                "Set WCO_ADMIN_DATABASE_URL and WCO_OWNER_DATABASE_URL for this command (see .env.example)."
            )
        database = {name: str(value) for name, value in settings.DATABASES["default"].items()}
        if owner["USER"] == database["USER"]:
            raise CommandError(
                "WCO_OWNER_DATABASE_URL and WCO_DATABASE_URL name the same role: the owner and the app have to be two."
            )
        created = set_up(
            str(admin),
            database=database["NAME"],
            owner=Login(owner["USER"], owner["PASSWORD"]),
            app=Login(database["USER"], database["PASSWORD"]),
        )
        self.stdout.write(
            f"Database {database['NAME']} {'was created' if created else 'was there'}; {owner['USER']} owns it, and"
            f" {database['USER']} may not change the ledger. Next: manage.py migrate."
        )
