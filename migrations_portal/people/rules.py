"""The roles of design section 13. A role is held for a group of targets, never for everything."""

from dataclasses import dataclass
from enum import StrEnum


class Role(StrEnum):
    ENGINEER = "ENGINEER"
    DBA = "DBA"
    TECH_LEAD = "TECH_LEAD"
    CTO = "CTO"
    EXECUTIVE = "EXECUTIVE"
    SECURITY_OFFICER = "SECURITY_OFFICER"
    COMPLIANCE_OFFICER = "COMPLIANCE_OFFICER"
    PRIVACY_OFFICER = "PRIVACY_OFFICER"
    INCIDENT_RESPONDER = "INCIDENT_RESPONDER"
    AUDITOR = "AUDITOR"
    ADMINISTRATOR = "ADMINISTRATOR"

    @property
    def title(self) -> str:  # type: ignore[override]  # a word of the product, not str.title
        """The name that people read."""
        return ROLES[self].title

    @property
    def noun(self) -> str:
        """The name inside a sentence: "database admin", but "CTO"."""
        return self.title if self.title.isupper() else self.title.lower()

    @property
    def permission(self) -> str:
        """The codename of the object permission that means "holds this role here"."""
        return f"act_as_{self.lower()}"


@dataclass(frozen=True)
class RoleFacts:
    """What a role is called and what it may do."""

    title: str
    duty: str


ROLES: dict[Role, RoleFacts] = {
    Role.ENGINEER: RoleFacts("Engineer", "writes plans and submits them"),
    Role.DBA: RoleFacts(
        "Database admin",
        "reviews plans of low to high risk, gives the go at T-1 for every plan, watches runs",
    ),
    Role.TECH_LEAD: RoleFacts("Tech lead", "reviews plans of medium risk"),
    Role.CTO: RoleFacts("CTO", "reviews plans of high risk"),
    Role.EXECUTIVE: RoleFacts("Executive", "approves plans of critical risk"),
    Role.SECURITY_OFFICER: RoleFacts("Security officer", "signs every plan at T-5"),
    Role.COMPLIANCE_OFFICER: RoleFacts(
        "Compliance officer", "signs every plan at T-5, exports the ledger"
    ),
    Role.PRIVACY_OFFICER: RoleFacts("Privacy officer", "signs every plan that touches PHI"),
    Role.INCIDENT_RESPONDER: RoleFacts("Incident responder", "leads incidents"),
    Role.AUDITOR: RoleFacts("Auditor", "reads and exports, nothing else"),
    Role.ADMINISTRATOR: RoleFacts("Administrator", "keeps people and targets, holds no seat"),
}

SIGNING_ROLES = frozenset(
    {
        Role.DBA,
        Role.TECH_LEAD,
        Role.CTO,
        Role.EXECUTIVE,
        Role.SECURITY_OFFICER,
        Role.COMPLIANCE_OFFICER,
        Role.PRIVACY_OFFICER,
    }
)
"""Roles that can hold a seat in a chain of approvals."""

LEDGER_READERS = frozenset(
    {Role.COMPLIANCE_OFFICER, Role.AUDITOR, Role.PRIVACY_OFFICER, Role.SECURITY_OFFICER}
)
"""Roles that may read and export the whole ledger of their target groups."""

DECIDING_ROLES = frozenset({Role.DBA, Role.TECH_LEAD, Role.CTO, Role.INCIDENT_RESPONDER})
"""Roles that may decide, two together, what happens after a run whose outcome needs a decision."""

GIVEN_BY_ADMINISTRATORS = frozenset(Role) - {Role.AUDITOR}
"""An auditor is admitted on a page of their own, with a day on which it ends."""


def clash(*, held: frozenset[Role], new: Role) -> str:
    """Return why somebody who holds `held` for a group cannot have `new` there as well; empty when they can.

    An administrator gives the roles that sign, so they hold none of them (design section 13); an auditor has no other part.
    """
    if Role.AUDITOR in held:
        return "An auditor of these targets has no other part in them. End that role first."
    signing = held & SIGNING_ROLES
    if new is Role.ADMINISTRATOR and signing:
        titles = ", ".join(role.noun for role in Role if role in signing)
        return f"An administrator holds no seat, and this person signs as {titles}. Take that role first."
    if Role.ADMINISTRATOR in held and new in SIGNING_ROLES:
        return "An administrator holds no seat: whoever gives roles does not sign. Take the administrator's role first."
    return ""
