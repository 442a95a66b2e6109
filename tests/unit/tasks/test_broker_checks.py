"""Settings with which a message would be more than a doorbell stop the portal from starting (X19)."""

import pytest
from celery.signals import worker_init
from django.core.checks import run_checks

from migrations_portal.tasks import broker_checks
from whitecross_ops.celery import check_settings


def said(settings):
    """What the checks of every start say of Celery."""
    return [each.msg for each in run_checks() if each.id == "wco.E001"]


def test_the_settings_as_they_are_start(settings):
    assert said(settings) == []


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("CELERY_ACCEPT_CONTENT", ["json", "pickle"]),
        ("CELERY_TASK_SERIALIZER", "pickle"),
        ("CELERY_WORKER_ENABLE_REMOTE_CONTROL", True),
        ("CELERY_TASK_ACKS_LATE", True),
        ("CELERY_WORKER_DISABLE_PREFETCH", False),
        ("CELERY_TASK_IGNORE_RESULT", False),
    ],
)
def test_a_setting_that_makes_a_message_more_than_a_doorbell_is_an_error(settings, name, value):
    setattr(settings, name, value)

    (message,) = said(settings)
    assert message.startswith(f"{name} must be ")


def test_a_worker_does_not_start_with_such_a_setting(settings):
    check_settings()
    settings.CELERY_TASK_ACKS_LATE = True

    with pytest.raises(SystemExit, match="CELERY_TASK_ACKS_LATE must be False"):
        worker_init.send(sender=None)


@pytest.mark.parametrize(
    ("url", "ids"),
    [
        ("redis://127.0.0.1:6379/0", []),
        ("rediss://:secret@broker.example:6379/0", []),
        ("redis://:secret@broker.example:6379/0", ["wco.W003"]),
        ("rediss://broker.example:6379/0", ["wco.W004"]),
        ("redis://broker.example:6379/0", ["wco.W003", "wco.W004"]),
    ],
)
def test_a_broker_across_a_network_needs_tls_and_a_password(settings, url, ids):
    settings.CELERY_BROKER_URL = url

    found = broker_checks.way_to_the_broker()
    assert [each.id for each in found] == ids
    assert "secret" not in str(found)
