"""Writes docs/reference/approval-policy.md from the policy's data. `python -m tools.policy_page` renews it; a test holds it fresh."""

from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path

from migrations_portal.approvals import policy
from migrations_portal.approvals.policy import Duty, Nudge, Stage
from migrations_portal.people.rules import Role
from migrations_portal.plans.rules import LEAD_DAYS, POSTPONED_AT_MOST

PAGE = Path(__file__).resolve().parent.parent / "docs" / "reference" / "approval-policy.md"


def text() -> str:
    """Return the page."""
    return "\n\n".join(["# Approval policy", *_who(), *_when(), *_around(), *_emergency()]) + "\n"


def _who() -> list[str]:
    return [
        (
            f"Version {policy.POLICY_VERSION}. Written by `python -m tools.policy_page` from\n"
            "`migrations_portal/approvals/policy.py`; a plan keeps the policy it was submitted under."
        ),
        "## Who signs",
        _table(
            ("level", "T-7", "T-5", "T-1", "window", "begins within"),
            (_level(level) for level in policy.REVIEWERS),
        ),
        (
            f"Plans that touch PHI: {_roles(policy.PHI_SEATS)} signs at T-5 too. A plan is submitted {LEAD_DAYS} days before T-0.\n"
            "Author, last editor, executor and the authors of the commit hold no seat. One person acts in one role per\n"
            "revision; a plan whose roles different people cannot fill is not submitted, and one that gets there later\n"
            "says so to the administrators."
        ),
    ]


def _level(level: str) -> tuple[str, ...]:
    return (
        level,
        _roles(policy.REVIEWERS[level]),
        _roles(policy.SECURITY_SEATS),
        _roles((Role.DBA, *policy.GO_PARTNERS[level])),
        policy.WINDOWS[level],
        f"{_span(policy.RUN_WITHIN[level])} of T-0",
    )


def _when() -> list[str]:
    return [
        "## When",
        _table(("stage", "opens", "due", "then"), (_stage(each) for each in policy.STAGES)),
        (
            "Days are counted back from T-0 in the target's time zone.\n"
            f"T-0 moves at most {POSTPONED_AT_MOST.days} days from the one that people signed; what is not signed by then expires.\n"
            f"Nobody is reminded within {_span(policy.QUIET)} of the invitation.\n"
            f"A daily mail lists what waits, from {policy.DIGEST_HOUR}:00 on."
        ),
        "## Who hears that a role is late",
        _table(
            ("role", "told"), ((role.title, _roles(told)) for role, told in policy.BACKUPS.items())
        ),
    ]


def _stage(stage: Stage) -> tuple[str, ...]:
    facts = policy.STAGES[stage]
    opens = "when the stage before is complete"
    if stage is Stage.REVIEW:
        opens = "at submission"
    elif facts.opens_days is not None:
        opens = f"T-{facts.opens_days}"
    return f"{facts.label} {facts.title}", opens, f"T-{facts.due_days}", _nudges(facts.nudges)


def _around() -> list[str]:
    return [
        "## Around the chain",
        (
            f"- Cancel or postpone: the author, or one of: {_roles(policy.COURSE_ROLES)}.\n"
            f"- Delegation: at most {policy.DELEGATION_AT_MOST.days} days, to a holder of another signing role for the same targets.\n"
            f"- A link lives {policy.TOKEN_LIFE.days} days, or until T-0.\n"
            f"- A fresh proof of who signs: {', '.join(sorted(policy.STEP_UP_LEVELS))}, PHI and emergencies;\n"
            f"  there the page is on screen for at least {_span(policy.READING_TIME)} before a decision.\n"
            f"- At most {policy.DECISIONS_PER_MINUTE} decisions a minute and person,"
            f" and {policy.OPENINGS_PER_MINUTE} openings a minute and link.\n"
            f"- A seat's mail is sent again at most {policy.ASKED_AGAIN_PER_HOUR} times an hour, by the author or an administrator."
        ),
    ]


def _emergency() -> list[str]:
    return [
        "## Emergency",
        (
            f"- Skips the lead times, never a seat or a backup. Time box: at most {_span(policy.EMERGENCY_AT_MOST)}.\n"
            f"- Declared by two: the author, and one of: {_roles(policy.EMERGENCY_CONFIRMERS)}.\n"
            f"- Measured from the opening of the seats: {_nudges(policy.EMERGENCY_NUDGES)}.\n"
            f"- Reviewed within {_span(policy.EMERGENCY_REVIEW_WITHIN)} of the time box's end by one of:\n"
            f"  {_roles(policy.EMERGENCY_REVIEWERS)}; by none of the two."
        ),
    ]


def _nudges(nudges: Iterable[Nudge]) -> str:
    return "; ".join(f"{_moment(each.after_due)}: {Duty(each.duty).words}" for each in nudges)


def _moment(after: timedelta) -> str:
    if not after:
        return "when due"
    word = "after" if after > timedelta(0) else "before"
    return f"{_span(abs(after))} {word}"


def _span(span: timedelta) -> str:
    seconds = int(span.total_seconds())
    for size, unit in ((3600, "h"), (60, "min")):
        if seconds % size == 0:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"


def _roles(roles: Iterable[Role]) -> str:
    chosen = set(roles)
    return ", ".join(role.title for role in Role if role in chosen)


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


if __name__ == "__main__":
    PAGE.write_text(text(), encoding="utf-8")
