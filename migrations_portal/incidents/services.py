"""Opening, taking and closing incidents."""

from datetime import datetime

from django.db import transaction

from migrations_portal.approvals.services import mail_title
from migrations_portal.audit import services as audit
from migrations_portal.audit.rules import PORTAL, EntryKind
from migrations_portal.execution.models import MigrationRun
from migrations_portal.incidents import queries
from migrations_portal.incidents.models import Incident, IncidentEvent
from migrations_portal.incidents.rules import (
    SEVERITIES,
    SEVERITY_OF,
    TRIGGERS,
    AlreadyAcknowledged,
    AlreadyClosed,
    FindingMissing,
    Trigger,
)
from migrations_portal.notifications import services as notifications
from migrations_portal.people import access
from migrations_portal.people.models import Person
from migrations_portal.plans import services as plans


@transaction.atomic
def open_for_run(
    *, run: MigrationRun, trigger: Trigger, title: str, now: datetime, public_url: str
) -> Incident:
    """Open an incident with the severity that the spec's table gives, and call the emergency contacts by mail. Once per trigger."""
    severity = SEVERITY_OF[trigger]
    facts = SEVERITIES[severity]
    incident, opened = Incident.objects.get_or_create(
        run=run,
        trigger=str(trigger),
        defaults={
            "severity": str(severity),
            "title": title[:200],
            "opened_at": now,
            "respond_by": now + facts.respond_within,
        },
    )
    if not opened:
        return incident
    _write(
        incident,
        who=PORTAL.name,
        sentence=f"Opened as {severity} ({facts.title.lower()}): {TRIGGERS[trigger].known[0].lower()}{TRIGGERS[trigger].known[1:]}.",
        now=now,
    )
    context = {
        "plan_number": run.plan.number,
        "plan_title": mail_title(run.plan, phi=run.revision.phi),
        "severity": str(severity),
        "severity_title": facts.title,
        "title": incident.title,
        "response": facts.response,
        "target": run.target.name,
        "url": f"{public_url}/incidents/{incident.pk}/",
    }
    for contact in queries.contacts(run.target):
        notifications.queue_mail(
            template="incident_opened",
            to=contact.email,
            context={**context, "person_name": contact.name.split()[0]},
            dedup_key=f"incident-{incident.pk}",
            now=now,
            plan_id=run.plan_id,
        )
    notifications.queue_chat(
        template="incident_opened",
        context=context,
        dedup_key=f"incident-{incident.pk}",
        now=now,
        plan_id=run.plan_id,
    )
    plans.prove(
        plan=run.plan,
        key="incident-report",
        note=f"{severity} opened",
        evidence=f"/incidents/{incident.pk}/",
        now=now,
    )
    audit.append(
        plans.draft_entry(
            run.plan,
            kind=EntryKind.INCIDENT_OPENED,
            actor=PORTAL,
            sentence=f"Incident {incident.pk} ({severity}) was opened for run {run.pk}: {incident.title}",
            phi=run.revision.phi,
            facts={"severity": str(severity), "trigger": str(trigger)},
        )
    )
    return incident


def _write(incident: Incident, *, who: str, sentence: str, now: datetime) -> None:
    IncidentEvent.objects.create(incident=incident, at=now, who=who, sentence=sentence)


def _record(incident: Incident, *, by: Person, sentence: str) -> None:
    audit.append(
        plans.draft_entry(
            incident.run.plan,
            kind=EntryKind.INCIDENT_UPDATED,
            actor=audit.actor(by),
            sentence=sentence,
        )
    )


def _lock(incident_id: int, *, by: Person) -> Incident:
    incident = (
        Incident.objects.select_for_update(of=("self",))
        .select_related("run__plan__target__group")
        .get(pk=incident_id)
    )
    access.check_member(person=by, group=incident.run.plan.target.group)
    if incident.closed_at is not None:
        raise AlreadyClosed
    return incident


@transaction.atomic
def acknowledge(*, incident_id: int, by: Person, now: datetime) -> Incident:
    """Take the incident: the response clock stops. Raises `AlreadyAcknowledged`, `AlreadyClosed`."""
    incident = _lock(incident_id, by=by)
    if incident.acknowledged_at is not None:
        raise AlreadyAcknowledged
    incident.acknowledged_at, incident.acknowledged_by = now, by
    incident.save(update_fields=["acknowledged_at", "acknowledged_by"])
    _write(incident, who=by.full_name, sentence="I have it.", now=now)
    _record(incident, by=by, sentence=f"{by.full_name} took incident {incident.pk}.")
    return incident


@transaction.atomic
def close(*, incident_id: int, by: Person, finding: str, now: datetime) -> Incident:
    """Close the incident with what was found and done. Raises `FindingMissing`, `AlreadyClosed`."""
    if not finding.strip():
        raise FindingMissing
    incident = _lock(incident_id, by=by)
    incident.closed_at, incident.closed_by, incident.finding = now, by, finding.strip()
    incident.save(update_fields=["closed_at", "closed_by", "finding"])
    _write(incident, who=by.full_name, sentence=f"Closed: {incident.finding}", now=now)
    _record(incident, by=by, sentence=f"{by.full_name} closed incident {incident.pk}.")
    return incident
