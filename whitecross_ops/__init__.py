"""The Django project: how the portal is plugged in. Nothing else lives here."""

from whitecross_ops.celery import app as celery_app

__all__ = ["celery_app"]
