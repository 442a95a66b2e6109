"""What the chain's mails say, and who gets them. No SQL, no PHI; free text stays on the page (A11)."""

from collections.abc import Iterable
from datetime import datetime

from django.db.models import Q

from migrations_portal.approvals import queries
from migrations_portal.approvals.models import Invitation, Seat
from migrations_portal.approvals.policy import STAGES, Stage
from migrations_portal.approvals.services.moment import Moment
from migrations_portal.notifications import services as notifications
from migrations_portal.people.models import Person
from migrations_portal.people.rules import Role
from migrations_portal.plans import services as plans
from migrations_portal.plans.models import MigrationPlan, PlanRevision
from migrations_portal.targets import queries as target_queries


def plan_time(plan: MigrationPlan, instant: datetime) -> str:
    """Return an instant in the words and the time zone of the plan's target."""
    return f"{instant.astimezone(plan.target.zone):%a %d %b %Y, %H:%M %Z}"


def mail_title(plan: MigrationPlan, *, phi: bool) -> str:
    """Return what a mail calls the plan. A title is typed, so that of a plan on PHI may name a patient (A11): it stays on the page."""
    return "a change that touches PHI" if phi else plan.title


def mail_facts(plan: MigrationPlan, *, revision: PlanRevision) -> dict[str, object]:
    """Return what any mail about a plan may say: no SQL, no PHI (A11)."""
    return {
        "plan_number": plan.number,
        "plan_title": mail_title(plan, phi=revision.phi),
        "level": revision.level,
        "phi": revision.phi,
        "emergency": bool(plan.emergency_reason),
        "target": plan.target.name,
        "author_name": plan.author.full_name,
        "reply_to": plan.author.email,
        "t0": plan_time(plan, plan.scheduled_for or revision.submitted_at),
        "revision": revision.number,
    }


def seat_words(seat: Seat, *, plan: MigrationPlan) -> dict[str, str]:
    """Return how mails name a seat."""
    stage = STAGES[Stage(seat.stage)]
    return {
        "role_title": Role(seat.role).noun,
        "stage_title": f"{stage.label} {stage.title}",
        "due": plan_time(plan, seat.due_at),
    }


def ask_for_signature(
    seat: Seat, *, person: Person, plan: MigrationPlan, link: str, key: int, at: Moment
) -> None:
    """Send the one mail that asks a person for a signature."""
    before = queries.signed_by(plan).get(person.pk)
    own = any(each.pk == person.pk for each in queries.holders_of(seat))
    deputy_of = [
        row.giver for row in queries.deputies_for(seat, now=at.now) if row.deputy == person
    ]
    notifications.queue_mail(
        template="sign_off_requested",
        to=person.email,
        context={
            **mail_facts(plan, revision=seat.revision),
            **seat_words(seat, plan=plan),
            "person_name": person.first_name,
            "stands_for": "" if own or not deputy_of else deputy_of[0].full_name,
            "signed_revision": before,
            "url": link,
        },
        dedup_key=f"invitation-{key}",
        now=at.now,
        plan_id=plan.pk,
    )


def tell(
    people: Iterable[Person],
    *,
    plan: MigrationPlan,
    revision: PlanRevision,
    template: str,
    key: str,
    at: Moment,
    path: str = "",
    **more: object,
) -> None:
    """Put a mail into the outbox for each of the people, once per key and person."""
    facts = {**mail_facts(plan, revision=revision), "reason": "", **more}
    if revision.phi and facts["reason"]:
        facts["reason"] = (
            "It stands on the plan's page."  # typed by a person, so it may name one (A11)
        )
    for person in {each.pk: each for each in people if each.is_active}.values():
        notifications.queue_mail(
            template=template,
            to=person.email,
            context={
                **facts,
                "person_name": person.first_name,
                "url": f"{at.public_url}{path or plans.path(plan)}",
            },
            dedup_key=key,
            now=at.now,
            plan_id=plan.pk,
        )


def tell_outcome(
    *,
    plan: MigrationPlan,
    revision: PlanRevision,
    outcome: str,
    sentence: str,
    key: str,
    at: Moment,
    reason: str = "",
    people: Iterable[Person] | None = None,
) -> None:
    """Tell the author, everybody who signed and everybody who is still asked what became of the plan.

    `people`: who that is, when the caller has read it already.
    """
    tell(
        concerned(revision) if people is None else people,
        plan=plan,
        revision=revision,
        template="plan_decided",
        key=key,
        at=at,
        outcome=outcome,
        outcome_sentence=sentence,
        reason=reason,
    )


def concerned(revision: PlanRevision) -> list[Person]:
    """Return the author, those who decided on a seat of the revision, and those with a live link to one."""
    decided = Seat.objects.filter(revision=revision, decided_by__isnull=False)
    asked = Invitation.objects.filter(seat__revision=revision, revoked_at__isnull=True)
    who = (
        Q(pk=revision.plan.author_id)
        | Q(pk__in=decided.values("decided_by"))
        | Q(pk__in=asked.values("person"))
    )
    return list(Person.objects.filter(who, is_active=True).order_by("pk"))


def tell_stakeholders(
    *,
    plan: MigrationPlan,
    revision: PlanRevision,
    template: str,
    key: str,
    at: Moment,
    sentence: str = "",
) -> list[str]:
    """Tell the addresses of the spec's groups; return them with their group, for the record."""
    told = target_queries.stakeholders(target=plan.target, phi=revision.phi)
    for each in told:
        notifications.queue_mail(
            template=template,
            to=each.email,
            context={
                **mail_facts(plan, revision=revision),
                "person_name": each.name,
                "group": each.kind.replace("_", " ").lower(),
                "sentence": sentence,
                "url": f"{at.public_url}{plans.path(plan)}",
            },
            dedup_key=key,
            now=at.now,
            plan_id=plan.pk,
        )
    return [f"{each.kind.replace('_', ' ').lower()}: {each.email}" for each in told]


def correct_stakeholders(
    *, plan: MigrationPlan, revision: PlanRevision, sentence: str, key: str, at: Moment
) -> None:
    """Tell those who were told at T-3 that it comes differently; nobody when T-3 has not been."""
    if revision.stakeholders_notified_at is not None:
        tell_stakeholders(
            plan=plan,
            revision=revision,
            template="stakeholder_change",
            key=key,
            at=at,
            sentence=sentence,
        )
