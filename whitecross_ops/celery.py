"""The Celery application. Tasks live in `migrations_portal.tasks`; messages carry ids only."""

import os

from celery import Celery
from celery.signals import worker_init
from django.core.management import call_command
from django.core.management.base import SystemCheckError

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "whitecross_ops.settings")

app = Celery("whitecross_ops")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@worker_init.connect(weak=False)
def check_settings(**_: object) -> None:
    """Let no worker start with settings that Django's checks refuse; Celery runs them too, and drops what they say."""
    try:
        call_command("check")
    except SystemCheckError as wrong:
        raise SystemExit(str(wrong)) from None  # an ordinary error in a handler is only logged
