"""Adding a target and changing it, by an administrator of its group; each change in the ledger, with what it was before.

Not here: what is PHI on it (`services`), when it may be changed (`windows`), its credentials (workers fetch them by name, S6).
"""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from django.db import transaction

from migrations_portal.audit import services as audit
from migrations_portal.audit.rules import Draft, EntryKind
from migrations_portal.people import access
from migrations_portal.people.models import Person
from migrations_portal.people.rules import Role
from migrations_portal.targets.models import Target, TargetGroup
from migrations_portal.targets.rules import (
    CONNECTION,
    FIXED,
    PHI_TABLES_OF_THE_SPEC,
    EnvironmentKind,
    TargetForm,
    TargetRefused,
    check_target,
)
from migrations_portal.targets.services import ReasonMissing

Partners = Mapping[str, Target | None]
PARTNERS = ("staging_target", "drill_target")


@transaction.atomic
def add(
    *, group: TargetGroup, form: TargetForm, partners: Partners, by: Person, reason: str
) -> Target:
    """Add a target. Its PHI catalogue starts with the spec's list; it has no windows yet, so they are the next thing to make.

    Raises `NotAllowed`, `TargetRefused` with the field, `ReasonMissing`.
    """
    access.check_holds(person=by, role=Role.ADMINISTRATOR, group=group)
    _check(form, partners, reason=reason)
    TargetGroup.objects.select_for_update().get(pk=group.pk)
    if Target.objects.filter(name__iexact=form.name).exists():
        raise TargetRefused("There is a target of this name already.", field="name")
    _check_place(form, other_than=None)
    target = Target(
        group=group, phi_tables=list(PHI_TABLES_OF_THE_SPEC), **_values(form), **partners
    )
    target.save()
    _record(
        EntryKind.TARGET_ADDED,
        target,
        by=by,
        sentence=f"{by.full_name} added the target {target.name}, {target.environment.lower()}.",
        reason=reason,
        facts=_told(target),
    )
    return target


@transaction.atomic
def change(
    *, target_id: int, form: TargetForm, partners: Partners, by: Person, reason: str
) -> list[str]:
    """Change a target; return the names of the fields that are different now.

    What decides which database it is cannot change while a plan waits for it: people signed for the one that they saw.
    Raises `NotAllowed`, `TargetRefused` with the field, `ReasonMissing`.
    """
    target = (
        Target.objects.select_for_update(of=("self",)).select_related("group").get(pk=target_id)
    )
    access.check_holds(person=by, role=Role.ADMINISTRATOR, group=target.group)
    _check(form, partners, reason=reason)
    before = _told(target)
    for name, value in {**_values(form), **partners}.items():
        setattr(target, name, value)
    after = _told(target)
    changed = [name for name in after if before[name] != after[name]]
    if not changed:
        raise TargetRefused("Nothing is different, so there is nothing to keep.")
    _check_change(target, changed=changed)
    if target in partners.values():
        raise TargetRefused("A target cannot stand before itself.", field="staging_target")
    _check_place(form, other_than=target)
    target.save(update_fields=[*_values(form), *partners])
    _record(
        EntryKind.TARGET_CHANGED,
        target,
        by=by,
        sentence=f"{by.full_name} changed {', '.join(name.replace('_', ' ') for name in changed)} of {target.name}.",
        reason=reason,
        facts={"before": {n: before[n] for n in changed}, "after": {n: after[n] for n in changed}},
    )
    return changed


def _check(form: TargetForm, partners: Partners, *, reason: str) -> None:
    check_target(form)
    if not reason.strip():
        raise ReasonMissing
    if partners["staging_target"] and form.environment != EnvironmentKind.PRODUCTION:
        raise TargetRefused("Only production has a staging partner.", field="staging_target")
    for field in PARTNERS:
        partner = partners[field]
        if partner is not None and partner.environment != EnvironmentKind.STAGING:
            raise TargetRefused(
                "Choose a staging target; nothing is tried on production.", field=field
            )


def _check_change(target: Target, *, changed: list[str]) -> None:
    for name in FIXED:
        if name in changed:
            raise TargetRefused("This is decided once. Add another target instead.", field=name)
    moved = [name for name in CONNECTION if name in changed]
    waiting = target.plans.filter(closed_at__isnull=True).exclude(status__in=["DRAFT", "REJECTED"])
    if moved and (plan := waiting.order_by("pk").first()):
        raise TargetRefused(
            f"{plan.number} waits for this target, and people sign for the database that they saw. "
            "Let it end, or withdraw it, before the target moves.",
            field=moved[0],
        )


def _check_place(form: TargetForm, *, other_than: Target | None) -> None:
    """Refuse a second name for a database: it would go around its windows, and around one run at a time."""
    rows = Target.objects.filter(host__iexact=form.host, port=form.port, database=form.database)
    if other_than is not None:
        rows = rows.exclude(pk=other_than.pk)
    if twin := rows.first():
        raise TargetRefused(f"This database is the target {twin.name} already.", field="database")


def _values(form: TargetForm) -> dict[str, Any]:
    return asdict(form) | {"smoke_addresses": list(form.smoke_addresses)}


def _told(target: Target) -> dict[str, Any]:
    """Return what the ledger says of a target. Nothing of it is a secret."""
    told = {name: getattr(target, name) for name in TargetForm.__dataclass_fields__}
    return told | {
        name: str(partner) if (partner := getattr(target, name)) else "" for name in PARTNERS
    }


def _record(
    kind: EntryKind,
    target: Target,
    *,
    by: Person,
    sentence: str,
    reason: str,
    facts: Mapping[str, Any],
) -> None:
    audit.append(
        Draft(
            kind=kind,
            actor=audit.actor(by),
            sentence=sentence,
            target=target.name,
            environment=target.environment.lower(),
            reason=reason.strip(),
            facts=facts,
        )
    )
