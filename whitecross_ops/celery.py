"""The Celery application. Tasks live in `migrations_portal.tasks`; messages carry ids only."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "whitecross_ops.settings")

app = Celery("whitecross_ops")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
