"""Opening a closed or running plan again as a new draft."""

from datetime import datetime

from django.db import transaction

from migrations_portal.audit import services as audit
from migrations_portal.audit.rules import EntryKind
from migrations_portal.people import access
from migrations_portal.people.models import Person
from migrations_portal.people.rules import Role
from migrations_portal.plans import queries, services
from migrations_portal.plans.models import MigrationPlan, PlanCheck, PlanFile, PlanSmokeCheck


@transaction.atomic
def clone(*, plan_id: int, by: Person, now: datetime, title: str = "") -> MigrationPlan:
    """Open a draft with the same files, documentation and checks, but without date, signatures or ticks.

    Raises `NotAllowed` unless `by` is an engineer for the target.
    """
    old = services.lock(plan_id)
    access.check_holds(person=by, role=Role.ENGINEER, group=old.target.group)
    new = services.create(title=title or old.title, target=old.target, by=by, now=now)
    for name, value in vars(old.documentation).items():
        setattr(new, name, value)
    new.git_commit, new.commit_authors = old.git_commit, old.commit_authors
    new.cloned_from = old
    new.save()
    PlanFile.objects.bulk_create(
        PlanFile(
            plan=new,
            position=each.position,
            name=each.name,
            content=bytes(each.content),
            sha256=each.sha256,
        )
        for each in old.files.order_by("position")
    )
    PlanCheck.objects.bulk_create(
        PlanCheck(
            plan=new, position=each.position, name=each.name, sql=each.sql, expected=each.expected
        )
        for each in old.checks.order_by("position")
    )
    PlanSmokeCheck.objects.bulk_create(
        PlanSmokeCheck(plan=new, position=position, **vars(each))
        for position, each in enumerate(queries.smoke_checks(old))
    )
    if new.files.exists():
        services.request_assessment(new, now=now)
    audit.append(
        services.draft_entry(
            new,
            kind=EntryKind.PLAN_CREATED,
            actor=audit.actor(by),
            sentence=f"{new.number} is a clone of {old.number}.",
            facts={"cloned_from": old.pk},
        )
    )
    return new
