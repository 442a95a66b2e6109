"""Assessing a plan: its files run on an empty copy of the target's schema, and the SQL they really sent is judged.

The copy holds no rows, so no PHI leaves the target. Going up and down again also shows whether the way back works.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from migrations_portal import risk
from migrations_portal.execution.ports import Bundle, ChildResult, SessionLimits
from migrations_portal.execution.recording import RecordedScript, recorded_sql
from migrations_portal.kernel.errors import ProductError, Refused, TargetTrouble
from migrations_portal.plans import services as plans
from migrations_portal.plans.models import MigrationPlan, PlanAssessment
from migrations_portal.plans.rules import files_digest
from migrations_portal.runbooks import catalogue, explaining
from migrations_portal.runbooks.carried import carry_over, history_of
from migrations_portal.runbooks.catalogue import MAJOR, SIZES
from migrations_portal.runbooks.tools import Tools, bundle_of
from migrations_portal.runbooks.truth import schema_difference
from migrations_portal.targets import queries as targets
from migrations_portal.targets.ports import Endpoint

logger = logging.getLogger(__name__)

__all__ = ["MAJOR", "SIZES", "PreviewFailed", "assess_plan"]

NAME = "wcops-preview"
CALL_SECONDS = 90
"""On an empty copy even a long migration ends in a second or two; a call that has not ended by now hangs."""


class PreviewFailed(TargetTrouble):
    """The file does not run on an empty copy of the schema."""

    code = "preview-failed"


@dataclass
class Recorded:
    """What the files sent, going up and going down."""

    up: list[tuple[str, RecordedScript]] = field(default_factory=list)
    down: list[tuple[str, RecordedScript]] = field(default_factory=list)
    rollback_proven: bool = False
    rollback_sentence: str = ""


def assess_plan(*, assessment_id: int, tools: Tools, clock: Callable[[], datetime]) -> None:
    """Assess the files of a plan and store the result. Done once per set of files.

    What is wrong with the files is stored as a sentence. Trouble that is not theirs puts the assessment off: it is tried
    again by itself, and the page says why it takes longer.
    """
    row = PlanAssessment.objects.select_related(
        "plan__target__drill_target", "plan__target__group"
    ).get(pk=assessment_id)
    if not plans.claim_assessment(assessment_id=row.pk, now=clock()):
        return
    bundle = bundle_of(row.plan, projects=tools.projects)
    if files_digest(target_id=row.plan.target_id, files=bundle.hashes) != row.files_digest:
        plans.release_assessment(
            assessment_id=row.pk
        )  # what would run is not what this assessment speaks of
        return
    scratch_name = f"wco_preview_{row.pk}"
    try:
        said = _assess(row.plan, bundle=bundle, tools=tools, scratch_name=scratch_name, now=clock())
    except (PreviewFailed, Refused) as failure:
        said, problem = {}, failure.sentence
    except ProductError as trouble:  # of ours or of the target's server: no word about the files
        plans.put_off_assessment(assessment_id=row.pk, why=trouble.sentence)
        return
    else:
        problem = ""
    plans.store_assessment(
        assessment_id=row.pk,
        level=said.get("level", ""),
        phi=said.get("phi", False),
        tables=said.get("tables", ()),
        result=said,
        problem=problem,
        now=clock(),
    )


def _assess(
    plan: MigrationPlan, *, bundle: Bundle, tools: Tools, scratch_name: str, now: datetime
) -> dict[str, Any]:
    found = catalogue.read(plan.target, tools=tools, now=now)
    recorded = _record(
        bundle,
        tools=tools,
        scratch=tools.scratch(plan.target, name=scratch_name),
        schema_text=found.schema_text,
        history=history_of(tools.endpoint(plan.target), bundle, tools=tools, application_name=NAME),
    )
    said = explaining.judged(
        _scripts(recorded.up),
        _scripts(recorded.down),
        found=found,
        rates=targets.newest_rates(target=plan.target),
        texts={
            each.name: each.content.decode("utf-8", "replace")
            for each in bundle.files
            if not each.name.endswith(".sql")
        },
    )
    rollback = {"proven": recorded.rollback_proven, "sentence": recorded.rollback_sentence}
    return {**said, "rollback": rollback, "packages": tools.driver.packages(bundle)}


def _scripts(recorded: Sequence[tuple[str, RecordedScript]]) -> list[risk.ScriptFile]:
    return [
        risk.ScriptFile(
            name=name,
            sql=";\n".join(script.statements) + ";",
            one_transaction=script.one_transaction,
        )
        for name, script in recorded
        if script.statements
    ]


def _record(
    bundle: Bundle, *, tools: Tools, scratch: Endpoint, schema_text: str, history: Sequence[str]
) -> Recorded:
    """Run every file up and down on the scratch copy."""
    tools.server.drop_database(scratch)
    tools.server.create_database(scratch)
    try:
        with tools.server.session(scratch, application_name=NAME) as session:
            session.run_script(f"SET check_function_bodies = off;\n{schema_text}")
        carry_over(history, into=scratch, bundle=bundle, tools=tools, application_name=NAME)
        return _up_and_down(bundle, tools=tools, scratch=scratch)
    finally:
        tools.server.drop_database(scratch)


def _up_and_down(bundle: Bundle, *, tools: Tools, scratch: Endpoint) -> Recorded:
    limits = SessionLimits(
        application_name=NAME,
        lock_timeout_ms=5_000,
        statement_timeout_ms=60_000,
        wall_clock_ms=CALL_SECONDS * 1000,
        keep_values=True,  # the copy is empty, so nobody's values are in the statements of the file
    )
    recorded = Recorded()
    before = tools.dump.schema(scratch)
    for each in bundle.files:
        result = tools.driver.up(scratch, bundle, name=each.name, limits=limits)
        _check_ran(each.name, result)
        recorded.up.append((each.name, recorded_sql(result)))
    for each in reversed(bundle.files):
        result = tools.driver.down(scratch, bundle, name=each.name, limits=limits)
        recorded.down.append((each.name, recorded_sql(result)))
        if result.exit_code != 0:
            recorded.rollback_sentence = (
                f"Undoing {each.name} failed on the empty copy (code {result.exit_code})."
            )
            return recorded
    difference = schema_difference(before, tools.dump.schema(scratch))
    recorded.rollback_proven = not difference
    recorded.rollback_sentence = (
        "Tried on an empty copy: after undoing, the schema is exactly as before."
        if not difference
        else f"After undoing, the schema is not as before: {difference[0]} …"
    )
    return recorded


def _check_ran(name: str, result: ChildResult) -> None:
    if result.timed_out:
        raise PreviewFailed(
            f"{name} had not ended after {CALL_SECONDS} s on an empty copy of the schema, so it was stopped. See what it "
            "waits for; if the machine was only busy, have it assessed again."
        )
    if result.exit_code != 0:
        last = [line for line in result.output.splitlines() if line.strip()][-1:]
        raise PreviewFailed(
            f"{name} does not run on an empty copy of the schema: {' '.join(last) or 'no output'}. "
            "Mend the file and upload it again."
        )
    if not result.statements:
        raise PreviewFailed(f"{name} sent nothing to the database. Does it export `up`?")
