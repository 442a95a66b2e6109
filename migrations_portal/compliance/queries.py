"""Reading compliance: the state of each control of the spec's HIPAA section, with its evidence."""

from collections.abc import Iterable

from django.db.models import Q, QuerySet

from migrations_portal.compliance.models import (
    Disposal,
    Document,
    Dpia,
    Export,
    LegalHold,
    LogReview,
    ProcessingRecord,
)
from migrations_portal.execution.models import RunStep
from migrations_portal.people.models import Person
from migrations_portal.people.rules import Role
from migrations_portal.plans.models import MigrationPlan
from migrations_portal.targets import queries as target_queries
from migrations_portal.targets.models import TargetGroup


def matters_on_hold(*, group: TargetGroup) -> list[str]:
    """Return the matters of the legal holds that stand."""
    return list(
        LegalHold.objects.filter(group=group, lifted_at__isnull=True).values_list(
            "matter", flat=True
        )
    )


def exports(*, person: Person) -> QuerySet[Export]:
    """Return the exports that `person` asked for, and the monthly reports of the groups whose compliance they answer for."""
    groups = target_queries.groups_of(
        person=person, roles=frozenset({Role.COMPLIANCE_OFFICER, Role.AUDITOR})
    )
    mine = Q(asked_by=person) | Q(asked_by__isnull=True, group__in=groups)
    return Export.objects.filter(mine).select_related("asked_by", "plan", "group").order_by("-pk")


def dpia(plan: MigrationPlan) -> list[Dpia]:
    """Return the versions of the plan's assessment, newest first."""
    return list(Dpia.objects.filter(plan=plan).select_related("saved_by").order_by("-version"))


def documents(plan: MigrationPlan) -> list[Document]:
    """Return the plan's documents without their content, newest first."""
    rows = Document.objects.filter(plan=plan).select_related("uploaded_by")
    return list(rows.defer("content").order_by("name", "-version"))


def reviews(*, groups: QuerySet[TargetGroup]) -> QuerySet[LogReview]:
    """Return the reviews of query logs, the open ones first, the earliest due first."""
    return (
        LogReview.objects.filter(run__target__group__in=groups)
        .select_related("run__plan", "run__target", "done_by")
        .order_by("-done_at", "due_at")
    )


def logged_by_target(*, run_ids: Iterable[int]) -> dict[int, str]:
    """Return of each run by what its target logged the statements: empty when it did not; a run without the fact is left out."""
    steps = RunStep.objects.filter(run__in=run_ids, facts__has_key="query_log")
    return {run: fact["by"] for run, fact in steps.values_list("run_id", "facts__query_log")}


def processing(*, groups: QuerySet[TargetGroup]) -> list[ProcessingRecord]:
    """Return the newest version of each record of processing."""
    rows = ProcessingRecord.objects.filter(group__in=groups).select_related("group", "saved_by")
    return list(rows.order_by("group_id", "name", "-version").distinct("group_id", "name"))


def holds(*, groups: QuerySet[TargetGroup]) -> list[LegalHold]:
    """Return the holds, those that stand first."""
    rows = LegalHold.objects.filter(group__in=groups).select_related("group", "set_by", "lifted_by")
    return sorted(rows, key=lambda each: (each.lifted_at is not None, -each.pk))


def disposals(*, groups: QuerySet[TargetGroup]) -> list[Disposal]:
    """Return the wishes to dispose, newest first."""
    rows = Disposal.objects.filter(group__in=groups)
    return list(rows.select_related("group", "asked_by", "decided_by").order_by("-pk"))
