"""The spec's severity levels, response times and playbook."""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from migrations_portal.kernel.errors import Refused


class Severity(StrEnum):
    P0 = "P0"
    P1 = "P1"
    P2 = "P2"
    P3 = "P3"


@dataclass(frozen=True)
class SeverityFacts:
    """A row of the spec's table "Severity Levels"."""

    title: str
    description: str
    respond_within: timedelta
    response: str
    actions: str


SEVERITIES: dict[Severity, SeverityFacts] = {
    Severity.P0: SeverityFacts(
        "Critical",
        "Data loss, corruption, or HIPAA breach",
        timedelta(0),
        "Immediate",
        "Stop migration, rollback, restore from backup",
    ),
    Severity.P1: SeverityFacts(
        "High",
        "Migration failure, application errors above 10 %",
        timedelta(minutes=15),
        "Within 15 min",
        "Rollback migration, investigate",
    ),
    Severity.P2: SeverityFacts(
        "Medium",
        "Performance degradation above 50 %",
        timedelta(minutes=30),
        "Within 30 min",
        "Monitor, prepare rollback",
    ),
    Severity.P3: SeverityFacts(
        "Low",
        "Minor issues, below 5 % error rate",
        timedelta(hours=2),
        "Within 2 hours",
        "Document, fix in next release",
    ),
}


class Trigger(StrEnum):
    """What opened an incident."""

    RUN_FAILED = "RUN_FAILED"
    RUN_ROLLED_BACK = "RUN_ROLLED_BACK"
    OUTCOME_UNKNOWN = "OUTCOME_UNKNOWN"
    RUN_PARTIAL = "RUN_PARTIAL"
    RUN_IRREVERSIBLE = "RUN_IRREVERSIBLE"
    STOPPED_BEFORE_CHANGE = "STOPPED_BEFORE_CHANGE"
    EMERGENCY_CHANGE = "EMERGENCY_CHANGE"


SEVERITY_OF: dict[Trigger, Severity] = {
    Trigger.RUN_PARTIAL: Severity.P0,
    Trigger.RUN_IRREVERSIBLE: Severity.P0,
    Trigger.OUTCOME_UNKNOWN: Severity.P0,
    Trigger.RUN_FAILED: Severity.P1,
    Trigger.RUN_ROLLED_BACK: Severity.P1,
    Trigger.STOPPED_BEFORE_CHANGE: Severity.P3,
    Trigger.EMERGENCY_CHANGE: Severity.P3,
}
"""A half-done or unknown change counts as possible corruption, destroyed data as loss (P0); a migration failure is P1; a run that
stopped before it touched the target is a minor issue (P3)."""


@dataclass(frozen=True)
class TriggerFacts:
    """What is known when an incident opens for this reason, and what to do first. Never more than was measured."""

    known: str
    do_first: str


TRIGGERS: dict[Trigger, TriggerFacts] = {
    Trigger.RUN_PARTIAL: TriggerFacts(
        "A part of a migration is in the database and the rest is not",
        "Open the run: two people decide whether to keep what is there or to restore the backup.",
    ),
    Trigger.RUN_IRREVERSIBLE: TriggerFacts(
        "A migration took data away, did not pass its checks, and undoing does not bring the data back",
        "Open the run: two people decide whether to restore the backup or to keep what is there.",
    ),
    Trigger.OUTCOME_UNKNOWN: TriggerFacts(
        "It is not known what a migration changed",
        "Open the run: it shows what the database holds now, and two people decide.",
    ),
    Trigger.RUN_FAILED: TriggerFacts(
        "A migration failed",
        "Open the run and read why. It says what changed, and what did not.",
    ),
    Trigger.RUN_ROLLED_BACK: TriggerFacts(
        "A migration was applied, did not pass its checks, and was undone",
        "See that the application is well, then find out why the check did not pass.",
    ),
    Trigger.STOPPED_BEFORE_CHANGE: TriggerFacts(
        "A run stopped before it touched the database",
        "Nothing has to be repaired. Mend what the run names, then open the change as a new plan.",
    ),
    Trigger.EMERGENCY_CHANGE: TriggerFacts(
        "A change took the emergency path, without the lead times",
        "Watch the run, then see that the emergency is reviewed within a day.",
    ),
}


@dataclass(frozen=True)
class PlaybookPhase:
    """One phase of the spec's "P0 Critical Incident Response"."""

    title: str
    until: timedelta
    items: tuple[str, ...]


PLAYBOOK: tuple[PlaybookPhase, ...] = (
    PlaybookPhase(
        "Immediate actions (0 to 5 minutes)",
        timedelta(minutes=5),
        (
            "Stop migration execution",
            "Enable maintenance mode",
            "Alert incident response team",
            "Begin rollback procedure",
        ),
    ),
    PlaybookPhase(
        "Containment (5 to 15 minutes)",
        timedelta(minutes=15),
        (
            "Complete rollback or restore from backup",
            "Verify data integrity",
            "Document incident timeline",
        ),
    ),
    PlaybookPhase(
        "Recovery (15 to 30 minutes)",
        timedelta(minutes=30),
        (
            "Restore application functionality",
            "Verify system health",
            "Communicate status to stakeholders",
        ),
    ),
    PlaybookPhase(
        "Post-incident (1 to 24 hours)",
        timedelta(hours=24),
        (
            "Conduct post-mortem",
            "Document root cause",
            "Create prevention plan",
            "Update procedures",
        ),
    ),
)


class AlreadyAcknowledged(Refused):
    """Somebody has this incident already."""

    code = "already-acknowledged"


class AlreadyClosed(Refused):
    """This incident is closed already."""

    code = "already-closed"


class FindingMissing(Refused):
    """Say what was found and done before you close the incident."""

    code = "finding-missing"
