"""Targets, their groups, and who holds which role for a group."""

from zoneinfo import ZoneInfo

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from guardian.models import UserObjectPermissionBase

from migrations_portal.people.rules import Role
from migrations_portal.targets.rules import EnvironmentKind, StakeholderKind


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
    phi_tables = ArrayField(models.CharField(max_length=128), default=list, blank=True)

    class Meta:
        db_table = "targets_target"
        constraints = [
            models.CheckConstraint(
                condition=Q(environment__in=[str(kind) for kind in EnvironmentKind]),
                name="targets_target_environment_known",
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
