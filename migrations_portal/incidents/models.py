"""The tables of incidents."""

from django.conf import settings
from django.db import models
from django.db.models import Q

from migrations_portal.incidents.rules import Severity
from migrations_portal.people.rules import Role


class EmergencyContact(models.Model):
    """Whom to call for a group of targets (spec, "Emergency Contacts")."""

    group = models.ForeignKey(
        "migrations_portal.TargetGroup", on_delete=models.PROTECT, related_name="contacts"
    )
    role = models.CharField(max_length=20)
    position = models.PositiveSmallIntegerField(default=0)
    name = models.CharField(max_length=120)
    phone = models.CharField(max_length=40)
    email = models.EmailField()

    class Meta:
        db_table = "incidents_contact"
        constraints = [
            models.CheckConstraint(
                condition=Q(role__in=[str(each) for each in Role]),
                name="incidents_contact_role_known",
            ),
            models.UniqueConstraint(
                fields=["group", "role", "position"], name="incidents_contact_once"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.role})"


class Incident(models.Model):
    """Something went wrong with a run. One incident per run and trigger."""

    run = models.ForeignKey(
        "migrations_portal.MigrationRun", on_delete=models.PROTECT, related_name="incidents"
    )
    trigger = models.CharField(max_length=24)
    severity = models.CharField(max_length=2)
    title = models.CharField(max_length=200)
    opened_at = models.DateTimeField()
    respond_by = models.DateTimeField()
    acknowledged_at = models.DateTimeField(null=True)
    acknowledged_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )
    closed_at = models.DateTimeField(null=True)
    closed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, related_name="+"
    )
    finding = models.TextField(blank=True)

    class Meta:
        db_table = "incidents_incident"
        constraints = [
            models.CheckConstraint(
                condition=Q(severity__in=[str(each) for each in Severity]),
                name="incidents_incident_severity_known",
            ),
            models.UniqueConstraint(fields=["run", "trigger"], name="incidents_incident_once"),
            models.CheckConstraint(
                condition=Q(acknowledged_at__isnull=True, acknowledged_by__isnull=True)
                | Q(acknowledged_at__isnull=False, acknowledged_by__isnull=False),
                name="incidents_incident_acknowledged_whole",
            ),
            models.CheckConstraint(
                condition=Q(closed_at__isnull=True, closed_by__isnull=True)
                | (Q(closed_at__isnull=False, closed_by__isnull=False) & ~Q(finding="")),
                name="incidents_incident_closed_whole",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.severity} {self.title}"


class IncidentEvent(models.Model):
    """A line of an incident's timeline."""

    incident = models.ForeignKey(Incident, on_delete=models.PROTECT, related_name="events")
    at = models.DateTimeField()
    who = models.CharField(max_length=120)
    sentence = models.TextField()

    class Meta:
        db_table = "incidents_event"

    def __str__(self) -> str:
        return self.sentence[:80]
