"""`manage.py rehearse PLAN|FILE… --target NAME`: up, down and up again on a copy, before a plan is opened or in CI."""

import hashlib
import json
import re
import secrets
import sys
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError, CommandParser

from migrations_portal import wiring
from migrations_portal.execution.ports import ApprovedFile, Bundle
from migrations_portal.kernel.errors import ProductError
from migrations_portal.management.base import PortalCommand
from migrations_portal.plans import queries as plan_queries
from migrations_portal.plans.models import MigrationPlan
from migrations_portal.rehearsals import rules, services
from migrations_portal.rehearsals.rules import RehearsalStatus, TestClass
from migrations_portal.runbooks import rehearsal
from migrations_portal.targets.models import Target

PLAN = re.compile(r"(?:WC-)?(\d+)", re.IGNORECASE)
MARKS = {True: "ok", False: "FAILED", None: "not tried"}


class Command(PortalCommand):
    help = (
        "Rehearse a plan, or migration files with --target, on a copy of the target. "
        "Exit 1 when a test class failed, 2 when it could not be carried out."
    )
    requires_system_checks = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "what",
            nargs="+",
            metavar="PLAN|FILE",
            help="WC-12, or files in the order in which they run",
        )
        parser.add_argument(
            "--target", metavar="NAME", help="the target that the files are meant for"
        )
        parser.add_argument("--json", action="store_true", help="print the whole result as JSON")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            result = self._rehearse(options["what"], target=options["target"])
        except ProductError as trouble:
            raise CommandError(trouble.sentence, returncode=2) from trouble
        if options["json"]:
            self.stdout.write(json.dumps(result, indent=2))
        else:
            self._print(result)
        if not rules.all_passed(result):
            sys.exit(1)

    def _rehearse(self, what: list[str], *, target: str | None) -> dict[str, Any]:
        plan = PLAN.fullmatch(what[0])
        if plan and len(what) == 1 and not target:
            return self._plan(int(plan[1]))
        if not target:
            raise CommandError(
                "Say which target the files are meant for: --target NAME.", returncode=2
            )
        return self._files([Path(each) for each in what], target=target)

    def _plan(self, plan_id: int) -> dict[str, Any]:
        plan = MigrationPlan.objects.filter(pk=plan_id).first()
        if plan is None:
            raise CommandError(f"There is no plan WC-{plan_id}.", returncode=2)
        row = services.ask(
            plan=plan, revision=plan_queries.newest_revision(plan), by=None, now=wiring.clock()
        )
        rehearsal.execute(
            rehearsal_id=row.pk,
            worker="manage.py rehearse",
            tools=wiring.tools(),
            clock=wiring.clock,
        )
        row.refresh_from_db()
        if row.status != RehearsalStatus.DONE:
            raise CommandError(row.problem or "Another worker took the rehearsal.", returncode=2)
        return dict(row.result)

    def _files(self, paths: list[Path], *, target: str) -> dict[str, Any]:
        found = Target.objects.select_related("drill_target").filter(name=target).first()
        if found is None:
            raise CommandError(f"There is no target named {target}.", returncode=2)
        missing = [str(path) for path in paths if not path.is_file()]
        if missing:
            raise CommandError(f"There is no file {', '.join(missing)}.", returncode=2)
        contents = [(path.name, path.read_bytes()) for path in paths]
        files = tuple(
            ApprovedFile(name, content, hashlib.sha256(content).hexdigest())
            for name, content in contents
        )
        tools = wiring.tools()
        result, _ = rehearsal.rehearse(
            bundle=Bundle(tools.projects / found.project, files),
            target=found,
            tools=tools,
            affected=[],
            checks=[],
            owner=f"command-{secrets.token_hex(4)}",
            clock=wiring.clock,
            say=self._say,
        )
        return result

    def _say(self, phase: str) -> None:
        self.stderr.write(phase)

    def _print(self, result: dict[str, Any]) -> None:
        self.stdout.write(f"Rehearsed {rules.one_line(result)}")
        for each in result["verdicts"]:
            title = TestClass(each["key"]).title
            self.stdout.write(f"  {MARKS[each['passed']]:<10}{title}. {each['sentence']}")
        for each in result["findings"]:
            self.stdout.write(f"  {each['tone']:<10}{each['title']}. {each['advice']}")
