"""Targets, their groups, and who holds which role for a group."""

from zoneinfo import ZoneInfo

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from guardian.models import UserObjectPermissionBase

from migrations_portal.people.rules import Role
from migrations_portal.targets.rules import EnvironmentKind, StakeholderKind, TagSource


class TargetGroup(models.Model):
    """Targets that the same people answer for, such as one product's staging and production."""

    name = models.CharField(max_length=80, unique=True)

    class Meta:
        db_table = "targets_group"
        default_permissions = ()
        permissions = [(role.permission, f"acts as {role.title.lower()}") for role in Role]

    def __str__(self) -> str:
        return self.name


class TargetGroupRole(UserObjectPermissionBase):
    """One person holds one role for one group (guardian's row with a real foreign key)."""

    content_object = models.ForeignKey(TargetGroup, on_delete=models.CASCADE)
    valid_until = models.DateTimeField(null=True, blank=True)
    """When the role ends by itself, such as an outside auditor's; empty for a role without an end."""

    class Meta(UserObjectPermissionBase.Meta):
        db_table = "targets_group_role"


class Target(models.Model):
    """A database in an environment. Its credential is a name only; workers fetch the secret when they need it (S6)."""

    name = models.CharField(max_length=80, unique=True)
    group = models.ForeignKey(TargetGroup, on_delete=models.PROTECT, related_name="targets")
    environment = models.CharField(max_length=12)
    host = models.CharField(max_length=255)
    port = models.PositiveIntegerField(default=5432)
    database = models.CharField(max_length=63)
    credential = models.CharField(max_length=80)
    project = models.CharField(max_length=120)
    """Folder of the prepared Sequelize project, below the projects folder."""
    time_zone = models.CharField(max_length=60, default="America/New_York")
    drill_target = models.ForeignKey(
        "self", on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    """The staging target on whose server restore drills and previews make their scratch databases."""
    staging_target = models.ForeignKey(
        "self", on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    """The staging target on which each plan runs before it may start here; empty: there is no stage before."""
    smoke_addresses = ArrayField(models.CharField(max_length=300), default=list, blank=True)
    """Addresses of the application on this target; smoke checks may ask what lies below them, and nothing else."""
    watch_seconds = models.PositiveIntegerField(default=300)
    """How long a run goes on watching after its last step (spec: five minutes)."""
    traffic_hook = models.URLField(max_length=300, blank=True)
    """Where the application is told to divert its traffic and to take it back; empty: nobody is told."""
    traffic_credential = models.CharField(max_length=80, blank=True)
    """The credential whose password signs the calls of the hook."""
    rds_instance = models.CharField(max_length=63, blank=True)
    """The RDS instance that is backed up by snapshots; empty for one that is dumped."""
    copies_may_hold_data = models.BooleanField(default=True)
    """Whether rehearsals may run on a restored backup of it; where not, they run on its schema alone."""
    phi_tables = ArrayField(models.CharField(max_length=128), default=list, blank=True)
    """Names that its PHI catalogue starts with; what counts afterwards are the `PhiTag` rows."""

    class Meta:
        db_table = "targets_target"
        constraints = [
            models.CheckConstraint(
                condition=Q(environment__in=[str(kind) for kind in EnvironmentKind]),
                name="targets_target_environment_known",
            ),
            models.CheckConstraint(
                condition=Q(staging_target__isnull=True) | ~Q(staging_target=F("id")),
                name="targets_target_staging_is_another",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def zone(self) -> ZoneInfo:
        """The time zone in which its windows are thought."""
        return ZoneInfo(self.time_zone)

    @property
    def is_production(self) -> bool:
        """Whether the production rules apply."""
        return self.environment == EnvironmentKind.PRODUCTION


class Stakeholder(models.Model):
    """An address that hears of plans at T-3."""

    group = models.ForeignKey(TargetGroup, on_delete=models.PROTECT, related_name="stakeholders")
    kind = models.CharField(max_length=20)
    name = models.CharField(max_length=120)
    email = models.EmailField()

    class Meta:
        db_table = "targets_stakeholder"
        constraints = [
            models.CheckConstraint(
                condition=Q(kind__in=[str(kind) for kind in StakeholderKind]),
                name="targets_stakeholder_kind_known",
            ),
            models.UniqueConstraint(
                fields=["group", "kind", "email"], name="targets_stakeholder_once"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} <{self.email}>"


class PhiTag(models.Model):
    """What somebody, or its name, says of one table or column: that it holds PHI, or that it does not."""

    target = models.ForeignKey(Target, on_delete=models.PROTECT, related_name="phi_tags")
    relation = models.CharField(max_length=128)
    """`schema.table`; the bare name for a table that is not in the target yet."""
    column = models.CharField(max_length=63, blank=True)
    """Empty: the whole table."""
    phi = models.BooleanField()
    """False keeps a name that looks like PHI from being tagged again after a person has cleared it."""
    source = models.CharField(max_length=8)
    reason = models.CharField(max_length=300, blank=True)
    by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )
    """Empty when the portal did it."""
    at = models.DateTimeField()

    class Meta:
        db_table = "targets_phi_tag"
        constraints = [
            models.UniqueConstraint(
                fields=["target", "relation", "column"], name="targets_phi_tag_once"
            ),
            models.CheckConstraint(
                condition=Q(source__in=[str(each) for each in TagSource]),
                name="targets_phi_tag_source_known",
            ),
            models.CheckConstraint(
                condition=Q(source="PERSON", by__isnull=False)
                | (~Q(source="PERSON") & Q(by__isnull=True)),
                name="targets_phi_tag_person_named",
            ),
            models.CheckConstraint(
                condition=Q(phi=True) | (Q(by__isnull=False) & ~Q(reason="")),
                name="targets_phi_tag_cleared_by_somebody",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.relation}.{self.column}" if self.column else self.relation


class TargetCatalogue(models.Model):
    """What the target's catalogue held when it was read last. No row of a table is ever in it."""

    target = models.OneToOneField(Target, on_delete=models.PROTECT, related_name="catalogue")
    read_at = models.DateTimeField()
    server_version = models.PositiveSmallIntegerField()
    """Major version."""
    schema_digest = models.CharField(max_length=64)
    """SHA-256 of the schema as text."""
    items = models.JSONField(default=dict)
    """Tables and views, in the shape of `risk.catalogue`."""
    rows = models.JSONField(default=dict)
    """Estimated rows by `schema.table`."""

    class Meta:
        db_table = "targets_catalogue"

    def __str__(self) -> str:
        return f"catalogue of {self.target_id}"


class MeasuredRate(models.Model):
    """How fast a server does one kind of work, as a calibration on it has measured."""

    target = models.ForeignKey(Target, on_delete=models.PROTECT, related_name="rates")
    work = models.CharField(max_length=12)
    """A kind of `risk.prediction.Work`."""
    usual = models.FloatField()
    slow = models.FloatField()
    fast = models.FloatField()
    """Bytes or rows per second: the middle of the samples, and the interval that is to be expected."""
    samples = models.JSONField(default=list)
    measured_on = models.CharField(max_length=80)
    """Name of the target on whose server it was measured."""
    server_version = models.PositiveSmallIntegerField()
    measured_at = models.DateTimeField()

    class Meta:
        db_table = "targets_measured_rate"
        constraints = [
            models.UniqueConstraint(
                fields=["target", "work", "measured_at"], name="targets_measured_rate_once"
            ),
            models.CheckConstraint(
                condition=Q(slow__gt=0, usual__gte=models.F("slow"), fast__gte=models.F("usual")),
                name="targets_measured_rate_in_order",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.work} {self.usual:.0f}/s"
