"""The evidence pack of a plan: everything that was planned, agreed, proven, run and found, as files for people and for programs."""

import difflib
import itertools
import json
from typing import Any

import rfc8785
from django.template.loader import render_to_string

from migrations_portal.approvals.models import Seat
from migrations_portal.audit import queries
from migrations_portal.compliance.models import Document, Dpia, Export, LogReview
from migrations_portal.compliance.rules import DPIA_QUESTIONS
from migrations_portal.execution.models import MigrationRun
from migrations_portal.incidents.models import Incident
from migrations_portal.people.rules import ROLES, Role
from migrations_portal.plans.models import MigrationPlan, PlanRevision
from migrations_portal.verification.models import VerificationResult

Files = dict[str, bytes]
RUN_FACTS = (
    *("status", "outcome", "problem", "claimed_at", "finished_at"),
    *("history_before", "history_after", "verification_status"),
)
BACKUP_FACTS = (
    *("purpose", "bucket", "key", "version_id", "size", "sha256", "counts", "taken_at"),
    *("retain_until", "read_back_at", "restored_at", "restore_seconds"),
)


def files(row: Export, plan_id: int) -> Files:
    """Return the pack's files (all but the entries and their proof). Only names, counts and decisions: no row of a target."""
    plan = MigrationPlan.objects.select_related("author", "target__group").get(pk=plan_id)
    runs = list(plan.runs.select_related("target").order_by("pk"))
    return {
        **_plan_files(plan),
        **_revision_files(plan),
        **_dpia_files(plan),
        "signatures.json": _json(signatures(plan)),
        **{name: each for run in runs for name, each in _run_files(run).items()},
        "index.html": render_to_string("compliance/evidence.html", _page(row, plan, runs)).encode(),
    }


def _json(value: Any) -> bytes:
    """Return readable JSON with stable bytes."""
    return (
        json.dumps(value, indent=1, sort_keys=True, ensure_ascii=False, default=_plain) + "\n"
    ).encode()


def _plain(value: Any) -> str:
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


def _plan_files(plan: MigrationPlan) -> Files:
    said = {
        "number": plan.number,
        "title": plan.title,
        "author": plan.author.email,
        "target": plan.target.name,
        "status": plan.status,
        "scheduled_for": plan.scheduled_for,
        "documentation": {name: getattr(plan.documentation, name) for name in plan.documentation.__dataclass_fields__},
        "checklist": [
            {"key": item.key, "done_at": item.done_at, "by": item.done_by.email if item.done_by else None, "note": item.note}
            for item in plan.checklist.select_related("done_by").order_by("position")
        ],
        "checks": list(plan.checks.order_by("position").values("name", "sql", "expected")),
    }  # fmt: skip
    assessments = plan.assessments.order_by("pk").values(
        "files_digest", "done_at", "level", "phi", "tables", "result", "problem"
    )
    found = {"plan.json": _json(said), "assessments.json": _json(list(assessments))}
    for file in plan.files.order_by("position"):
        found[f"files/{_safe(file.name)}"] = bytes(file.content)
    return found


def _safe(name: str) -> str:
    return "".join(each if each.isalnum() or each in "-_. " else "_" for each in name)


def _revision_files(plan: MigrationPlan) -> Files:
    """Return each frozen content (the very text whose digest was signed) and the differences between them."""
    revisions = list(plan.revisions.order_by("number"))
    found = {f"revisions/{each.number}.json": each.content.encode() for each in revisions}
    for before, after in itertools.pairwise(revisions):
        names = (f"revision {before.number}", f"revision {after.number}")
        told = difflib.unified_diff(_lines(before), _lines(after), *names, lineterm="")
        found[f"revisions/{before.number}-to-{after.number}.diff"] = "\n".join(told).encode()
    return found


def _lines(revision: PlanRevision) -> list[str]:
    try:
        return json.dumps(json.loads(revision.content), indent=1, ensure_ascii=False).splitlines()
    except ValueError:
        return revision.content.splitlines()


def signatures(plan: MigrationPlan) -> list[dict[str, Any]]:
    """Return every seat of every revision, decided or not, with what was signed."""
    seats = Seat.objects.filter(revision__plan=plan).select_related(
        "decided_by", "on_behalf_of", "revision"
    )
    return [
        {
            "revision": seat.revision.number,
            "stage": seat.stage,
            "role": ROLES[Role(seat.role)].title,
            "decision": seat.decision or "not decided",
            "name": seat.printed_name,
            "email": seat.decided_by.email if seat.decided_by else "",
            "at": seat.decided_at,
            "meaning": seat.meaning,
            "factors": seat.factors,
            "reason": seat.reason,
            "signed_digest": seat.signed_digest,
            "on_behalf_of": seat.on_behalf_of.email if seat.on_behalf_of else "",
            "ip": seat.signed_from,
            "user_agent": seat.user_agent,
        }
        for seat in seats.order_by("revision__number", "position")
    ]


def _dpia_files(plan: MigrationPlan) -> Files:
    found = {
        f"dpia/{each.version}.json": rfc8785.dumps(each.answers)
        for each in Dpia.objects.filter(plan=plan).order_by("version")
    }
    for each in Document.objects.filter(plan=plan).order_by("name", "version"):
        found[f"dpia/documents/{each.version}-{_safe(each.name)}"] = bytes(each.content)
    return found


def _run_files(run: MigrationRun) -> Files:
    folder = f"runs/{run.pk}"
    log = (
        f"{line.at:%Y-%m-%dT%H:%M:%S.%fZ} {line.level} {line.text}"
        for line in run.lines.order_by("seq")
    )
    backups = run.backups.order_by("pk").values(*BACKUP_FACTS)
    steps = run.steps.order_by("position").values(
        "position", "key", "title", "status", "started_at", "finished_at", "exit_code", "facts"
    )
    said = {"run": run.pk, **{name: getattr(run, name) for name in RUN_FACTS}}
    return {
        f"{folder}/run.json": _json(said),
        f"{folder}/log.txt": ("\n".join(log) + "\n").encode(),
        f"{folder}/steps.json": _json(list(steps)),
        f"{folder}/backups.json": _json(list(backups)),
        f"{folder}/samples.json": _json(list(run.samples.order_by("at").values())),
        f"{folder}/verification.json": _json(list(_verification(run))),
        f"{folder}/incidents.json": _json(
            [_incident(each) for each in run.incidents.order_by("pk")]
        ),
    }


def _verification(run: MigrationRun) -> Any:
    rows = VerificationResult.objects.filter(run=run).order_by("phase", "position")
    return rows.values("phase", "key", "title", "passed", "severity", "sentence", "facts", "at")


def _incident(incident: Incident) -> dict[str, Any]:
    events = incident.events.order_by("at", "pk").values("at", "who", "sentence")
    return {
        "severity": incident.severity,
        "title": incident.title,
        "opened_at": incident.opened_at,
        "closed_at": incident.closed_at,
        "finding": incident.finding,
        "events": list(events),
    }


def _page(row: Export, plan: MigrationPlan, runs: list[MigrationRun]) -> dict[str, Any]:
    """Return what the page for people shows."""
    dpia = Dpia.objects.filter(plan=plan).order_by("-version").first()
    revision = plan.revisions.order_by("-number").first()
    asked = (
        [{"term": each.text, "value": dpia.answers[each.key]} for each in DPIA_QUESTIONS]
        if dpia
        else []
    )
    return {
        "plan": plan,
        "revision": revision,
        "export": row,
        "documentation": [
            {"term": name.replace("_", " ").capitalize(), "value": getattr(plan.documentation, name)}
            for name in plan.documentation.__dataclass_fields__
        ],
        "signatures": signatures(plan),
        "dpia": asked,
        "dpia_version": dpia.version if dpia else None,
        "runs": [_run_page(run) for run in runs],
        "entries": [
            {"seq": entry.seq, "at": entry.at, "hash": entry.hash, **queries.body(entry)}
            for entry in queries.of_plan(plan=plan.pk).filter(seq__lte=row.through).order_by("seq")
        ],
        "files": [file.name for file in plan.files.order_by("position")],
    }  # fmt: skip


def _run_page(run: MigrationRun) -> dict[str, Any]:
    return {
        "run": run,
        "steps": list(run.steps.order_by("position")),
        "backups": list(run.backups.order_by("pk")),
        "verification": list(
            VerificationResult.objects.filter(run=run).order_by("phase", "position")
        ),
        "incidents": list(run.incidents.order_by("pk")),
        "review": LogReview.objects.filter(run=run).select_related("done_by").first(),
    }
