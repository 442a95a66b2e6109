"""Reading the chain."""

import hashlib
from collections.abc import Collection, Iterable
from datetime import datetime

from django.db.models import Exists, F, OuterRef, Q, QuerySet

from migrations_portal.approvals.models import (
    ChainStage,
    Deadline,
    Delegation,
    Emergency,
    Invitation,
    Seat,
)
from migrations_portal.approvals.policy import Duty, Stage
from migrations_portal.kernel.errors import Refused
from migrations_portal.kernel.memory import remembered
from migrations_portal.people import access
from migrations_portal.people.models import Person
from migrations_portal.people.rules import SIGNING_ROLES, Role
from migrations_portal.plans import checklist
from migrations_portal.plans.models import ChecklistItem, MigrationPlan, PlanRevision
from migrations_portal.plans.rules import PlanStatus
from migrations_portal.targets.models import TargetGroup

WITH_PLAN = ("decided_by", "on_behalf_of", "revision__plan__target__group")


class LinkNotGood(Refused):
    """This link is unknown, or its time is over. Sign in and open “My work” for what waits for you; the plan shows what was signed."""

    code = "link-not-good"


def seats(revision: PlanRevision) -> QuerySet[Seat]:
    """Return the seats of a revision that count, in the order of the chain."""
    rows = Seat.objects.filter(revision=revision, voided_at__isnull=True)
    return rows.select_related(*WITH_PLAN).order_by("position")


class SeatNotFound(Refused):
    """The plan has no such seat."""

    code = "seat-not-found"


def seat(plan: MigrationPlan, *, seat_id: int) -> Seat:
    """Return one seat of the plan, of any revision; raise `SeatNotFound`."""
    rows = Seat.objects.select_related(*WITH_PLAN, "revision__plan__author")
    if (found := rows.filter(pk=seat_id, revision__plan=plan).first()) is None:
        raise SeatNotFound
    return found


def seats_of_plan(plan: MigrationPlan) -> list[Seat]:
    """Return the seats that count: those of the newest revision."""
    found = Seat.objects.filter(revision__plan=plan, revision__number=plan.revision)
    rows = list(found.select_related(*WITH_PLAN).order_by("position"))
    if rows:
        remembered(
            ("decided", rows[0].revision_id), lambda: [each for each in rows if each.decision]
        )
    return [row for row in rows if row.voided_at is None]


def decided(revision_id: int) -> list[Seat]:
    """Return the decided seats of a revision, void ones too: who signed in one role signs in no other."""
    rows = Seat.objects.filter(revision=revision_id).exclude(decision="")
    return remembered(("decided", revision_id), lambda: list(rows))


def seats_of_plans(plans: Collection[MigrationPlan]) -> dict[int, list[Seat]]:
    """Return the seats that count, by the plan's number, in one query."""
    rows = Seat.objects.filter(
        revision__plan__in=plans,
        revision__number=F("revision__plan__revision"),
        voided_at__isnull=True,
    )
    found: dict[int, list[Seat]] = {}
    for seat in rows.select_related("revision__plan__target__group").order_by("position"):
        found.setdefault(seat.revision.plan_id, []).append(seat)
    return found


def void_seats(plan: MigrationPlan) -> list[Seat]:
    """Return the decisions that count no more, the newest first."""
    rows = Seat.objects.filter(revision__plan=plan, voided_at__isnull=False).exclude(decision="")
    return list(rows.select_related(*WITH_PLAN).order_by("-voided_at", "position"))


def stages(revision: PlanRevision) -> QuerySet[ChainStage]:
    """Return the stages of a revision in the order of the timeline."""
    return ChainStage.objects.filter(revision=revision).order_by("position")


def run_by(revision: PlanRevision) -> datetime | None:
    """Return until when the approved revision may begin its run (A8); None when that time is over."""
    rows = Deadline.objects.filter(revision=revision, duty=str(Duty.RUN_BY), done_at__isnull=True)
    return rows.values_list("at", flat=True).first()


def active_delegations(*, now: datetime) -> list[Delegation]:
    """Return the delegations that hold at this instant, of all groups: there are few."""
    rows = Delegation.objects.filter(ended_at__isnull=True, ends_at__gt=now)
    kept = remembered(
        "delegations",
        lambda: list(rows.select_related("giver", "deputy", "group").order_by("pk")),
    )
    return [row for row in kept if row.starts_at <= now < row.ends_at and row.deputy.is_active]


def delegations_of(*, person: Person, now: datetime) -> list[Delegation]:
    """Return what holds now or begins later: the roles that `person` handed on, and those in which they stand in."""
    rows = Delegation.objects.filter(ended_at__isnull=True, ends_at__gt=now)
    rows = rows.filter(Q(giver=person) | Q(deputy=person))
    return list(rows.select_related("giver", "deputy", "group").order_by("starts_at", "pk"))


def _stands_in_for(person: Person, *, now: datetime) -> list[Delegation]:
    """Return the delegations that `person` holds now, from people who still hold the role."""
    return [
        row
        for row in active_delegations(now=now)
        if row.deputy_id == person.pk
        and access.holds(person=row.giver, role=Role(row.role), group=row.group)
    ]


def waiting_for(*, person: Person, now: datetime) -> list[Seat]:
    """Return the open seats that `person` could decide now, the earliest due first."""
    rows = open_for(person=person, now=now)
    rows = rows.select_related("revision__plan__target", "revision__plan__author")
    return list(rows.order_by("due_at", "pk"))


def open_for(*, person: Person, now: datetime) -> QuerySet[Seat]:
    """Return the open seats that `person` could decide now, as a question that others can count."""
    mine = Q()
    for group_id, roles in access.roles_everywhere(person=person, groups=TargetGroup).items():
        if names := [str(role) for role in roles & SIGNING_ROLES]:
            mine |= Q(revision__plan__target__group=group_id, role__in=names)
    for each in _stands_in_for(person, now=now):
        giver = _part_of("revision__plan__", each.giver)
        mine |= Q(revision__plan__target__group=each.group_id, role=each.role) & ~giver
    if not mine:  # nobody who signs, and in nobody's place
        return Seat.objects.none()
    signed_otherwise = Seat.objects.filter(
        ~Q(role=OuterRef("role")), decided_by=person, revision=OuterRef("revision")
    )
    rows = _open_seats().filter(mine, ~Exists(signed_otherwise))
    return rows.filter(~_part_of("revision__plan__", person))


def _part_of(plan: str, person: Person) -> Q:
    """Ask for what belongs to a plan of the person's own; `plan` leads there. See `involved`."""
    return (
        Q(**{f"{plan}author": person})
        | Q(**{f"{plan}last_editor": person})
        | Q(**{f"{plan}executor": person})
        | Q(**{f"{plan}commit_authors__contains": [person.email.casefold()]})
    )


def unconfirmed_emergencies(*, person: Person, now: datetime) -> QuerySet[Emergency]:
    """Return the emergencies that wait for a second person, but for those in which `person` has a part."""
    rows = Emergency.objects.filter(
        revision__plan__status=str(PlanStatus.SUBMITTED),
        revision__number=F("revision__plan__revision"),
        confirmed_by__isnull=True,
        until__gt=now,
    )
    return rows.exclude(asked_by=person).filter(~_part_of("revision__plan__", person))


def _open_seats() -> QuerySet[Seat]:
    return Seat.objects.filter(
        revision__plan__status=str(PlanStatus.SUBMITTED),
        revision__number=F("revision__plan__revision"),
        opened_at__isnull=False,
        decision="",
        voided_at__isnull=True,
    )


def people_of_open_seats(*, now: datetime) -> list[Person]:
    """Return whom open seats are for: who holds the role of one, and their deputies. Whether they may sign is not asked."""
    wanted = set(
        _open_seats().order_by().values_list("revision__plan__target__group", "role").distinct()
    )
    if not wanted:
        return []
    groups = TargetGroup.objects.in_bulk({group_id for group_id, _ in wanted})
    found = {
        person.pk: person
        for group_id, role in sorted(wanted)
        for person in access.holders(role=Role(role), group=groups[group_id])
    }
    deputies = [
        row.deputy for row in active_delegations(now=now) if (row.group_id, row.role) in wanted
    ]
    return list((found | {each.pk: each for each in deputies}).values())


def invitation(*, token: str, now: datetime) -> Invitation:
    """Return the invitation that a link stands for, or raise `LinkNotGood`. Reading it spends nothing."""
    digest = hashlib.sha256(token.encode()).hexdigest()
    row = (
        Invitation.objects.select_related("seat__revision__plan__target__group", "person")
        .filter(token_hash=digest, expires_at__gt=now)
        .exclude(revoked_at__isnull=False, seat__decision="")
        .first()
    )
    if row is None:
        raise LinkNotGood
    return row


def involved(plan: MigrationPlan, *, among: Iterable[Person]) -> frozenset[int]:
    """Return who holds no seat of the plan: author, last editor, executor, and whoever `among` these people wrote its commit."""
    people = (plan.author_id, plan.last_editor_id, plan.executor_id)
    wrote = (each.pk for each in among if plan.committed_by(each.email))
    return frozenset(each for each in (*people, *wrote) if each is not None)


def barred_from(seat: Seat, *, among: Iterable[Person]) -> frozenset[int]:
    """Return who cannot fill the seat whatever they hold: who has a part in the plan, and who acted in another role."""
    others = [row for row in decided(seat.revision_id) if row.role != seat.role]
    acted = {each for row in others for each in (row.decided_by_id, row.on_behalf_of_id) if each}
    return involved(seat.revision.plan, among=among) | acted


def committers_of(seat: Seat) -> list[Person]:
    """Return the holders of the seat's role who are not asked because they wrote the plan's commit."""
    plan = seat.revision.plan
    if not plan.git_commit:
        return []
    people = access.holders(role=Role(seat.role), group=plan.target.group)
    return [each for each in people if plan.committed_by(each.email)]


def holders_of(seat: Seat) -> list[Person]:
    """Return the active holders of the seat's role who are not barred from it."""
    people = access.holders(role=Role(seat.role), group=seat.revision.plan.target.group)
    barred = barred_from(seat, among=people) if people else frozenset()
    return [each for each in people if each.pk not in barred]


def deputies_for(seat: Seat, *, now: datetime) -> list[Delegation]:
    """Return the delegations by which somebody else could fill the seat now."""
    group_id = seat.revision.plan.target.group_id
    rows = [
        row
        for row in active_delegations(now=now)
        if (row.group_id, row.role) == (group_id, seat.role)
    ]
    if not rows:
        return []
    givers = {each.pk for each in holders_of(seat)}
    barred = barred_from(seat, among=[row.deputy for row in rows])
    return [row for row in rows if row.giver_id in givers and row.deputy_id not in barred]


def signers_of(seat: Seat, *, now: datetime) -> list[Person]:
    """Return who could fill the seat now: holders of its role, and their deputies; nobody who is barred from it."""
    found = {each.pk: each for each in holders_of(seat)}
    found |= {row.deputy_id: row.deputy for row in deputies_for(seat, now=now)}
    return list(found.values())


def people(ids: Collection[int], *, group: TargetGroup) -> list[Person]:
    """Return people by their numbers; asks only for those who hold no role for the group any more."""
    held = {each.pk: each for each in access.members(group=group)}
    missing = [each for each in ids if each not in held]
    gone = Person.objects.filter(pk__in=missing) if missing else []
    return [*(held[each] for each in ids if each in held), *gone]


def plans_to_move(*, now: datetime) -> list[int]:
    """Return the plans for which something is due.

    A deadline; a stage whose day has come and whose turn it is; a stage that is signed and whose last item was ticked meanwhile.
    """
    late = Deadline.objects.filter(done_at__isnull=True, at__lte=now)
    earlier = ChainStage.objects.filter(
        revision=OuterRef("revision"), position__lt=OuterRef("position"), completed_at__isnull=True
    )
    ready = ChainStage.objects.filter(
        Q(opens_at__isnull=True) | Q(opens_at__lte=now),
        ~Exists(earlier),
        completed_at__isnull=True,
        opened_at__isnull=True,
        revision__plan__status=str(PlanStatus.SUBMITTED),
        revision__number=F("revision__plan__revision"),
    ).exclude(stage=str(Stage.RUN))
    ids = set(late.values_list("revision__plan_id", flat=True))
    ids |= set(ready.values_list("revision__plan_id", flat=True))
    return sorted(ids | _signed_and_ticked())


def _signed_and_ticked() -> set[int]:
    """Return the plans with an open stage that nothing keeps from passing any more: no seat unsigned, no item unticked."""
    signed = set(_signed_stages().values_list("revision__plan_id", "stage"))
    if not signed:
        return set()
    items = ChecklistItem.objects.filter(
        plan__in={plan_id for plan_id, _ in signed}, key__in=checklist.GATES, done_at=None
    )
    open_items = items.values_list("plan_id", "key")
    held = {(plan_id, str(checklist.GATES[key])) for plan_id, key in open_items}
    return {plan_id for plan_id, _ in signed - held}


def _signed_stages() -> QuerySet[ChainStage]:
    """Return the open stages of which every seat is signed."""
    unsigned = Seat.objects.filter(
        revision=OuterRef("revision"), stage=OuterRef("stage"), decision="", voided_at=None
    )
    return ChainStage.objects.filter(
        ~Exists(unsigned),
        opened_at__isnull=False,
        completed_at__isnull=True,
        revision__plan__status=str(PlanStatus.SUBMITTED),
        revision__number=F("revision__plan__revision"),
    )


def signed_before(*, person: Person, plan: MigrationPlan) -> PlanRevision | None:
    """Return the newest earlier revision that `person` signed, None when there is none."""
    if plan.revision <= 1:
        return None
    seat = (
        Seat.objects.filter(
            revision__plan=plan, decided_by=person, revision__number__lt=plan.revision
        )
        .select_related("revision")
        .order_by("-revision__number")
        .first()
    )
    return seat.revision if seat else None


def signed_by(plan: MigrationPlan) -> dict[int, int]:
    """Return person → number of the newest earlier revision that they signed; no question while there was none."""
    if plan.revision <= 1:
        return {}
    rows = Seat.objects.filter(
        revision__plan=plan, decided_by__isnull=False, revision__number__lt=plan.revision
    ).order_by("revision__number")
    return remembered(
        ("signed-before", plan.pk),
        lambda: dict(rows.values_list("decided_by", "revision__number")),
    )
