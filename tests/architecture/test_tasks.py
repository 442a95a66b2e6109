from django.conf import settings

from whitecross_ops.celery import app

QUEUES = {"runs", "rehearsals", "notices", "timeline", "exports"}


def test_every_task_has_a_queue_that_a_worker_takes():
    app.loader.import_default_modules()
    ours = {name for name in app.tasks if not name.startswith("celery.")}

    assert ours == set(settings.CELERY_TASK_ROUTES)
    assert {route["queue"] for route in settings.CELERY_TASK_ROUTES.values()} == QUEUES
    assert {entry["task"] for entry in settings.CELERY_BEAT_SCHEDULE.values()} <= ours
