"""Every table of the portal, re-exported for Django; each lives with its domain."""

from migrations_portal.accounts.models import (
    Pace,
    Passkey,
    PasskeyChallenge,
    RecoveryCode,
    SecondFactor,
)
from migrations_portal.approvals.models import (
    ChainStage,
    Deadline,
    Delegation,
    Emergency,
    Invitation,
    Seat,
)
from migrations_portal.audit.models import Checkpoint, Entry, Freeze, LedgerCheck
from migrations_portal.backups.models import Backup, RestoredCopy
from migrations_portal.compliance.models import (
    Disposal,
    Document,
    Dpia,
    Export,
    LegalHold,
    LogReview,
    ProcessingRecord,
    RetentionCheck,
)
from migrations_portal.execution.models import MigrationRun, RunDecision, RunLine, RunStep
from migrations_portal.incidents.models import EmergencyContact, Incident, IncidentEvent
from migrations_portal.monitoring.models import RunSample
from migrations_portal.notifications.models import Notice
from migrations_portal.people.models import Person
from migrations_portal.plans.models import (
    ChecklistItem,
    Comment,
    FrozenFile,
    MigrationPlan,
    Phase,
    PlanAssessment,
    PlanCheck,
    PlanFile,
    PlanRevision,
    PlanSmokeCheck,
    Series,
)
from migrations_portal.rehearsals.models import Rehearsal
from migrations_portal.targets.models import (
    MeasuredRate,
    PhiTag,
    Stakeholder,
    Target,
    TargetCatalogue,
    TargetGroup,
    TargetGroupRole,
)
from migrations_portal.verification.models import VerificationResult
from migrations_portal.windows.models import CalendarFeed, Period

__all__ = [
    "Backup",
    "CalendarFeed",
    "ChainStage",
    "ChecklistItem",
    "Checkpoint",
    "Comment",
    "Deadline",
    "Delegation",
    "Disposal",
    "Document",
    "Dpia",
    "Emergency",
    "EmergencyContact",
    "Entry",
    "Export",
    "Freeze",
    "FrozenFile",
    "Incident",
    "IncidentEvent",
    "Invitation",
    "LedgerCheck",
    "LegalHold",
    "LogReview",
    "MeasuredRate",
    "MigrationPlan",
    "MigrationRun",
    "Notice",
    "Pace",
    "Passkey",
    "PasskeyChallenge",
    "Period",
    "Person",
    "Phase",
    "PhiTag",
    "PlanAssessment",
    "PlanCheck",
    "PlanFile",
    "PlanRevision",
    "PlanSmokeCheck",
    "ProcessingRecord",
    "RecoveryCode",
    "Rehearsal",
    "RestoredCopy",
    "RetentionCheck",
    "RunDecision",
    "RunLine",
    "RunSample",
    "RunStep",
    "Seat",
    "SecondFactor",
    "Series",
    "Stakeholder",
    "Target",
    "TargetCatalogue",
    "TargetGroup",
    "TargetGroupRole",
    "VerificationResult",
]
