"""Turning a notice into words and handing it to its channel. The words live in templates/mail/<name>/."""

from collections.abc import Callable

import css_inline
from django.template.loader import render_to_string

from migrations_portal.notifications.models import Notice
from migrations_portal.notifications.ports import ChatWebhook, DeliveryFailed, Mail, Mailer
from migrations_portal.notifications.rules import Channel


def render_mail(notice: Notice) -> Mail:
    """Return the notice as a mail: subject on one line, plain text, HTML with inline styles."""
    folder = f"mail/{notice.template}"
    subject = " ".join(render_to_string(f"{folder}/subject.txt", notice.context).split())
    html = render_to_string(f"{folder}/body.html", {**notice.context, "subject": subject})
    return Mail(
        to=notice.recipient,
        subject=subject,
        text=render_to_string(f"{folder}/body.txt", notice.context).strip() + "\n",
        html=css_inline.inline(html),
        key=notice.dedup_key,
    )


def render_chat(notice: Notice) -> str:
    """Return the notice as one chat line: the subject of the mail and the link."""
    subject = " ".join(
        render_to_string(f"mail/{notice.template}/subject.txt", notice.context).split()
    )
    return f"{subject}\n{notice.context.get('url', '')}".strip()


def handing_over(*, mailer: Mailer, chat: ChatWebhook | None) -> Callable[[Notice], None]:
    """Return the function that delivers one notice; it raises `DeliveryFailed`."""

    def hand_over(notice: Notice) -> None:
        if notice.channel == Channel.MAIL:
            mailer.send(render_mail(notice))
        elif chat is None:
            raise DeliveryFailed("No chat webhook is set (WCO_SLACK_WEBHOOK_URL).", permanent=True)
        else:
            chat.post(render_chat(notice))

    return hand_over
