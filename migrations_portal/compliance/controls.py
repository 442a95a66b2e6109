"""The controls of the spec's section "HIPAA Compliance": how each stands, with its evidence."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from django.db import connection
from django.db.models import Exists, OuterRef, QuerySet

from migrations_portal.approvals.models import Seat
from migrations_portal.audit import freezes
from migrations_portal.audit import queries as ledger
from migrations_portal.audit.models import Entry
from migrations_portal.backups.models import Backup
from migrations_portal.compliance.models import (
    Dpia,
    LogReview,
    ProcessingRecord,
    RetentionCheck,
)
from migrations_portal.compliance.rules import RETENTION_OVERDUE
from migrations_portal.execution.models import MigrationRun, RunStep
from migrations_portal.people.rules import Role
from migrations_portal.plans.models import PlanRevision
from migrations_portal.targets.models import Target


@dataclass(frozen=True)
class Period:
    """Half-open, in UTC."""

    since: datetime
    until: datetime


@dataclass(frozen=True)
class Control:
    """One thing that the spec demands, how it stands, and where one sees that."""

    key: str
    title: str
    holds: bool | None
    """None: nothing in this period that it could be said of."""
    sentence: str
    url: str = ""
    open: tuple[tuple[str, str], ...] = ()
    """What is missing, each with where to go."""


def app_role_is_walled() -> bool:
    """Say whether this very connection has no right to change the ledger."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT has_table_privilege('audit_entry', 'INSERT, UPDATE, DELETE, TRUNCATE'),"
            " pg_has_role((SELECT relowner FROM pg_class WHERE oid = 'audit_entry'::regclass), 'USAGE')"
        )
        return bool(cursor.fetchone() == (False, False))


def controls(*, target: Target, period: Period, now: datetime) -> list[Control]:
    """Return every control of the spec's section "HIPAA Compliance" for one target and period."""
    asked: tuple[Callable[[Target, Period, datetime], Control], ...] = (
        _audit_trail,
        _chain,
        _walls,
        _checkpoints,
        _dpia,
        _seats,
        _encryption,
        _query_log,
        _log_reviews,
        _retention,
        _processing,
    )
    return [ask(target, period, now) for ask in asked]


def _runs(target: Target, period: Period) -> QuerySet[MigrationRun]:
    return MigrationRun.objects.filter(
        target=target, finished_at__gte=period.since, finished_at__lt=period.until
    ).exclude(claimed_at=None)


def _audit_trail(target: Target, period: Period, _now: datetime) -> Control:
    runs = list(_runs(target, period).select_related("plan"))
    recorded = set(
        Entry.objects.filter(
            kind="MIGRATION_RECORD", plan__in=[run.plan_id for run in runs]
        ).values_list("plan", flat=True)
    )
    missing = [run for run in runs if run.plan_id not in recorded]
    said = f"{len(runs) - len(missing)} of {len(runs)} runs have the spec's record of 13 fields."
    return Control(
        "trail",
        "Audit trail complete",
        None if not runs else not missing,
        said if runs else "No run ended in this period.",
        url=f"/audit/?kind=MIGRATION_RECORD&target={target.name}",
        open=tuple((f"Run {run.pk} has no record", f"/runs/{run.pk}/") for run in missing),
    )


def _chain(_target: Target, _period: Period, now: datetime) -> Control:
    last = ledger.last_check()
    if last is None or last.done_at is None:
        return Control(
            key="chain",
            title="Ledger verified",
            holds=False,
            sentence="Nobody has checked it yet.",
            url="/audit/checks/",
        )
    hours = (now - last.done_at).total_seconds() / 3600
    return Control(
        "chain",
        "Ledger verified",
        bool(last.intact) and hours < 2,  # noqa: PLR2004  # the hourly check was missed once
        f"{last.sentence} Checked {hours:.1f} h ago.",
        url="/audit/checks/",
    )


def _walls(_target: Target, _period: Period, _now: datetime) -> Control:
    walled = app_role_is_walled()
    return Control(
        "walls",
        "Nobody can change the ledger through the portal",
        walled,
        "The portal's database role reads it and appends by a function; it has no other right."
        if walled
        else "The portal's database role could change it. Run `manage.py setup_roles` and `manage.py migrate`.",
    )


def _checkpoints(_target: Target, _period: Period, now: datetime) -> Control:
    silent = freezes.store_silent_since(now=now)
    return Control(
        "checkpoints",
        "Signed checkpoints outside the database, kept seven years",
        silent is None,
        "The last one reached the store within ten minutes."
        if silent is None
        else f"None has reached the store since {silent:%Y-%m-%d %H:%M} UTC.",
        url="/verifier/",
    )


def _phi_revisions(target: Target, period: Period) -> QuerySet[PlanRevision]:
    return PlanRevision.objects.filter(
        plan__target=target, phi=True, submitted_at__gte=period.since, submitted_at__lt=period.until
    ).select_related("plan")


def _dpia(target: Target, period: Period, _now: datetime) -> Control:
    rows = _phi_revisions(target, period).annotate(
        assessed=Exists(Dpia.objects.filter(plan=OuterRef("plan")))
    )
    plans = {row.plan_id: row for row in rows.order_by("number")}
    missing = [row for row in plans.values() if not row.assessed]
    return Control(
        "dpia",
        "Privacy impact assessment of every plan on PHI",
        None if not plans else not missing,
        f"{len(plans) - len(missing)} of {len(plans)} plans on PHI have one."
        if plans
        else "No plan on PHI was submitted in this period.",
        open=tuple(
            (f"{row.plan.number} has none", f"/plans/{row.plan_id}/dpia/") for row in missing
        ),
    )


def _seats(target: Target, period: Period, _now: datetime) -> Control:
    roles = (str(Role.SECURITY_OFFICER), str(Role.PRIVACY_OFFICER))
    runs = _runs(target, period).filter(revision__phi=True)
    missing = [
        run
        for run in runs
        if Seat.objects.filter(revision=run.revision, role__in=roles, decision="APPROVE")
        .values("role").distinct().count() < len(roles)
    ]  # fmt: skip
    return Control(
        "seats",
        "Security review and privacy officer's signature before every run on PHI",
        None if not runs else not missing,
        f"{len(runs) - len(missing)} of {len(runs)} runs on PHI had both." if runs else "No run on PHI ended in this period.",
        open=tuple((f"Run {run.pk} lacks one", f"/runs/{run.pk}/") for run in missing),
    )  # fmt: skip


def _encryption(target: Target, period: Period, _now: datetime) -> Control:
    backups = list(
        Backup.objects.filter(target=target, taken_at__gte=period.since, taken_at__lt=period.until)
    )
    checked = set(
        RetentionCheck.objects.filter(backup__in=backups)
        .exclude(encryption="")
        .values_list("backup_id", flat=True)
    )
    plain = [each for each in backups if each.pk not in checked]
    tls = RunStep.objects.filter(run__in=_runs(target, period), facts__has_key="encrypted")
    unsafe = tls.filter(facts__encrypted=False).count()
    said = "No backup was taken in this period."
    if backups:
        held = len(backups) - len(plain)
        said = f"At rest: the store says so of {held} of {len(backups)} backups."
    if count := tls.count():
        said += f" In transit: {count - unsafe} of {count} recorded sessions used TLS."
    return Control(
        "encryption",
        "Encryption at rest and in transit verified",
        None if not backups and not count else not plain and not unsafe,
        said,
        open=tuple(
            (f"Backup {each.pk} of run {each.run_id}", f"/runs/{each.run_id}/") for each in plain
        ),
    )


def _query_log(target: Target, period: Period, _now: datetime) -> Control:
    runs = _runs(target, period).filter(revision__phi=True)
    known = RunStep.objects.filter(run__in=runs, facts__has_key="query_log")
    on = set(known.filter(facts__query_log__on=True).values_list("run_id", flat=True))
    asked = set(known.values_list("run_id", flat=True))
    off = sorted(asked - on)
    return Control(
        "query-log",
        "Query logging on during every run on PHI",
        None if not asked else not off,
        f"{len(on)} of {len(asked)} runs on PHI had it on, as the target itself said."
        if asked
        else "No run on PHI got so far in this period.",
        open=tuple((f"Run {pk} was not logged by the target", f"/runs/{pk}/") for pk in off),
    )


def _log_reviews(target: Target, period: Period, now: datetime) -> Control:
    rows = list(
        LogReview.objects.filter(
            run__target=target, opened_at__gte=period.since, opened_at__lt=period.until
        )
    )
    late = [row for row in rows if row.done_at is None and row.due_at < now]
    still_open = [row for row in rows if row.done_at is None]
    return Control(
        "reviews",
        "Query logs reviewed after every run on PHI",
        None if not rows else not late,
        f"{len(rows) - len(still_open)} of {len(rows)} reviewed, {len(late)} late." if rows else "No review was due in this period.",
        url="/compliance/reviews/",
        open=tuple((f"Run {row.run_id}, due {row.due_at:%Y-%m-%d}", "/compliance/reviews/") for row in still_open),
    )  # fmt: skip


def _retention(target: Target, _period: Period, now: datetime) -> Control:
    backups = Backup.objects.filter(target=target, retain_until__gt=now)
    newest = {
        each.backup_id: each
        for each in RetentionCheck.objects.filter(backup__in=backups)
        .order_by("backup_id", "-at")
        .distinct("backup_id")
    }
    stale = [b for b in backups if b.pk not in newest or newest[b.pk].at < now - RETENTION_OVERDUE]
    lost = [each for each in newest.values() if not each.held]
    count = backups.count()
    confirmed = count - len(lost) - len(stale)
    return Control(
        "retention",
        "Backups kept as long as promised (90 days; PHI seven years)",
        None if not count else not stale and not lost,
        f"{confirmed} of {count} backups confirmed by the store."
        if count
        else "There is no backup that must still be kept.",
        open=(
            *((f"Backup {each.backup_id}: {each.problem}", "") for each in lost),
            *((f"Backup {each.pk}: not asked about since yesterday", "") for each in stale),
        ),
    )


def _processing(target: Target, _period: Period, _now: datetime) -> Control:
    count = ProcessingRecord.objects.filter(group=target.group).values("name").distinct().count()
    return Control(
        "processing",
        "Records of processing",
        count > 0 if target.phi_tables else None,
        f"{count} activities are recorded for {target.group}.",
        url="/compliance/processing/",
    )
