"""Words about targets."""

from enum import StrEnum


class EnvironmentKind(StrEnum):
    STAGING = "STAGING"
    PRODUCTION = "PRODUCTION"


class StakeholderKind(StrEnum):
    """The five groups that the spec wants told at T-3."""

    ENGINEERING = "ENGINEERING"
    PRODUCT = "PRODUCT"
    CUSTOMER_SUPPORT = "CUSTOMER_SUPPORT"
    COMPLIANCE = "COMPLIANCE"
    INFRASTRUCTURE = "INFRASTRUCTURE"


PHI_ONLY_STAKEHOLDERS = frozenset({StakeholderKind.COMPLIANCE})
"""Told only when a plan touches PHI (spec, "Stakeholders to Notify")."""

PHI_TABLES_OF_THE_SPEC = ("students", "health_records", "medications", "patients", "consents")
"""Tables that a new target starts with in its PHI catalogue (design section 5)."""
