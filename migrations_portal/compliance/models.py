"""The tables of compliance. What is asked for, decided and proven here also stands in the ledger."""

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from migrations_portal.compliance.rules import ExportForm

PERSON = settings.AUTH_USER_MODEL


class Export(models.Model):
    """A file that a worker makes from the ledger. Where it came from can be asked again: same range, same bytes."""

    form = models.CharField(max_length=8)
    asked_by = models.ForeignKey(PERSON, on_delete=models.PROTECT, null=True, related_name="+")
    """Empty for the monthly report, which the portal makes."""
    asked_at = models.DateTimeField()
    purpose = models.CharField(max_length=300)
    targets = models.JSONField(default=list)
    """The names of the targets whose ledger the person may read, as it was then."""
    query = models.JSONField(default=dict)
    plan = models.ForeignKey(
        "migrations_portal.MigrationPlan", on_delete=models.PROTECT, null=True, related_name="+"
    )
    group = models.ForeignKey(
        "migrations_portal.TargetGroup", on_delete=models.PROTECT, null=True, related_name="+"
    )
    period = models.CharField(max_length=7, blank=True)
    """The month of a scheduled report, such as 2026-10."""
    through = models.BigIntegerField()
    """The entry that says that this was asked for: nothing later is in the file."""
    attempts = models.PositiveSmallIntegerField(default=0)
    claimed_at = models.DateTimeField(null=True)
    rows_done = models.BigIntegerField(default=0)
    rows_total = models.BigIntegerField(default=0)
    done_at = models.DateTimeField(null=True)
    problem = models.CharField(max_length=500, blank=True)
    bucket = models.CharField(max_length=63, blank=True)
    key = models.CharField(max_length=300, blank=True)
    version_id = models.CharField(max_length=200, blank=True)
    size = models.BigIntegerField(default=0)
    sha256 = models.CharField(max_length=64, blank=True)

    class Meta:
        db_table = "compliance_export"
        default_permissions = ()
        constraints = [
            models.CheckConstraint(
                condition=Q(form__in=[str(each) for each in ExportForm]),
                name="compliance_export_form_known",
            ),
            models.UniqueConstraint(
                fields=["group", "period", "form"],
                condition=~Q(period=""),
                name="compliance_export_period_once",
            ),
            models.CheckConstraint(
                condition=Q(done_at__isnull=True) | ~Q(problem="") | ~Q(sha256=""),
                name="compliance_export_done_whole",
            ),
        ]

    def __str__(self) -> str:
        return f"export {self.pk}"

    @property
    def percent(self) -> int:
        """How much of it is done, 0 to 100."""
        return 100 if self.done_at else min(99, 100 * self.rows_done // max(1, self.rows_total))

    @property
    def name(self) -> str:
        """The name of the file."""
        what = f"evidence-WC-{self.plan_id}" if self.plan_id else "ledger"
        part = f"-{self.period}" if self.period else ""
        return f"{what}{part}-to-{self.through}.{ExportForm(self.form).suffix}"


class Dpia(models.Model):
    """One version of a plan's privacy impact assessment. A change is a new version."""

    plan = models.ForeignKey(
        "migrations_portal.MigrationPlan", on_delete=models.PROTECT, related_name="dpias"
    )
    version = models.PositiveIntegerField()
    answers = models.JSONField()
    sha256 = models.CharField(max_length=64)
    """Over the canonical answers; the ledger names it."""
    saved_by = models.ForeignKey(PERSON, on_delete=models.PROTECT, related_name="+")
    saved_at = models.DateTimeField()

    class Meta:
        db_table = "compliance_dpia"
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(fields=["plan", "version"], name="compliance_dpia_version_once")
        ]

    def __str__(self) -> str:
        return f"DPIA {self.version} of WC-{self.plan_id}"


class Document(models.Model):
    """A file that belongs to a plan's assessment. A new upload of the same name is a new version."""

    plan = models.ForeignKey(
        "migrations_portal.MigrationPlan", on_delete=models.PROTECT, related_name="documents"
    )
    name = models.CharField(max_length=160)
    version = models.PositiveIntegerField()
    content_type = models.CharField(max_length=100)
    content = models.BinaryField()
    sha256 = models.CharField(max_length=64)
    uploaded_by = models.ForeignKey(PERSON, on_delete=models.PROTECT, related_name="+")
    uploaded_at = models.DateTimeField()

    class Meta:
        db_table = "compliance_document"
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(
                fields=["plan", "name", "version"], name="compliance_document_version_once"
            )
        ]

    def __str__(self) -> str:
        return self.name


class LogReview(models.Model):
    """The duty to look through the query log of a run on PHI (spec, "Review logs post-migration")."""

    run = models.OneToOneField(
        "migrations_portal.MigrationRun", on_delete=models.PROTECT, related_name="log_review"
    )
    opened_at = models.DateTimeField()
    due_at = models.DateTimeField()
    done_at = models.DateTimeField(null=True)
    done_by = models.ForeignKey(PERSON, on_delete=models.PROTECT, null=True, related_name="+")
    finding = models.TextField(blank=True)

    class Meta:
        db_table = "compliance_log_review"
        default_permissions = ()
        constraints = [
            models.CheckConstraint(
                condition=Q(done_at__isnull=True, done_by__isnull=True, finding="")
                | (Q(done_at__isnull=False, done_by__isnull=False) & ~Q(finding="")),
                name="compliance_log_review_done_whole",
            )
        ]

    def __str__(self) -> str:
        return f"log review of run {self.run_id}"


class RetentionCheck(models.Model):
    """What the store itself said of one backup on one day."""

    backup = models.ForeignKey(
        "migrations_portal.Backup", on_delete=models.PROTECT, related_name="retention_checks"
    )
    at = models.DateTimeField()
    held = models.BooleanField()
    """Whether it is there, encrypted, and locked at least as long as promised."""
    encryption = models.CharField(max_length=20, blank=True)
    lock_mode = models.CharField(max_length=20, blank=True)
    retain_until = models.DateTimeField(null=True)
    problem = models.CharField(max_length=300, blank=True)

    class Meta:
        db_table = "compliance_retention_check"
        default_permissions = ()
        indexes = [models.Index(fields=["backup", "-at"], name="compliance_retention_latest")]
        constraints = [
            models.CheckConstraint(
                condition=Q(held=True, problem="") | (Q(held=False) & ~Q(problem="")),
                name="compliance_retention_says_why",
            )
        ]

    def __str__(self) -> str:
        return f"retention of backup {self.backup_id}"


class ProcessingRecord(models.Model):
    """One version of one record of processing activities."""

    group = models.ForeignKey(
        "migrations_portal.TargetGroup", on_delete=models.PROTECT, related_name="processing"
    )
    name = models.CharField(max_length=120)
    version = models.PositiveIntegerField()
    answers = models.JSONField()
    saved_by = models.ForeignKey(PERSON, on_delete=models.PROTECT, related_name="+")
    saved_at = models.DateTimeField()

    class Meta:
        db_table = "compliance_processing"
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(
                fields=["group", "name", "version"], name="compliance_processing_version_once"
            )
        ]

    def __str__(self) -> str:
        return self.name


class LegalHold(models.Model):
    """Nothing of a group may be disposed of while this stands."""

    group = models.ForeignKey(
        "migrations_portal.TargetGroup", on_delete=models.PROTECT, related_name="holds"
    )
    matter = models.CharField(max_length=300)
    set_by = models.ForeignKey(PERSON, on_delete=models.PROTECT, related_name="+")
    set_at = models.DateTimeField()
    lifted_by = models.ForeignKey(PERSON, on_delete=models.PROTECT, null=True, related_name="+")
    lifted_at = models.DateTimeField(null=True)
    lift_reason = models.CharField(max_length=300, blank=True)

    class Meta:
        db_table = "compliance_legal_hold"
        default_permissions = ()
        constraints = [
            models.CheckConstraint(
                condition=Q(lifted_at__isnull=True, lifted_by__isnull=True, lift_reason="")
                | (Q(lifted_at__isnull=False, lifted_by__isnull=False) & ~Q(lift_reason="")),
                name="compliance_legal_hold_lifted_whole",
            )
        ]

    def __str__(self) -> str:
        return self.matter


class Disposal(models.Model):
    """A wish to dispose of old records; a second person has to agree. Nothing in the portal carries it out (ADR 0006)."""

    group = models.ForeignKey(
        "migrations_portal.TargetGroup", on_delete=models.PROTECT, related_name="disposals"
    )
    before = models.DateField()
    reason = models.CharField(max_length=300)
    asked_by = models.ForeignKey(PERSON, on_delete=models.PROTECT, related_name="+")
    asked_at = models.DateTimeField()
    decided_by = models.ForeignKey(PERSON, on_delete=models.PROTECT, null=True, related_name="+")
    decided_at = models.DateTimeField(null=True)
    agreed = models.BooleanField(null=True)

    class Meta:
        db_table = "compliance_disposal"
        default_permissions = ()
        constraints = [
            models.CheckConstraint(
                condition=Q(decided_by__isnull=True, decided_at__isnull=True, agreed__isnull=True)
                | Q(decided_by__isnull=False, decided_at__isnull=False, agreed__isnull=False),
                name="compliance_disposal_decided_whole",
            ),
            models.CheckConstraint(
                condition=Q(decided_by__isnull=True) | ~Q(decided_by=F("asked_by")),
                name="compliance_disposal_two_people",
            ),
        ]

    def __str__(self) -> str:
        return f"disposal before {self.before}"
