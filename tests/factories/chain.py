"""People who act on a chain, with a clock that the test moves."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from migrations_portal.approvals import services
from migrations_portal.approvals.models import Seat
from migrations_portal.approvals.rules import Decision
from migrations_portal.notifications.models import Notice
from migrations_portal.people.models import Person
from migrations_portal.plans.models import MigrationPlan
from tests.clock import DAY, NOON

URL = "http://127.0.0.1:8000"
DESK = services.Evidence(ip="127.0.0.1", user_agent="tests", factors="password")
NAMES = {
    "DBA": "dan",
    "TECH_LEAD": "tess",
    "CTO": "carla",
    "EXECUTIVE": "eve",
    "SECURITY_OFFICER": "sam",
    "COMPLIANCE_OFFICER": "cleo",
    "PRIVACY_OFFICER": "petra",
}
"""Role → who of the cast holds it."""


@dataclass
class Story:
    """One plan, the cast, and the time now."""

    cast: dict[str, Person]
    plan: MigrationPlan
    now: datetime = NOON
    door: dict[str, object] = field(default_factory=lambda: {"day": DAY, "public_url": URL})

    def seat(self, stage: str, role: str) -> Seat:
        return Seat.objects.select_related("revision").get(
            revision__plan=self.plan,
            revision__number=self.fresh.revision,
            stage=stage,
            role=role,
            voided_at=None,
        )

    @property
    def fresh(self) -> MigrationPlan:
        self.plan.refresh_from_db()
        return self.plan

    @property
    def status(self) -> str:
        return self.fresh.status

    def sign(
        self, stage: str, role: str, by: str = "", *, decision: Decision = Decision.APPROVE
    ) -> Seat:
        seat = self.seat(stage, role)
        return services.sign_off(
            seat_id=seat.pk,
            by=self.cast[by or NAMES[role]],
            decision=decision,
            reason="Read and understood",
            digest=seat.revision.digest,
            evidence=DESK,
            now=self.now,
            **self.door,
        )

    def sign_stage(self, stage: str) -> None:
        """Everybody of the stage signs."""
        rows = Seat.objects.filter(
            revision__plan=self.plan,
            revision__number=self.fresh.revision,
            stage=stage,
            voided_at=None,
            decision="",
        )
        for seat in rows.order_by("position"):
            self.sign(stage, seat.role)

    def at(self, moment: datetime) -> "Story":
        """Move the clock to an instant, and sweep once."""
        self.now = moment
        self.sweep()
        return self

    def before(self, **span: float) -> "Story":
        """Move the clock to so long before T-0, and sweep once."""
        assert self.fresh.scheduled_for is not None
        return self.at(self.plan.scheduled_for - timedelta(**span))

    def after(self, **span: float) -> "Story":
        """Move the clock to so long after T-0, and sweep once."""
        assert self.fresh.scheduled_for is not None
        return self.at(self.plan.scheduled_for + timedelta(**span))

    def sweep(self, times: int = 1) -> None:
        for _ in range(times):
            services.sweep(now=self.now, **self.door)

    def keep(self) -> None:
        services.keep_seats(now=self.now, **self.door)

    def do(self, verb, by: str, **more: object):
        """Call a verb of the chain about the plan, now."""
        return verb(plan_id=self.plan.pk, by=self.cast[by], now=self.now, **{**self.door, **more})

    def to_approved(self) -> "Story":
        """Go through the whole chain, everybody in time."""
        self.sign_stage("REVIEW")
        self.sign_stage("SECURITY")
        self.before(hours=20)
        self.sign_stage("GO")
        return self


def mails(template: str, *, to: str = "") -> list[Notice]:
    """Return the mails of a kind in the outbox, in order."""
    rows = Notice.objects.filter(template=template, channel="MAIL")
    if to:
        rows = rows.filter(recipient=f"{to}@whitecross.example")
    return list(rows.order_by("pk"))
