"""The plans with which the demo opens: written, submitted, signed and sent back by its people, through the services.

Nothing is made up that the portal proves by itself: files are really assessed, rehearsals are left to the worker, and no run
is pretended. What people did lies some days back, by the clock that the services take; the ledger says when it was written.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path

from migrations_portal.approvals import services as approvals
from migrations_portal.approvals.models import Seat
from migrations_portal.approvals.policy import EMERGENCY_AT_MOST, Stage
from migrations_portal.approvals.rules import Decision
from migrations_portal.demo.cast import CAST
from migrations_portal.people.models import Person
from migrations_portal.people.rules import Role
from migrations_portal.plans import queries
from migrations_portal.plans import services as plans
from migrations_portal.plans.models import MigrationPlan
from migrations_portal.plans.ports import ScriptChecker
from migrations_portal.plans.rules import Documentation
from migrations_portal.runbooks import preview
from migrations_portal.runbooks.tools import Tools
from migrations_portal.targets.models import Target

FOLDER = Path(__file__).resolve().parent / "customer" / "story"
EVIDENCE = approvals.Evidence(
    ip="127.0.0.1",
    user_agent="make demo",
    factors="none: written by the demo's story",
)
ANSWERS = Documentation(
    tables_affected="",
    purpose="",
    expected_seconds=20,
    rollback_procedure="The file's own way down; nothing is lost that was there before.",
    verification_steps="The application's own checks after the deploy, and the portal's standard ones.",
    risk_mitigation="Short attempts to take the lock, outside of school hours.",
    communication_plan="Customer support is told at T-3; the schools see nothing of it.",
    justification="",
)


KNOWN = {
    "tested-in-development": "Run on the development database, up and down",
    "emergency-contacts-confirmed": "Called the numbers on the incident page",
}


@dataclass(frozen=True)
class Scene:
    """One plan, and how far its people took it."""

    title: str
    file: str
    purpose: str
    ticket: str
    tables: str
    begun_days_ago: float = 4
    runs_in_days: float = 9
    """Real days, so that nothing of it grows late while somebody looks around."""
    submitted: bool = True
    signs: tuple[Role, ...] = ()
    """Who signs T-7, in this order."""
    rejected: tuple[Role, str] | None = None
    withdrawn: str = ""
    emergency: str = ""
    """Why it cannot wait; nobody has confirmed it yet."""


SCENES = (
    Scene(
        "Add the severity of an allergy",
        "20260105000000-add-allergy-severity.js",
        "The nurse sees severe allergies first.",
        "JIRA-1301",
        "patients",
        signs=(Role.DBA,),
    ),
    Scene(
        "Mark schools that have closed",
        "20260112000000-add-school-open.js",
        "Closed schools stay on record and leave the lists.",
        "JIRA-1310",
        "schools",
        begun_days_ago=3,
        runs_in_days=10,
    ),
    Scene(
        "Correct the time zone of schools in Illinois",
        "20260119000000-correct-time-zone-of-illinois.js",
        "Reminders go out at the right hour.",
        "JIRA-1322",
        "schools",
        begun_days_ago=2,
        runs_in_days=11,
    ),
    Scene(
        "Link students to their counselor",
        "20260126000000-link-students-to-their-counselor.js",
        "A student's page names the counselor.",
        "JIRA-1330",
        "students",
        begun_days_ago=1,
        runs_in_days=12,
    ),
    Scene(
        "Index health records by day",
        "20260202000000-index-health-records-by-day.js",
        "The daily report takes seconds, not minutes.",
        "JIRA-1341",
        "health_records",
        begun_days_ago=5,
        rejected=(
            Role.DBA,
            "This index is built under a lock that stops every write on health_records. Build it CONCURRENTLY.",
        ),
    ),
    Scene(
        "Rename the home language of students",
        "20260209000000-rename-home-language.js",
        "One word for it everywhere.",
        "JIRA-1350",
        "students",
        submitted=False,
        withdrawn="The application of today reads the old name. This has to go in phases, as the assessment says.",
    ),
    Scene(
        "Index consents by the day they were given",
        "20260216000000-index-consents-by-day.js",
        "",
        "JIRA-1360",
        "",
        begun_days_ago=0.2,
        submitted=False,
    ),
    Scene(
        "Let the phone number of a school be longer",
        "20260223000000-longer-phone-of-schools.js",
        "Schools with a number from abroad can be saved again.",
        "JIRA-1371",
        "schools",
        begun_days_ago=0.1,
        runs_in_days=0.75,
        emergency="Since this morning no school with a number from abroad can be saved, and its nurses see no student.",
    ),
)


@dataclass
class Narrator:
    """Lets the cast act. `now` is the present; every act lies before it."""

    target: Target
    tools: Tools
    checker: ScriptChecker
    now: datetime
    day: timedelta
    public_url: str
    cast: dict[Role, Person] = field(init=False)

    def __post_init__(self) -> None:
        """Look the people up."""
        people = {person.email: person for person in Person.objects.all()}
        self.cast = {player.role: people[player.email] for player in CAST}

    def tell(self) -> int:
        """Tell what is not there yet, by its title; return how many plans were made."""
        told = set(MigrationPlan.objects.values_list("title", flat=True))
        missing = [scene for scene in SCENES if scene.title not in told]
        for scene in missing:
            self._tell(scene)
        return len(missing)

    def _tell(self, scene: Scene) -> None:
        begun = self.now - timedelta(days=scene.begun_days_ago)
        plan = self._written(scene, at=begun)
        if scene.withdrawn:
            approvals.withdraw(
                plan_id=plan.pk,
                by=self.cast[Role.ENGINEER],
                reason=scene.withdrawn,
                now=begun + timedelta(hours=2),
                day=self.day,
                public_url=self.public_url,
            )
        if not scene.submitted:
            return
        self._assess(plan)
        at = begun + timedelta(hours=1)
        self._submit(plan, scene, at=at)
        self._tick(plan, at=at)
        for number, role in enumerate(scene.signs, start=1):
            self._decide(
                plan, role, "Read; nothing blocks users for long.", at=at + timedelta(hours=number)
            )
        if scene.rejected:
            role, reason = scene.rejected
            later = at + timedelta(hours=3)
            self._decide(plan, role, reason, at=later, decision=Decision.REJECT)

    def _submit(self, plan: MigrationPlan, scene: Scene, *, at: datetime) -> None:
        verb: Callable[..., object] = approvals.submit
        more: dict[str, object] = {}
        if scene.emergency:
            verb = approvals.submit_emergency
            more = {"reason": scene.emergency, "until": at + EMERGENCY_AT_MOST}
        verb(
            plan_id=plan.pk,
            by=self.cast[Role.ENGINEER],
            now=at,
            day=self.day,
            public_url=self.public_url,
            **more,
        )

    def _written(self, scene: Scene, *, at: datetime) -> MigrationPlan:
        ana = self.cast[Role.ENGINEER]
        plan = plans.create(title=scene.title, target=self.target, by=ana, now=at)
        file = plans.Upload(name=scene.file, content=(FOLDER / scene.file).read_bytes())
        plans.put_files(plan_id=plan.pk, by=ana, uploads=[file], checker=self.checker, now=at)
        plan.refresh_from_db()
        answers = replace(
            ANSWERS,
            tables_affected=scene.tables,
            purpose=scene.purpose,
            justification=f"{scene.ticket}: {scene.purpose}" if scene.purpose else "",
        )
        return plans.edit(
            plan_id=plan.pk,
            by=ana,
            title=scene.title,
            scheduled_for=(self.now + timedelta(days=scene.runs_in_days)).replace(
                minute=0, second=0, microsecond=0
            ),
            documentation=answers,
            checks=[],
            version=plan.version,
            now=at,
        )

    def _assess(self, plan: MigrationPlan) -> None:
        """Have the files assessed here and now, as a worker does it."""
        waiting = queries.current_assessment(plan)
        if waiting is not None and waiting.done_at is None:
            preview.assess_plan(assessment_id=waiting.pk, tools=self.tools, clock=lambda: self.now)

    def _tick(self, plan: MigrationPlan, *, at: datetime) -> None:
        """Tick what Ana knows when she submits; the rest of the list stays open, and some of it is her next task."""
        for key, note in KNOWN.items():
            plans.tick(plan_id=plan.pk, key=key, by=self.cast[Role.ENGINEER], note=note, now=at)

    def _decide(
        self,
        plan: MigrationPlan,
        role: Role,
        reason: str,
        *,
        at: datetime,
        decision: Decision = Decision.APPROVE,
    ) -> None:
        seat = Seat.objects.select_related("revision").get(
            revision__plan=plan, role=str(role), stage=str(Stage.REVIEW), voided_at=None
        )
        approvals.sign_off(
            seat_id=seat.pk,
            by=self.cast[role],
            decision=decision,
            reason=reason,
            digest=seat.revision.digest,
            evidence=EVIDENCE,
            now=at,
            day=self.day,
            public_url=self.public_url,
        )
