"""One look at a run's rows per second, shared by everybody who watches it in this process.

Viewers hold one connection each (server-sent events) and get only the parts of the page that have changed since their last.
What differs between people while a run goes on is whether they may pause and stop it; so each part is rendered twice at most.
"""

import asyncio
import json
import logging
import random
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from asgiref.sync import sync_to_async
from django.db import connection
from django.template.loader import render_to_string

from migrations_portal.execution import queries
from migrations_portal.execution.models import MigrationRun, RunLine
from migrations_portal.people.models import Person
from migrations_portal.web import clock
from migrations_portal.web.presenters import run_orders
from migrations_portal.web.presenters import runs as presenter

logger = logging.getLogger(__name__)

LOOK_SECONDS = 1.0
RETRY_MS = (1000, 4000)
"""How long a browser waits before it connects again: drawn, so that a crowd does not come back in one moment."""
PARTS = {
    "run-head": "execution/_run_head.html",
    "run-cards": "execution/_run_cards.html",
    "run-side": "execution/_run_side.html",
    "run-means": "execution/_run_means.html",
}
LINES_AT_ONCE = 500


@dataclass(frozen=True)
class Look:
    """The page at one instant, for those who may give orders and for those who may not."""

    parts: dict[bool, dict[str, str]]
    lines: tuple[tuple[int, str], ...]
    """The newest log lines with their numbers, rendered."""
    live: bool


@dataclass
class _Watched:
    """One run that somebody looks at."""

    run_id: int
    viewers: int = 0
    look: Look | None = None
    changed: asyncio.Condition = field(default_factory=asyncio.Condition)
    task: "asyncio.Task[None] | None" = None


class Hub:
    """Who watches which run in this process. Lives in the event loop of the web server."""

    def __init__(self) -> None:
        """Begin with nobody watching."""
        self._watched: dict[int, _Watched] = {}

    async def events(self, *, run_id: int, may_order: bool, after: int) -> AsyncIterator[str]:
        """Yield events until the run is over: a beat each second, parts that changed, and log lines after number `after`."""
        watched = self._enter(run_id)
        sent: dict[str, str] = {}
        seq = after
        yield f"retry: {random.randint(*RETRY_MS)}\n\n"  # noqa: S311  # no secret
        try:
            while True:
                look = await self._next(watched)
                text, seq = _changes(look, may_order=may_order, sent=sent, seq=seq)
                yield text or "event: beat\ndata: 1\n\n"
                if not look.live:
                    return
        finally:
            self._leave(watched)

    def _enter(self, run_id: int) -> _Watched:
        watched = self._watched.setdefault(run_id, _Watched(run_id))
        watched.viewers += 1
        if watched.task is None or watched.task.done():
            watched.task = asyncio.create_task(self._look_again_and_again(watched))
        return watched

    def _leave(self, watched: _Watched) -> None:
        watched.viewers -= 1
        if watched.viewers == 0:
            self._watched.pop(watched.run_id, None)
            if watched.task is not None:
                watched.task.cancel()

    @staticmethod
    async def _next(watched: _Watched) -> Look:
        seen = watched.look
        async with watched.changed:
            await watched.changed.wait_for(
                lambda: watched.look is not None and watched.look is not seen
            )
        assert watched.look is not None  # noqa: S101  # the condition above
        return watched.look

    @staticmethod
    async def _look_again_and_again(watched: _Watched) -> None:
        """Look each second. A look that fails is logged; viewers hear nothing meanwhile, so their pages say they are late."""
        failed = 0
        while True:
            try:
                look = await sync_to_async(_look, thread_sensitive=False)(watched.run_id)
            except Exception:
                failed += 1
                if failed == 1:
                    logger.exception("run %s cannot be looked at for its viewers", watched.run_id)
            else:
                if failed:
                    logger.warning("run %s is seen again, after %s looks", watched.run_id, failed)
                failed = 0
                async with watched.changed:
                    watched.look = look
                    watched.changed.notify_all()
            await asyncio.sleep(LOOK_SECONDS)


HUB = Hub()


def _look(run_id: int) -> Look:
    """Read the rows and render the parts. Runs in a thread of its own."""
    try:
        run = (
            MigrationRun.objects.select_related("plan__author", "target__group", "revision")
            .filter(pk=run_id)
            .get()
        )
        nobody = Person(pk=0, is_active=False)
        context = presenter.page(run, person=nobody, now=clock.now())
        parts: dict[bool, dict[str, str]] = {
            may: {
                key: render_to_string(
                    name, {**context, "orders": run_orders.orders(run) if may else None}
                )
                for key, name in PARTS.items()
                if may or key != "run-means"
            }
            for may in (True, False)
        }
        lines = tuple(
            (each.seq, render_to_string("execution/_run_line.html", _line(each, run)).strip())
            for each in queries.last_lines(run=run, count=LINES_AT_ONCE)
        )
        return Look(parts=parts, lines=lines, live=context["run"]["live"])
    finally:
        connection.close()


def _line(line: RunLine, run: MigrationRun) -> dict[str, object]:
    return {"line": presenter.log_line(line), "zone": run.target.time_zone}


def _changes(look: Look, *, may_order: bool, sent: dict[str, str], seq: int) -> tuple[str, int]:
    """Return the events for one viewer who has got `sent` and the lines up to `seq`, and the new number."""
    events = []
    for key, html in look.parts[may_order].items():
        if sent.get(key) != html:
            sent[key] = html
            events.append(event_text("part", {"id": key, "html": html}))
    fresh = [html for number, html in look.lines if number > seq]
    if fresh:
        seq = look.lines[-1][0]
        events.append(f"id: {seq}\n" + event_text("lines", "".join(fresh)))
    if not look.live:
        events.append(event_text("over", 1))
    return "".join(events), seq


def event_text(name: str, data: object) -> str:
    """Return one server-sent event."""
    return f"event: {name}\ndata: {json.dumps(data)}\n\n"
