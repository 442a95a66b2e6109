"""Turning a notice into words and handing it to its channel. The words live in templates/mail/<name>/."""

from collections.abc import Callable, Mapping
from typing import Any

import css_inline
from django.template.loader import render_to_string

from migrations_portal.notifications.models import Notice
from migrations_portal.notifications.ports import ChatWebhook, DeliveryFailed, Mail, Mailer
from migrations_portal.notifications.rules import Channel


def render_mail(notice: Notice, *, more: Mapping[str, Any] | None = None) -> Mail:
    """Return the notice as a mail: subject on one line, plain text, HTML with inline styles.

    `more` is what only the mail may hold, such as a link that lets its holder in: the outbox does not keep it.
    """
    folder, context = f"mail/{notice.template}", {**notice.context, **(more or {})}
    subject = " ".join(render_to_string(f"{folder}/subject.txt", context).split())
    html = render_to_string(f"{folder}/body.html", {**context, "subject": subject})
    return Mail(
        to=notice.recipient,
        subject=subject,
        text=render_to_string(f"{folder}/body.txt", context).strip() + "\n",
        html=css_inline.inline(html),
        key=notice.dedup_key,
        reply_to=str(context.get("reply_to", "")),
    )


def render_chat(notice: Notice) -> str:
    """Return the notice as one chat line: the subject of the mail and the link."""
    subject = " ".join(
        render_to_string(f"mail/{notice.template}/subject.txt", notice.context).split()
    )
    return f"{subject}\n{notice.context.get('url', '')}".strip()


def handing_over(
    *,
    mailer: Mailer,
    chat: ChatWebhook | None,
    more: Callable[[Notice], Mapping[str, Any]] = lambda _notice: {},
) -> Callable[[Notice], None]:
    """Return the function that delivers one notice; it raises `DeliveryFailed`. `more` gives what the outbox does not keep."""

    def hand_over(notice: Notice) -> None:
        if notice.channel == Channel.MAIL:
            mailer.send(render_mail(notice, more=more(notice)))
        elif chat is None:
            raise DeliveryFailed("No chat webhook is set (WCO_SLACK_WEBHOOK_URL).", permanent=True)
        else:
            chat.post(render_chat(notice))

    return hand_over
