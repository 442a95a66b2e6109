"""What the portal asks of the outside to tell people something."""

from dataclasses import dataclass
from typing import Protocol

from migrations_portal.kernel.errors import Trouble


class DeliveryFailed(Trouble):
    """The message could not be handed over; `permanent` says whether trying again makes sense."""

    code = "delivery-failed"

    def __init__(self, sentence: str = "", *, permanent: bool = False) -> None:
        """Say whether a second try is pointless."""
        super().__init__(sentence)
        self.permanent = permanent  # type: ignore[misc]  # here it is known only by instance


@dataclass(frozen=True)
class Mail:
    """A rendered mail."""

    to: str
    subject: str
    text: str
    html: str
    key: str = ""
    """The same for every attempt at one mail: an attempt whose answer is lost may have arrived all the same."""
    reply_to: str = ""
    """Who reads an answer: a person (A10). Empty: whoever looks after the sender's mailbox."""


class Mailer(Protocol):
    """Hands mails to an SMTP server."""

    def send(self, mail: Mail) -> None:
        """Send; raise `DeliveryFailed`."""
        ...


class ChatWebhook(Protocol):
    """Posts a Slack-format message to an incoming webhook."""

    def post(self, text: str) -> None:
        """Post; raise `DeliveryFailed`."""
        ...
