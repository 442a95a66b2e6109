"""`manage.py tell_demo_story`: the plans with which the demo opens. Run by `manage.py demo` at each start; harmless when repeated."""

from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from migrations_portal import wiring
from migrations_portal.demo.customer.customer import PRODUCTION
from migrations_portal.demo.data_folder import STORY_FILE
from migrations_portal.demo.story import Narrator
from migrations_portal.targets.models import Target


class Command(BaseCommand):
    help = "Write the demo's first plans, through the services, in the names of the demo's people (only in the demo)."

    def handle(self, *_args: Any, **_options: Any) -> None:
        """Write what is missing; refuse outside the demo, where it would act in people's names."""
        data: Path | None = settings.ENV.demo_dir
        if data is None:
            raise CommandError("This is for the demo only: WCO_DEMO_DIR is not set.")
        narrator = Narrator(
            target=Target.objects.get(name=PRODUCTION),
            tools=wiring.tools(),
            checker=wiring.script_checker(),
            now=wiring.clock(),
            day=wiring.day(),
            public_url=settings.PUBLIC_URL,
        )
        self.stdout.write(f"{narrator.tell()} plans were written.")
        (data / STORY_FILE).touch()
