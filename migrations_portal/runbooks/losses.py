"""What undoing a run's files by name does not bring back: values that they destroyed, as far as anybody can know it."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from migrations_portal import risk
from migrations_portal.execution import queries as execution
from migrations_portal.plans import explained
from migrations_portal.plans import queries as plans
from migrations_portal.rehearsals import queries as rehearsals
from migrations_portal.risk import Reversibility
from migrations_portal.runbooks.tools import RunContext


def assessment(context: RunContext) -> Mapping[str, Any]:
    """Return what was assessed of exactly the files of this run; empty when nothing was."""
    found = plans.assessment_of_revision(context.plan, revision=context.run.revision)
    return found.result if found else {}


def destroyed(context: RunContext, *, files: Collection[str]) -> list[str]:
    """Say where these files took data away that only the backup brings back; nothing when undoing them is enough.

    What cannot be seen before it runs counts, unless a rehearsal on rows went back to the very same contents.
    """
    result = assessment(context)
    found = explained.graded(result, grade=Reversibility.RED, files=files)
    found += [
        f"{name}, by SQL that was not assessed"
        for name, said in execution.sent_otherwise(context.run).items()
        if name in files and _destroys(name, said["new"])
    ]
    unseen = explained.graded(result, grade=Reversibility.UNKNOWN, files=files)
    if unseen and not rehearsals.contents_proven(context.run.revision):
        found += [f"{place}, which nobody can see into" for place in unseen]
    return found


def changed(context: RunContext) -> list[str]:
    """Return the tables whose contents were other than before when the rehearsal of this revision had gone back."""
    return rehearsals.contents_after_down(context.run.revision)


def _destroys(name: str, statements: Sequence[str]) -> bool:
    script = risk.ScriptFile(name, ";\n".join([*statements, ""]))
    return risk.assess([script]).reversibility is Reversibility.RED
