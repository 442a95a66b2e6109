"""Sending a doorbell: short, and never in the way of whoever rings (X14)."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from celery import Task, current_app
from kombu import Connection
from kombu.exceptions import OperationalError

logger = logging.getLogger(__name__)

PATIENCE_SECONDS = 0.4
"""How long connecting, and then each answer, may take. Measured with a broker that is away: 0.01 s when it refuses, 0.4 s
when it accepts and stays silent. Celery's own defaults took 6 and 10 s, which is why a bell has a connection of its own."""

HEARD_SECONDS = 30.0
"""How long a bell is worth answering. Sweeps ring again within that time for what still waits, so bells that nobody came to
hear (all workers at work on long runs) do not lie in the queue before the next run that is due."""

_IMPATIENT = {
    "socket_connect_timeout": PATIENCE_SECONDS,
    "socket_timeout": PATIENCE_SECONDS,
    "connect_retries_timeout": PATIENCE_SECONDS,
    "max_retries": 0,
}


@dataclass(frozen=True)
class Message:
    """What a bell says: which task, and about which row."""

    task: Task[Any, Any]
    ids: Mapping[str, int] = field(default_factory=dict)


def ring(messages: Sequence[Message]) -> None:
    """Send the messages over one connection, or say in the log that the broker is away or refuses; any other fault is raised."""
    if not messages:
        return
    connection = current_app.connection_for_write(transport_options=_IMPATIENT)
    try:
        with connection:
            for each in messages:
                each.task.apply_async(  # type: ignore[call-arg]
                    kwargs=dict(each.ids),
                    connection=connection,
                    retry=False,
                    expires=HEARD_SECONDS,
                )
    except _faults_of_the_broker(connection) as away:
        names = ", ".join(each.task.name for each in messages)
        logger.warning(
            "The broker is away, so the sweep will do this instead: %s (%s)", names, away
        )


def _faults_of_the_broker(connection: Connection) -> tuple[type[BaseException], ...]:
    kinds: tuple[type[BaseException], ...] = (
        OperationalError,
        *connection.connection_errors,
        *connection.channel_errors,
    )
    # kombu counts KeyError among the faults of a connection; here it would hide a mistake of ours.
    return tuple(kind for kind in kinds if not issubclass(kind, LookupError))
