"""The spec's checklist template: every item of its four lists, and which of them the portal proves itself."""

from dataclasses import dataclass
from enum import StrEnum


class Section(StrEnum):
    PRE_MIGRATION = "PRE_MIGRATION"
    EXECUTION = "EXECUTION"
    POST_MIGRATION = "POST_MIGRATION"
    ROLLBACK = "ROLLBACK"

    @property
    def title(self) -> str:  # type: ignore[override]  # a word of the product, not str.title
        """The heading of the list in the spec's template."""
        return {
            Section.PRE_MIGRATION: "Pre-migration",
            Section.EXECUTION: "Execution",
            Section.POST_MIGRATION: "Post-migration",
            Section.ROLLBACK: "Rollback (if needed)",
        }[self]


@dataclass(frozen=True)
class TemplateItem:
    """One line of the template. What `by_portal` says cannot be ticked by hand."""

    key: str
    section: Section
    title: str
    by_portal: bool


_PRE, _EXE, _POST, _BACK = (
    Section.PRE_MIGRATION,
    Section.EXECUTION,
    Section.POST_MIGRATION,
    Section.ROLLBACK,
)

TEMPLATE: tuple[TemplateItem, ...] = (
    TemplateItem("tested-in-development", _PRE, "Migration tested in development", by_portal=False),
    TemplateItem("tested-in-staging", _PRE, "Migration tested in staging", by_portal=False),
    TemplateItem("automated-tests-passing", _PRE, "Automated tests passing", by_portal=False),
    TemplateItem("performance-assessed", _PRE, "Performance impact assessed", by_portal=False),
    TemplateItem(
        "backup-created-and-verified", _PRE, "Backup created and verified", by_portal=True
    ),
    TemplateItem("rollback-documented", _PRE, "Rollback procedure documented", by_portal=True),
    TemplateItem("stakeholders-notified-before", _PRE, "Stakeholders notified", by_portal=True),
    TemplateItem("approval-obtained", _PRE, "Approval obtained", by_portal=True),
    TemplateItem(
        "emergency-contacts-confirmed", _PRE, "Emergency contacts confirmed", by_portal=False
    ),
    TemplateItem("backup-completed", _EXE, "Database backup completed", by_portal=True),
    TemplateItem("backup-verified", _EXE, "Backup verified", by_portal=True),
    TemplateItem("migration-executed", _EXE, "Migration executed", by_portal=True),
    TemplateItem("verification-passed", _EXE, "Verification queries passed", by_portal=True),
    TemplateItem("performance-normal", _EXE, "Performance metrics normal", by_portal=False),
    TemplateItem("application-healthy", _EXE, "Application health normal", by_portal=False),
    TemplateItem("no-errors-in-logs", _EXE, "No errors in logs", by_portal=False),
    TemplateItem("integrity-verified", _POST, "Data integrity verified", by_portal=True),
    TemplateItem("foreign-keys-valid", _POST, "Foreign keys valid", by_portal=True),
    TemplateItem("indexes-created", _POST, "Indexes created", by_portal=True),
    TemplateItem("row-counts-match", _POST, "Row counts match expected", by_portal=True),
    TemplateItem("smoke-tests-passed", _POST, "Application smoke tests passed", by_portal=False),
    TemplateItem("stakeholders-notified-after", _POST, "Stakeholders notified", by_portal=True),
    TemplateItem("audit-log-updated", _POST, "Audit log updated", by_portal=True),
    TemplateItem("documentation-updated", _POST, "Documentation updated", by_portal=False),
    TemplateItem("rollback-reason", _BACK, "Rollback reason documented", by_portal=True),
    TemplateItem("rollback-executed", _BACK, "Rollback executed", by_portal=True),
    TemplateItem("rollback-verified", _BACK, "Rollback verified", by_portal=True),
    TemplateItem("incident-report", _BACK, "Incident report created", by_portal=True),
    TemplateItem("post-mortem-scheduled", _BACK, "Post-mortem scheduled", by_portal=False),
)
PRIVACY_ASSESSMENT = TemplateItem(
    "privacy-assessment", _PRE, "Privacy impact assessment (DPIA) attached", by_portal=True
)
"""Only on plans that touch PHI (spec, "PHI-Impacting Migrations"); it ticks itself when the assessment is saved."""
BY_KEY = {item.key: item for item in (*TEMPLATE, PRIVACY_ASSESSMENT)}

GATES: dict[str, str] = {
    "tested-in-development": "REVIEW",
    "rollback-documented": "REVIEW",
    "performance-assessed": "SECURITY",
    PRIVACY_ASSESSMENT.key: "SECURITY",
    "tested-in-staging": "GO",
    "automated-tests-passing": "GO",
    "stakeholders-notified-before": "GO",
    "emergency-contacts-confirmed": "GO",
}
"""Item → the stage that cannot pass while it is open. The rest of the list is the run's (backup) or the chain's (approval)."""
