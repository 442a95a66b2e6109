"""The people of the demo, one per role, and whom the company names beside them. Telephone numbers: fictional (555-01xx)."""

from dataclasses import dataclass

from migrations_portal.people.rules import Role
from migrations_portal.targets.rules import StakeholderKind

DOMAIN = "whitecross.example"
GROUP = "School health"


@dataclass(frozen=True)
class Player:
    """One person of the demo and the one role that they hold."""

    full_name: str
    role: Role
    phone: str

    @property
    def email(self) -> str:
        """The name with which they sign in."""
        return f"{self.full_name.split()[0].lower()}@{DOMAIN}"


CAST = (
    Player("Ana Lopez", Role.ENGINEER, "+1 202-555-0101"),
    Player("Dan Okafor", Role.DBA, "+1 202-555-0102"),
    Player("Tess Lindqvist", Role.TECH_LEAD, "+1 202-555-0103"),
    Player("Carla Moreno", Role.CTO, "+1 202-555-0104"),
    Player("Eve Tanaka", Role.EXECUTIVE, "+1 202-555-0105"),
    Player("Sam Weber", Role.SECURITY_OFFICER, "+1 202-555-0106"),
    Player("Cleo Adeyemi", Role.COMPLIANCE_OFFICER, "+1 202-555-0107"),
    Player("Petra Novak", Role.PRIVACY_OFFICER, "+1 202-555-0108"),
    Player("Ian Fraser", Role.INCIDENT_RESPONDER, "+1 202-555-0109"),
    Player("Auda Haddad", Role.AUDITOR, "+1 202-555-0110"),
    Player("Adam Berg", Role.ADMINISTRATOR, "+1 202-555-0111"),
)

EMERGENCY_ROLES = (Role.DBA, Role.TECH_LEAD, Role.CTO, Role.PRIVACY_OFFICER)
"""Spec, "Emergency Contacts": database admin, tech lead, CTO, HIPAA officer; in that order on the page."""

STAKEHOLDERS = {
    StakeholderKind.ENGINEERING: "Engineering team",
    StakeholderKind.PRODUCT: "Product management",
    StakeholderKind.CUSTOMER_SUPPORT: "Customer support",
    StakeholderKind.COMPLIANCE: "Compliance office",
    StakeholderKind.INFRASTRUCTURE: "Infrastructure team",
}
"""Spec, "Stakeholders to Notify": a mailbox per kind."""


def mailbox(kind: StakeholderKind) -> str:
    """Return the address of a kind of stakeholder, such as customer-support@whitecross.example."""
    return f"{kind.lower().replace('_', '-')}@{DOMAIN}"
