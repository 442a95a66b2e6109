"""Rehearsals as plain values: the line on a plan, the result page, and the lock timeline as a picture."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.urls import reverse

from migrations_portal.plans.models import MigrationPlan, PlanFile, PlanRevision
from migrations_portal.plans.rules import files_digest
from migrations_portal.rehearsals import queries, rules
from migrations_portal.rehearsals.models import Rehearsal
from migrations_portal.rehearsals.observed import BLOCKS, LOCK_NAMES
from migrations_portal.rehearsals.rules import RehearsalStatus, TestClass
from migrations_portal.web.presenters.lock_timeline import timeline

STATEMENTS_SHOWN = 200


def ago(then: datetime, *, now: datetime) -> str:
    """Return how long ago something was: "just now", "12 min ago", "2 h ago", "3 days ago"."""
    seconds = (now - then).total_seconds()
    for size, word in ((86_400, "days"), (3_600, "h"), (60, "min")):
        if seconds >= size:
            count = int(seconds // size)
            return f"{count} {'day' if word == 'days' and count == 1 else word} ago"
    return "just now"


def line(row: Rehearsal, *, now: datetime) -> str:
    """Return a finished rehearsal in one line: "Rehearsed 2 h ago on 300,000 rows: up 0.4 s, down 0.3 s, schema identical"."""
    when = ago(row.finished_at or row.requested_at, now=now)
    return f"Rehearsed {when} {rules.one_line(row.result)}"


def card(
    plan: MigrationPlan,
    *,
    revision: PlanRevision | None,
    files: Sequence[PlanFile],
    may_start: bool,
    now: datetime,
) -> dict[str, Any] | None:
    """Return what the plan's page says of its rehearsals; None while there is no file. Asks one question."""
    if not files:
        return None
    newest = queries.of_plan(plan).first()
    told: dict[str, Any] = {
        "sentence": "Not rehearsed yet. A rehearsal runs the files up, down and up again on a copy of the target.",
        "tone": "warn",
        "url": reverse("rehearsal", args=[newest.pk]) if newest else "",
        "post_url": reverse("plan-rehearse", args=[plan.pk]) if may_start else "",
        "findings": [],
        "going_on": bool(
            newest and newest.status in {RehearsalStatus.QUEUED, RehearsalStatus.RUNNING}
        ),
    }
    if newest is None:
        return told
    if told["going_on"]:
        return told | {"sentence": f"{_doing(newest)}…", "tone": "info", "post_url": ""}
    if newest.status == RehearsalStatus.FAILED:
        return told | {"sentence": newest.problem, "tone": "bad"}
    digest = files_digest(
        target_id=plan.target_id, files=[(each.name, each.sha256) for each in files]
    )
    stale = queries.stale_reason(newest, now=now, digest_now=digest)
    if revision and newest.revision_id != revision.pk:
        stale = stale or "The plan was submitted anew since it was rehearsed."
    good = rules.all_passed(newest.result)
    return told | {
        "sentence": f"{line(newest, now=now)}."
        + (f" {stale} It is rehearsed again before T-1." if stale else ""),
        "tone": "warn" if stale else "good" if good else "bad",
        "findings": _findings(newest.result),
    }


def _doing(row: Rehearsal) -> str:
    if row.status == RehearsalStatus.QUEUED:
        return "A rehearsal waits for a worker"
    return f"Rehearsing: {row.phase[:1].lower()}{row.phase[1:]}" if row.phase else "Rehearsing"


def signer_facts(
    plan: MigrationPlan, *, revision: PlanRevision | None, now: datetime
) -> list[dict[str, str]]:
    """Return what a signer has to know of the rehearsal: the line, and the way back."""
    found = queries.newest_verdict(revision) if revision else None
    if found is None:
        return [
            {
                "term": "Rehearsed",
                "value": "Not yet; the result comes by itself",
                "tone": "warn",
                "verdict": "Not yet",
            },
            {
                "term": "Way back",
                "value": plan.rollback_procedure,
                "tone": "warn",
                "verdict": "Not tried",
            },
        ]
    stale = queries.stale_reason(found, now=now)
    proven = rules.passed(found.result, TestClass.ROLLBACK)
    back = next(each for each in found.result["verdicts"] if each["key"] == TestClass.ROLLBACK)
    good = rules.all_passed(found.result) and not stale
    return [
        {
            "term": "Rehearsed",
            "value": line(found, now=now),
            "detail": stale or "; ".join(each["title"] for each in found.result["findings"]),
            "tone": "good" if good else "warn",
            "url": reverse("rehearsal", args=[found.pk]),
        },
        {
            "term": "Way back",
            "value": back["sentence"],
            "detail": plan.rollback_procedure,
            "tone": "good" if proven else "bad",
            "verdict": "Proven" if proven else "Not proven",
        },
    ]


def page(row: Rehearsal, *, now: datetime, may_start: bool) -> dict[str, Any]:
    """Return the whole result page."""
    plan, result = row.plan, row.result
    done = row.status == RehearsalStatus.DONE
    return {
        "rehearsal": {
            "number": row.pk,
            "status": row.status,
            "going_on": row.status in {RehearsalStatus.QUEUED, RehearsalStatus.RUNNING},
            "doing": _doing(row),
            "problem": row.problem,
            "plan": {
                "number": plan.number,
                "title": plan.title,
                "url": reverse("plan", args=[plan.pk]),
            },
            "target": row.target.name,
            "zone": row.target.time_zone,
            "live_url": reverse("rehearsal-live", args=[row.pk]),
            "finished_at": row.finished_at,
            "requested_at": row.requested_at,
            "requested_by": row.requested_by.full_name if row.requested_by else "The portal",
            "line": line(row, now=now) if done else "",
            "stale": queries.stale_reason(row, now=now) if done else "",
            "good": done and rules.all_passed(result),
        },
        "action": {
            "label": "Rehearse again",
            "url": reverse("plan-rehearse", args=[plan.pk]),
            "post": True,
        }
        if may_start
        else None,
        **(_result(row) if done else {}),
    }


def _result(row: Rehearsal) -> dict[str, Any]:
    result = row.result
    return {
        "verdicts": [_verdict(each) for each in result["verdicts"]],
        "findings": _findings(result),
        "timeline": timeline(result),
        "phases": [
            {
                "title": each["title"],
                "state": "ok" if each["worked"] else "failed",
                "seconds": each["seconds"],
                "key": each["key"],
            }
            for each in result["phases"]
        ],
        "statements": statements(result),
        "left_out": max(0, len(result["statements"]) - STATEMENTS_SHOWN),
        "rewrites": result["rewrites"],
        "difference": diff_lines(result["difference"]),
        "left_after_down": diff_lines(result["left_after_down"]),
        "checks": [
            {
                "tone": "good"
                if each["passed"]
                else "bad"
                if each["severity"] == "fail"
                else "warn",
                "title": each["title"],
                "detail": each["sentence"],
            }
            for each in result["checks"]
        ],
        "glance": _glance(row),
    }


def _verdict(said: Mapping[str, Any]) -> dict[str, Any]:
    passed = said["passed"]
    return {
        "tone": "good" if passed else "warn" if passed is None else "bad",
        "verdict": "Passed" if passed else "Not tried" if passed is None else "Failed",
        "title": TestClass(said["key"]).title,
        "detail": said["sentence"],
    }


def _findings(result: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [
        {"tone": each["tone"], "title": each["title"], "detail": each["advice"]}
        for each in result.get("findings", [])
    ]


def statements(result: Mapping[str, Any]) -> list[dict[str, Any]]:
    own = [each for each in result["statements"] if each["phase"] == "up"]
    return [
        {
            "number": number,
            "file": each["file"],
            "sql": each["sql"],
            "seconds": each["seconds"],
            "tag": f"failed with SQLSTATE {each['sqlstate']}" if each["sqlstate"] else each["tag"],
            "locks": _locks_during(each, result["locks"]),
        }
        for number, each in enumerate(own[:STATEMENTS_SHOWN], start=1)
    ]


def _locks_during(statement: Mapping[str, Any], locks: Sequence[Mapping[str, Any]]) -> str:
    """Return the strongest lock on each table that was first taken while the statement ran."""
    start, end = statement["start"] - 0.005, statement["start"] + statement["seconds"] + 0.008
    order = list(BLOCKS)
    taken: dict[str, str] = {}
    for lock in locks:
        if start <= lock["start"] <= end:
            best = taken.get(lock["table"])
            if best is None or order.index(lock["mode"]) < order.index(best):
                taken[lock["table"]] = lock["mode"]
    said = [f"{LOCK_NAMES.get(mode, mode)} on {table}" for table, mode in sorted(taken.items())]
    return ", ".join(said)


def _glance(row: Rehearsal) -> list[dict[str, Any]]:
    copy, size = row.result["copy"], row.result["size"]
    facts: list[dict[str, Any]] = [
        {"term": "Copy", "value": f"{copy['rows']:,} rows in {copy['tables']} tables"}
        if copy["rows"]
        else {"term": "Copy", "value": "The schema alone, without rows"},
        {
            "term": "Size",
            "value": f"{size['before'] / 1e6:,.1f} MB before, {size['after'] / 1e6:,.1f} MB after",
        },
    ]
    if row.backup is not None:
        facts += [
            {
                "term": "From the backup",
                "value": f"{row.backup.taken_at:%d %b %Y, %H:%M} UTC",
                "url": reverse("backup", args=[row.backup.pk]),
            },
            {"term": "Time to recover", "value": f"{row.backup.restore_seconds:,.1f} s, measured"},
        ]
    larger = row.result["extrapolation"]["tables"]
    facts += [
        {
            "term": f"{each['table']} in production",
            "value": f"about {each['production']:,} rows, {each['copy']:,} here",
            "detail": f"Times are multiplied by {row.result['extrapolation']['factor']} for it: extrapolated, not measured",
        }
        for each in larger
    ]
    return facts


def diff_lines(lines: Sequence[str]) -> list[dict[str, Any]]:
    """Return schema lines as the diff component takes them; a mark of difflib becomes a gap."""
    kinds = {"+": "add", "-": "del"}
    return [
        {"number": None, "kind": "", "text": "⋯"}
        if each.startswith("@@")
        else {"number": None, "kind": kinds.get(each[:1], ""), "text": each[1:]}
        for each in lines
    ]
