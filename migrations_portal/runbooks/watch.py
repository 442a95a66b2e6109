"""What goes on beside the steps: the lease is renewed and the target is sampled, each on a thread of its own."""

import contextlib
import logging
import threading
import time
from collections.abc import Iterator

from django.db import connection

from migrations_portal.execution.recorder import Recorder
from migrations_portal.execution.rules import HEARTBEAT, SELF_DEADLINE, LeaseLost
from migrations_portal.kernel.errors import ProductError
from migrations_portal.monitoring import services as monitoring
from migrations_portal.runbooks.tools import RunContext

logger = logging.getLogger(__name__)

SAMPLE_SECONDS = 1.0
"""The spec watches "in real time"; once a second is enough for people and cheap for the target."""


class Heartbeat(threading.Thread):
    """Renews the lease. When renewing fails for too long the run is no longer ours, and `lost` says so."""

    def __init__(self, recorder: Recorder) -> None:
        """Speak for the recorder's fence."""
        super().__init__(daemon=True, name=f"heartbeat-{recorder.run_id}")
        self._recorder = recorder
        self._over = threading.Event()
        self.lost = threading.Event()

    def run(self) -> None:
        """Renew every five seconds; count from the start of the last successful attempt (X4)."""
        last_start = time.monotonic()
        while not self._over.wait(HEARTBEAT.total_seconds()):
            started = time.monotonic()
            try:
                self._recorder.renew()
                last_start = started
            except LeaseLost:
                self.lost.set()
                break
            except (
                Exception
            ):  # a database that is away is "not renewed"; the deadline below decides
                logger.exception("run %s: the lease was not renewed", self._recorder.run_id)
                connection.close()
            if time.monotonic() - last_start > SELF_DEADLINE.total_seconds():
                self.lost.set()
                break
        connection.close()

    def stop(self) -> None:
        """End the thread."""
        self._over.set()
        self.join(timeout=10)


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
                    with contextlib.suppress(
                        ProductError
                    ):  # the run may have ended in this very moment
                        self._context.recorder.log(
                            f"The target could not be sampled: {failure.sentence}", level="warn"
                        )
                self._over.wait(SAMPLE_SECONDS)
        connection.close()

    def _sample_until_stopped(self) -> None:
        name = f"{self._context.application_name}-watch"
        with self._context.tools.server.session(
            self._context.endpoint, application_name=name
        ) as session:
            while True:
                monitoring.record_sample(
                    run_id=self._context.run.pk,
                    session=session,
                    our_prefix=self._context.application_name,
                    now=self._context.clock(),
                )
                if self._over.wait(SAMPLE_SECONDS):
                    return

    def stop(self) -> None:
        """End the thread."""
        self._over.set()
        self.join(timeout=10)


@contextlib.contextmanager
def watching(context: RunContext, *, sample: bool = True) -> Iterator[Heartbeat]:
    """Keep the lease and sample the target while the block runs."""
    heartbeat = Heartbeat(context.recorder)
    sampler = Sampler(context) if sample else None
    heartbeat.start()
    if sampler:
        sampler.start()
    try:
        yield heartbeat
    finally:
        if sampler:
            sampler.stop()
        heartbeat.stop()
