"""Why a run that is due has not begun: the one source for the run's headline, its card, and the plan's page."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.urls import reverse

from migrations_portal.audit.freezes import reasons_to_hold
from migrations_portal.execution import staging
from migrations_portal.execution.models import MigrationRun
from migrations_portal.execution.rules import ACTIVE, RunStatus
from migrations_portal.plans import queries as plan_queries
from migrations_portal.plans import slots
from migrations_portal.plans.models import MigrationPlan
from migrations_portal.web import clock


@dataclass(frozen=True)
class Reason:
    """One thing that a run waits for."""

    headline: str
    sentence: str
    passes: bool
    """Whether it passes by itself; otherwise somebody has to act before the run begins."""
    window: bool = True
    """False when the window is closed at the time for which it is booked."""


@dataclass(frozen=True)
class Wait:
    """What a run that has not begun waits for: a headline, and the sentences of its card, the most weighty first."""

    headline: str
    sentences: list[str]
    stuck: bool
    """Whether somebody has to act before it begins."""


def wait(run: MigrationRun, *, now: datetime) -> Wait | None:
    """Return why the run has not begun, and when or how it begins; None for one that has begun or is over."""
    if run.status != RunStatus.DUE:
        return None
    found = list(_reasons(run, now=now))
    free = "Waiting for T-0" if now < run.due_at else "Waiting for a worker"
    return Wait(
        headline=found[0].headline if found else free,
        sentences=[*(each.sentence for each in found), _begins(run, found=found, now=now)],
        stuck=not all(each.passes for each in found),
    )


def note(
    plan: MigrationPlan, *, runs: Sequence[MigrationRun], now: datetime
) -> list[dict[str, str]]:
    """Return what the plan's page says first of its run that has not begun; empty where there is none."""
    found = []
    for run in runs:
        run.plan = plan
        if waits := wait(run, now=now):
            said = {
                "title": "Why it has not begun",
                "text": " ".join(waits.sentences),
                "tone": "warn" if waits.stuck else "info",
            }
            link = {"url": reverse("run", args=[run.pk]), "url_label": f"See run {run.pk}"}
            found.append(said | link)
    return found


def _reasons(run: MigrationRun, *, now: datetime) -> Iterator[Reason]:
    """Give what holds it, in the order in which somebody could mend it: the same questions as its claim asks."""
    holds = reasons_to_hold(level=run.revision.level, phi=run.revision.phi, now=now)
    if holds:
        headline = f"Waiting: the ledger holds all such runs. {holds[0]}"
        yield Reason(headline, f"The ledger holds all such runs. {' '.join(holds)}", passes=False)
    if waits := plan_queries.phase_waits_for(run.plan):
        yield Reason("Waiting for the phase before", waits, passes=False)
    if waits := "" if run.staging else staging.waits_for(run.revision):
        yield Reason(waits, waits, passes=False)
    active = [str(each) for each in ACTIVE]
    if holder := MigrationRun.objects.filter(target=run.target, status__in=active).first():
        held = f"run {holder.pk} holds the target"
        yield Reason(f"Waiting: {held}", f"{held[0].upper()}{held[1:]}.", passes=True)
    if run.problem:
        yield Reason("Waiting for the next window", run.problem, passes=True)
    gate = slots.gate(
        run.plan, level=run.revision.level, at=max(run.due_at, now), target=run.target
    )
    if not gate.open:
        said = f"At that time: {gate.sentence}"
        yield Reason("Waiting for the next window", said, passes=True, window=False)


def _begins(run: MigrationRun, *, found: Sequence[Reason], now: datetime) -> str:
    at = clock.moment(run.plan, run.due_at)
    if not all(each.passes for each in found):
        early = f", not before {at}" if now < run.due_at else ""
        return f"It begins once nothing of this holds it any more{early}."
    if not all(each.window for each in found):
        return "It moves to the next window by itself; nothing is to be done."
    if now < run.due_at:
        return f"It begins by itself at {at}; nothing is to be done."
    return "It begins by itself as soon as it can; nothing is to be done."
