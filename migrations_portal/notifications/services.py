"""Putting notices into the outbox, and handing them over."""

import logging
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import F, Q

from migrations_portal.kernel.gathering import Gathering
from migrations_portal.notifications.models import Notice
from migrations_portal.notifications.ports import DeliveryFailed
from migrations_portal.notifications.rules import LEASE, MAX_ATTEMPTS, Channel, pause_after

logger = logging.getLogger(__name__)


def queue_mail(
    *,
    template: str,
    to: str,
    context: Mapping[str, Any],
    dedup_key: str,
    now: datetime,
    plan_id: int | None = None,
) -> None:
    """Put a mail into the outbox; the same `dedup_key` a second time changes nothing."""
    _queue(
        Channel.MAIL,
        template=template,
        to=to,
        context=context,
        dedup_key=dedup_key,
        now=now,
        plan_id=plan_id,
    )


def queue_chat(
    *,
    template: str,
    context: Mapping[str, Any],
    dedup_key: str,
    now: datetime,
    plan_id: int | None = None,
) -> None:
    """Put a chat message into the outbox; the same `dedup_key` a second time changes nothing."""
    _queue(
        Channel.CHAT,
        template=template,
        to="",
        context=context,
        dedup_key=dedup_key,
        now=now,
        plan_id=plan_id,
    )


def _queue(
    channel: Channel,
    *,
    template: str,
    to: str,
    context: Mapping[str, Any],
    dedup_key: str,
    now: datetime,
    plan_id: int | None,
) -> None:
    _GATHERING.take(
        Notice(
            channel=str(channel),
            template=template,
            recipient=to,
            context=dict(context),
            dedup_key=f"{channel}:{dedup_key}:{to}"[:200],
            plan_id=plan_id,
            created_at=now,
            due_at=now,
        )
    )


def together() -> AbstractContextManager[None]:
    """Put all notices of one act into the outbox in one statement when the block ends; none when it ends by an error."""
    return _GATHERING.block()


def _write(notices: list[Notice]) -> None:
    Notice.objects.bulk_create(notices, ignore_conflicts=True)


_GATHERING: Gathering[Notice] = Gathering("outbox", write=_write)


def claim_due(*, now: datetime, at_most: int = 10) -> list[Notice]:
    """Claim notices that are due and not in somebody else's hands, oldest first."""
    with transaction.atomic():
        free = Q(claimed_at__isnull=True) | Q(claimed_at__lt=now - LEASE)
        rows = list(
            Notice.objects.select_for_update(skip_locked=True)
            .filter(free, due_at__lte=now, delivered_at__isnull=True, given_up_at__isnull=True)
            .order_by("due_at", "pk")[:at_most]
        )
        Notice.objects.filter(pk__in=[row.pk for row in rows]).update(
            claimed_at=now, attempts=F("attempts") + 1
        )
        for row in rows:
            row.attempts += 1
            row.claimed_at = now
        return rows


def deliver(
    notice: Notice, *, hand_over: Callable[[Notice], None], clock: Callable[[], datetime]
) -> bool:
    """Hand one claimed notice over and record how that went; return whether it was delivered.

    A notice that waited so long behind others of its batch that somebody else took it is left to that one.
    """
    if not _claim_again(notice, now=clock()):
        return False
    try:
        hand_over(notice)
    except DeliveryFailed as failure:
        _record_failure(notice, failure=failure, now=clock())
        return False
    except Exception as fault:
        logger.exception("notice %s: unforeseen", notice.pk)
        _record_failure(
            notice,
            failure=DeliveryFailed(f"A fault of ours ({type(fault).__name__})."),
            now=clock(),
        )
        return False
    Notice.objects.filter(pk=notice.pk).update(delivered_at=clock(), claimed_at=None, problem="")
    return True


def _claim_again(notice: Notice, *, now: datetime) -> bool:
    """Let the lease begin with the attempt itself; return False when it is somebody else's by now."""
    ours = Notice.objects.filter(
        pk=notice.pk, claimed_at=notice.claimed_at, delivered_at__isnull=True
    )
    held = ours.update(claimed_at=now) == 1
    notice.claimed_at = now
    return held


def _record_failure(notice: Notice, *, failure: DeliveryFailed, now: datetime) -> None:
    over = failure.permanent or notice.attempts >= MAX_ATTEMPTS
    logger.warning(
        "notice %s not delivered (attempt %s): %s", notice.pk, notice.attempts, failure.sentence
    )
    Notice.objects.filter(pk=notice.pk, claimed_at=notice.claimed_at).update(
        claimed_at=None,
        problem=failure.sentence[:300],
        due_at=now + pause_after(notice.attempts),
        given_up_at=now if over else None,
    )
