"""Whether what is about to run is what people signed: asked by the executor before it goes to the target (A4, S7)."""

import json

from migrations_portal.approvals import queries as approvals
from migrations_portal.approvals.services import BACKUP_POLICY
from migrations_portal.execution.rules import NotSigned
from migrations_portal.plans import queries as plans
from migrations_portal.runbooks.tools import RunContext


def check(context: RunContext) -> None:
    """Raise `NotSigned` unless all of these are one.

    1. the plan's rows as they are now, with the packages as they lie on this worker;
    2. the bytes that this run hands to the migration tool;
    3. the digest of the revision, and the digest that stands under every signature on it.
    """
    revision = context.run.revision
    packages = _packages(context)
    content = plans.content(
        context.plan,
        level=revision.level,
        phi=revision.phi,
        backup_policy=BACKUP_POLICY,
        packages=packages,
    )
    if content.digest() != revision.digest:
        raise NotSigned(_WHAT.format("its content has another digest"))
    if content.files != context.bundle.hashes:
        raise NotSigned(_WHAT.format("the files of the run are not those of the plan"))
    if any(seat.signed_digest != revision.digest for seat in approvals.decided(revision.pk)):
        raise NotSigned(_WHAT.format("a signature on it stands under another digest"))


_WHAT = "The plan is not what was signed: {}. Nothing was run; ask the author."


def _packages(context: RunContext) -> str:
    """Return the hash of the packages where the signed content holds one; raise `NotSigned` when they are others."""
    approved: str = json.loads(context.run.revision.content).get("packages", "")
    if not approved:
        return ""
    found = context.tools.driver.packages(context.bundle)
    if found != approved:
        raise NotSigned(
            f"The packages of {context.bundle.project.name} on this worker are not those that the assessment ran with. Nothing was "
            "run. Install them again from the lock file of then; or open the plan for changes, which has it assessed and signed anew."
        )
    return found
