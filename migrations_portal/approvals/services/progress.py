"""Where a revision stands: read once under the plan's lock, changed in memory, and written in one statement per table."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, TypeVar

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import (
    Case,
    Count,
    IntegerField,
    Model,
    OuterRef,
    Subquery,
    Value,
    When,
)
from django.db.models.functions import Coalesce, JSONObject

from migrations_portal.approvals import queries
from migrations_portal.approvals.models import (
    ChainStage,
    Deadline,
    Delegation,
    Invitation,
    Seat,
)
from migrations_portal.approvals.policy import Duty, Stage
from migrations_portal.approvals.rules import Decision
from migrations_portal.kernel.memory import known, remembered
from migrations_portal.people import access
from migrations_portal.people.models import Person
from migrations_portal.plans import checklist
from migrations_portal.plans.models import ChecklistItem, MigrationPlan, PlanRevision
from migrations_portal.rehearsals import queries as rehearsals
from migrations_portal.rehearsals.queries import Verdict

M = TypeVar("M", bound=Model)


@dataclass
class Progress:
    """The seats and stages of the plan's newest revision. Does not decide anything; `save` writes what was changed."""

    plan: MigrationPlan
    revision: PlanRevision
    seats: list[Seat]
    """Those that count, in the order of the chain; each knows who has a live link to it (`asked`)."""
    every: dict[int, Seat]
    """All of the plan's seats, of any revision, void ones too."""
    void: int
    """How many seats of the revision count no more."""
    stages: list[ChainStage]
    """In the order of the timeline."""
    open_keys: list[str]
    """The keys of the checklist's items that are not ticked."""
    verdict: Verdict | None
    """The newest rehearsal, read only for who decides at the go."""
    sign_by: datetime | None
    """When the revision is too old to be decided on (A8); None when that time is over and the plan has ended."""
    decided_lately: int
    """How often the person who decides now decided within the last minute, on any plan."""
    _seats_changed: dict[int, Seat] = field(default_factory=dict)
    _stages_changed: dict[int, ChainStage] = field(default_factory=dict)

    def of(self, stage: str) -> list[Seat]:
        """Return the seats of a stage."""
        return [seat for seat in self.seats if seat.stage == stage]

    def signed(self, stage: str) -> bool:
        """Say whether every seat of the stage is signed."""
        return all(seat.decision == Decision.APPROVE for seat in self.of(stage))

    def open_stage(self, stage: ChainStage, *, now: datetime) -> list[Seat]:
        """Open a stage and its seats; return the seats."""
        stage.opened_at = now
        self._stages_changed[stage.pk] = stage
        for seat in self.of(stage.stage):
            seat.opened_at = now
            self._seats_changed[seat.pk] = seat
        return self.of(stage.stage)

    def complete(self, stage: ChainStage, *, now: datetime) -> None:
        """Let a stage be complete."""
        stage.completed_at = now
        self._stages_changed[stage.pk] = stage

    def decided(self, seat: Seat) -> None:
        """Keep that a decision was put on the seat: who made it acts in no other role from now on."""
        self._seats_changed[seat.pk] = seat
        if (read := known(("decided", seat.revision_id))) is not None:
            read.append(seat)

    def concerned(self) -> list[Person]:
        """Return the author, those who decided, and those who are still asked; see `mails.concerned`."""
        mine = [row for row in self.every.values() if row.revision_id == self.revision.pk]
        found = {self.plan.author_id: self.plan.author}
        found |= {row.decided_by.pk: row.decided_by for row in mine if row.decided_by}
        asked = {each for row in mine if not (row.decision or row.voided_at) for each in row.asked}
        rest = queries.people(asked - found.keys(), group=self.plan.target.group)
        people = [*found.values(), *rest]
        return sorted(people, key=lambda person: person.pk)

    def ticked(self, key: str) -> None:
        """Keep that an item was ticked meanwhile."""
        self.open_keys = [each for each in self.open_keys if each != key]

    def holds(self, stage: ChainStage) -> bool:
        """Say whether items of the checklist that are not ticked keep the stage from passing."""
        return any(checklist.GATES.get(key) == stage.stage for key in self.open_keys)

    def save(self) -> None:
        """Write the seats, then the stages. The guards of PostgreSQL look at each row (migrations 0012 and 0018)."""
        if self._seats_changed:
            Seat.objects.bulk_update(self._seats_changed.values(), _columns(self._seats_changed))
        if self._stages_changed:
            rows = self._stages_changed.values()
            ChainStage.objects.bulk_update(rows, ["opened_at", "completed_at"])
        self._seats_changed, self._stages_changed = {}, {}


DECISION = (
    "decision", "decided_by", "on_behalf_of", "decided_at", "unfillable_since", "printed_name", "signed_digest",
    "reason", "meaning", "factors", "ip", "user_agent",
)  # fmt: skip


def _columns(changed: dict[int, Seat]) -> list[str]:
    """Return what is written: the columns of a decision only when one was made."""
    made = any(seat.decision for seat in changed.values())
    return ["opened_at", *(DECISION if made else ())]


def read(
    plan: MigrationPlan, *, now: datetime, by: Person | None = None, seat_id: int = 0
) -> Progress | None:
    """Read and lock the seats of the locked plan, with what belongs to them; None while the plan was never submitted.

    `by`, `seat_id`: who decides now, and where. Who holds which role, who stands in for whom and who signed what is
    remembered for this act.
    """
    rows = _rows(plan, by=by, seat_id=seat_id, now=now)
    mine = [row for row in rows if row.revision.number == plan.revision]
    if not mine:
        return None
    revision = mine[0].revision
    revision.plan = plan
    for row in rows:
        row.asked = row.links
    for row in mine:
        row.revision = revision
    read_once = mine[0]
    _remember(plan, rows=rows, mine=mine)
    counting = [row for row in mine if row.voided_at is None]
    (carried,) = [row.verdict for row in rows if row.pk == seat_id] or [None]
    return Progress(
        plan=plan,
        revision=revision,
        seats=counting,
        every={row.pk: row for row in rows},
        void=len(mine) - len(counting),
        stages=[_stage(told, revision=revision) for told in read_once.timeline],
        open_keys=read_once.open_keys,
        verdict=rehearsals.verdict_from(carried or [], plan=plan),
        sign_by=read_once.sign_by,
        decided_lately=read_once.lately,
    )


def _rows(plan: MigrationPlan, *, by: Person | None, seat_id: int, now: datetime) -> list[Any]:
    """Ask for the seats of all revisions, and for what else an act needs to know, in one question."""
    links = Invitation.objects.filter(seat=OuterRef("pk"), revoked_at__isnull=True)
    stages = ChainStage.objects.filter(
        revision__plan=plan, revision__number=plan.revision
    ).order_by("position")
    items = ChecklistItem.objects.filter(plan=plan, done_at__isnull=True).order_by("position")
    delegations = Delegation.objects.filter(
        group=plan.target.group_id, ended_at__isnull=True, ends_at__gt=now
    ).order_by("pk")
    sign_by = Deadline.objects.filter(
        revision=OuterRef("revision"), duty=str(Duty.SIGN_BY), done_at__isnull=True
    )
    since = now - timedelta(minutes=1)
    lately = Seat.objects.filter(decided_by=by, decided_at__gt=since).order_by()
    counted = lately.values("decided_by").annotate(n=Count("pk")).values("n")
    at_the_go = When(pk=seat_id, stage=str(Stage.GO), then=rehearsals.verdict_beside(plan))
    rows = Seat.objects.select_for_update(of=("self",)).filter(revision__plan=plan)
    rows = rows.select_related("revision__emergency", "decided_by", "on_behalf_of").annotate(
        links=ArraySubquery(links.values("person")),
        timeline=ArraySubquery(stages.values(it=_told(ChainStage))),
        open_keys=ArraySubquery(items.values("key")),
        delegations=ArraySubquery(delegations.values(it=_told(Delegation))),
        sign_by=Subquery(sign_by.values("at")[:1]),
        lately=Coalesce(Subquery(counted), 0) if by else Value(0, output_field=IntegerField()),
        verdict=Case(at_the_go),
    )
    return list(rows.defer("revision__content").order_by("position", "pk"))


def _told(model: type[Model]) -> JSONObject:
    """Return a row of the model as one JSON value, its keys the columns."""
    return JSONObject(**{name: name for name in _columns_of(model)})


def _columns_of(model: type[Model]) -> dict[str, Any]:
    fields = model._meta.concrete_fields  # noqa: SLF001  # Django's documented API
    return {each.attname: each for each in fields}


def _row(model: type[M], told: dict[str, Any]) -> M:
    """Return the row that `_told` read."""
    fields = _columns_of(model)
    values = [each.to_python(told[name]) for name, each in fields.items()]
    return model.from_db("default", list(fields), values)


def _stage(told: dict[str, Any], *, revision: PlanRevision) -> ChainStage:
    row = _row(ChainStage, told)
    row.revision = revision
    return row


def _remember(plan: MigrationPlan, *, rows: list[Any], mine: list[Seat]) -> None:
    """Remember for this act what the questions of the chain would ask again."""
    group = plan.target.group
    access.members(group=group)
    told = [_row(Delegation, each) for each in rows[0].delegations]
    ids = {each for row in told for each in (row.giver_id, row.deputy_id)}
    people = {each.pk: each for each in queries.people(ids, group=group)}
    for row in told:
        row.giver, row.deputy, row.group = people[row.giver_id], people[row.deputy_id], group
    remembered("delegations", lambda: told)
    remembered(("decided", mine[0].revision_id), lambda: [row for row in mine if row.decision])
    remembered(("signed-before", plan.pk), lambda: _signed_before(rows, mine[0].revision))


def _signed_before(rows: list[Seat], revision: PlanRevision) -> dict[int, int]:
    """Return person → number of the newest earlier revision that they signed."""
    found: dict[int, int] = {}
    for row in rows:
        if row.decided_by_id and row.revision.number < revision.number:
            found[row.decided_by_id] = max(row.revision.number, found.get(row.decided_by_id, 0))
    return found
