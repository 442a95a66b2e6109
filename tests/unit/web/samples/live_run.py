"""A run whose page moves while a browser looks at it."""

from __future__ import annotations

from django.template.loader import render_to_string

from migrations_portal.web import live
from migrations_portal.web.live import event_text
from tests.unit.web.samples import execution, plans
from tests.unit.web.samples.common import everywhere


class LiveRun:
    """The run page's server: it can move on and end."""

    def __init__(self, **more: object) -> None:
        """Begin in step 5; `more` is what the page shows besides."""
        self.more = more
        self.context = self._at(sentence="Step 5 of 8: migrating", status="RUNNING")

    def _at(self, **about: str) -> dict[str, object]:
        context = execution.run(steps=execution.steps(current=5), **about, **self.more)
        context["run"]["events_url"] = "/events"
        return everywhere(section="Runs") | context

    def wait(self) -> None:
        """Go back to before the run begins, when it can be cancelled and nothing else."""
        self.context = self._at(sentence="Waiting for T-0", status="QUEUED")
        self.context |= {"orders": None, "course": plans.COURSE}
        self.context["run"]["started_at"] = None  # type: ignore[index]

    def move_on(self, *, sentence: str, status: str) -> None:
        """Have the next event say so."""
        self.context = self._at(sentence=sentence, status=status)

    def answer(self, path: str) -> str | None:
        """Return the page, its events, or the page that a browser is sent to when its session has ended."""
        if path == "/run":
            return render_to_string("execution/run.html", self.context)
        if path == "/events":  # ends after each word, so the browser connects again and again
            parts = [
                event_text("part", {"id": key, "html": render_to_string(name, self.context)})
                for key, name in live.PARTS.items()
            ]
            about = self.context["run"]
            over = "" if about["live"] else event_text("over", 1)
            return "retry: 300\n\n" + "".join(parts) + over
        return "<!doctype html><title>Sign in</title>" if path == "/sign-in" else None
