"""What every start of the portal, a worker's too, demands of Celery's settings (X19): a message is a doorbell and nothing else."""

from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.checks import Error, Tags, Warning, register  # noqa: A004  # Django's names

DEMANDED: dict[str, tuple[object, str]] = {
    "CELERY_ACCEPT_CONTENT": (["json"], "whoever can write to the broker could run code here"),
    "CELERY_TASK_SERIALIZER": ("json", "whoever can write to the broker could run code here"),
    "CELERY_WORKER_ENABLE_REMOTE_CONTROL": (False, "the broker could order workers about"),
    "CELERY_TASK_ACKS_LATE": (False, "the broker would deliver a run again while it goes on"),
    "CELERY_WORKER_DISABLE_PREFETCH": (True, "a worker would hold a run back behind another"),
    "CELERY_TASK_IGNORE_RESULT": (True, "results would lie in the broker"),
}
"""The value that each setting must have, and what would happen with another."""
HERE = {"127.0.0.1", "::1", "localhost"}


@register(Tags.security)
def celery_settings(**_: Any) -> list[Error]:
    """Return an error for each setting that would make a message more than a doorbell."""
    return [
        Error(f"{name} must be {value!r}: {why}.", id="wco.E001")
        for name, (value, why) in DEMANDED.items()
        if getattr(settings, name, None) != value
    ]


@register(Tags.security, deploy=True)
def way_to_the_broker(**_: Any) -> list[Warning]:
    """Warn when the broker is reached over a network in the clear, or asks for no password."""
    url = urlsplit(settings.CELERY_BROKER_URL)
    if url.hostname in HERE:
        return []
    found = []
    if url.scheme != "rediss":
        found.append(
            Warning(
                "WCO_REDIS_URL is not a rediss:// address: doorbells cross the network in the clear.",
                id="wco.W003",
            )
        )
    if not url.password:
        found.append(
            Warning("WCO_REDIS_URL has no password: anybody may ring and empty.", id="wco.W004")
        )
    return found
