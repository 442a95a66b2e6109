"""Reading incidents."""

from django.db.models import QuerySet

from migrations_portal.execution import queries as run_queries
from migrations_portal.incidents.models import EmergencyContact, Incident
from migrations_portal.kernel.errors import Refused
from migrations_portal.people.models import Person
from migrations_portal.targets.models import Target


class IncidentNotFound(Refused):
    """There is no such incident, or it belongs to targets that you have no role for."""

    code = "incident-not-found"


def visible(*, person: Person) -> QuerySet[Incident]:
    """Return the incidents of runs that `person` may see, newest first."""
    runs = run_queries.visible(person=person).order_by().values("pk")
    return (
        Incident.objects.filter(run__in=runs)
        .select_related("run__plan", "run__target")
        .order_by("-pk")
    )


def get(*, incident_id: int, person: Person) -> Incident:
    """Return one incident that `person` may see, or raise `IncidentNotFound`."""
    incident = visible(person=person).filter(pk=incident_id).first()
    if incident is None:
        raise IncidentNotFound
    return incident


def contacts(target: Target) -> list[EmergencyContact]:
    """Return whom to call for a target, in the order of the list."""
    return list(EmergencyContact.objects.filter(group=target.group).order_by("position", "role"))
