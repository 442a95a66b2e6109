"""`manage.py seed_demo`: fills the portal's database of the demo. Run by `manage.py demo` at each start."""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from migrations_portal.demo.data_folder import sign_in_password
from migrations_portal.demo.seed_story import seed


class Command(BaseCommand):
    help = (
        "Put the demo's people, targets and contacts into the portal's database (only in the demo)."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Take where the target databases answer."""
        parser.add_argument("--pg-host", default="127.0.0.1")
        parser.add_argument("--pg-port", type=int, required=True)

    def handle(self, *_args: Any, pg_host: str, pg_port: int, **_options: Any) -> None:
        """Put in what is missing; refuse outside the demo, where it would hand out a known password."""
        data: Path | None = settings.ENV.demo_dir
        if data is None:
            raise CommandError("This is for the demo only: WCO_DEMO_DIR is not set.")
        password = sign_in_password(data)
        seed(
            pg_host=pg_host,
            pg_port=pg_port,
            password=password,
            traffic_hook=f"{settings.PUBLIC_URL}/demo/traffic/hook/",
        )
