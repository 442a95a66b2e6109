"""What goes on beside the steps, each on a thread of its own: the lease is renewed, orders are heard, the target is sampled."""

import contextlib
import logging
import threading
import time
from collections.abc import Iterator

from django.db import DatabaseError, connection

from migrations_portal.execution import queries
from migrations_portal.execution.recorder import Recorder
from migrations_portal.execution.reins import Pull, Reins, holding
from migrations_portal.execution.rules import (
    HEARTBEAT,
    ORDER_SECONDS,
    SELF_DEADLINE,
    LeaseLost,
    Order,
)
from migrations_portal.kernel.errors import ProductError
from migrations_portal.monitoring import probes
from migrations_portal.monitoring import services as monitoring
from migrations_portal.monitoring.rules import Sample
from migrations_portal.runbooks.sessions import end_own_sessions
from migrations_portal.runbooks.tools import RunContext

logger = logging.getLogger(__name__)

SAMPLE_SECONDS = 1.0
"""The spec watches "in real time"; once a second is enough for people and cheap for the target."""
LOOK_SECONDS = 0.25
"""How often the deadline is looked at: a run that is not ours any more is over within two seconds (X4)."""


class Heartbeat(threading.Thread):
    """Renews the lease and hears orders, with one connection. When renewing fails for too long, `Deadline` acts."""

    def __init__(self, context: RunContext) -> None:
        """Speak for the recorder's fence."""
        super().__init__(daemon=True, name=f"heartbeat-{context.run.pk}")
        self._context = context
        self._recorder: Recorder = context.recorder
        self._reins: Reins = context.reins
        self._over = threading.Event()
        self._reins.trust_until(time.monotonic() + SELF_DEADLINE.total_seconds())

    def run(self) -> None:
        """Renew every five seconds and look for orders twice a second."""
        next_renewal = time.monotonic() + HEARTBEAT.total_seconds()
        while not self._over.wait(ORDER_SECONDS) and self._reins.pulled is not Pull.LEASE_LOST:
            try:
                if time.monotonic() >= next_renewal:
                    next_renewal = time.monotonic() + HEARTBEAT.total_seconds()
                    self._renew()
                self._obey()
            except LeaseLost:
                self._reins.trust_until(0.0)
                break
            except Exception:  # a database that is away is "not renewed"; the deadline decides, and the next look tries again
                logger.exception("run %s: the lease was not renewed", self._recorder.run_id)
                connection.close()
        connection.close()

    def _renew(self) -> None:
        """Renew; the new deadline counts from the start of the attempt (X4)."""
        started = time.monotonic()
        self._recorder.renew()
        self._reins.trust_until(started + SELF_DEADLINE.total_seconds())

    def _obey(self) -> None:
        order = queries.order_of(run_id=self._recorder.run_id)
        if order is Order.ABORT:
            if self._reins.aborted:
                return
            attached = self._reins.stop(Pull.ABORTED)
            if not attached:  # a query of ours may be what goes on
                with contextlib.suppress(ProductError):
                    end_own_queries(self._context)
        elif order is Order.PAUSE:
            if self._reins.pause():  # said here, since it may take hold in the middle of a step
                said = "What is inside a transaction goes on to its end first."
                self._recorder.log(f"{self._recorder.ordered()} {said}", level="warn")
        elif self._reins.is_paused():
            self._recorder.log("Goes on")
            self._reins.resume()

    def stop(self) -> None:
        """End the thread."""
        self._over.set()
        self.join(timeout=10)


def end_own_queries(context: RunContext) -> None:
    """Cancel the queries of this run's own sessions (not its holder's, nor the sampler's); the run itself goes on."""
    with context.tools.server.session(
        context.endpoint, application_name=f"wcops-ender-{context.run.pk}"
    ) as session:
        session.rows(CANCEL_QUERIES, [context.application_name])


CANCEL_QUERIES = """
SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE application_name = %s AND state = 'active'
"""


class Deadline(threading.Thread):
    """Stops the run's work when its lease is lost: its processes at once, then its sessions on the target (X3, X4)."""

    def __init__(self, context: RunContext) -> None:
        """Look at the context's reins."""
        super().__init__(daemon=True, name=f"deadline-{context.run.pk}")
        self._context = context
        self._over = threading.Event()

    def run(self) -> None:
        """Look four times a second; never touches the portal's database, which may be what is away."""
        reins = self._context.reins
        while not self._over.wait(LOOK_SECONDS):
            if reins.overdue():
                logger.error("run %s: the lease is lost", self._context.run.pk)
                reins.stop(Pull.LEASE_LOST)
                self._end_sessions()
                break
        connection.close()

    def _end_sessions(self) -> None:
        try:
            end_own_sessions(self._context)
        except ProductError as failure:  # whoever takes the run over ends them before it reads (X8)
            logger.warning("run %s: %s", self._context.run.pk, failure.sentence)

    def stop(self) -> None:
        """End the thread."""
        self._over.set()
        self.join(timeout=30)


class Sampler(threading.Thread):
    """Measures the target once a second and stores what it saw."""

    def __init__(self, context: RunContext) -> None:
        """Look at the context's target, from a session of its own."""
        super().__init__(daemon=True, name=f"sampler-{context.run.pk}")
        self._context = context
        self._over = threading.Event()

    def run(self) -> None:
        """Sample until stopped. A target that cannot be asked is logged in the run and asked again."""
        complained = False
        while not self._over.is_set():
            try:
                self._sample_until_stopped()
            except ProductError as failure:
                if not complained:
                    complained = True
                    self._complain(failure)
            except (
                DatabaseError
            ):  # the portal's own database is away: what is not stored now is missing later
                logger.exception("run %s: a sample was not stored", self._context.run.pk)
                connection.close()
            self._over.wait(SAMPLE_SECONDS)
        connection.close()

    def _complain(self, failure: ProductError) -> None:
        with contextlib.suppress(ProductError, DatabaseError):  # the run may have ended just now
            self._context.recorder.log(
                f"The target could not be sampled: {failure.sentence}", level="warn"
            )

    def _sample_until_stopped(self) -> None:
        ours = self._context.application_name
        name = f"{ours}-watch"
        with self._context.tools.server.session(
            self._context.endpoint, application_name=name
        ) as session:
            while True:
                self._keep(probes.take_sample(session, our_application_prefix=ours))
                if self._over.wait(SAMPLE_SECONDS):
                    return

    def _keep(self, seen: Sample) -> None:
        with self._context.recorder.held():
            monitoring.record_sample(seen, run_id=self._context.run.pk, now=self._context.clock())

    def stop(self) -> None:
        """End the thread."""
        self._over.set()
        self.join(timeout=10)


@contextlib.contextmanager
def watching(context: RunContext, *, sample: bool = True) -> Iterator[None]:
    """Keep the lease, hear orders and sample the target while the block runs; what the block starts obeys the reins."""
    threads: list[Heartbeat | Deadline | Sampler] = [Heartbeat(context), Deadline(context)]
    if sample:
        threads.append(Sampler(context))
    for each in threads:
        each.start()
    try:
        with holding(context.reins):
            yield
    finally:
        for each in reversed(threads):
            each.stop()
