"""What every Mailer promises, over real SMTP and in memory."""

import socket
from dataclasses import replace
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

import pytest
from aiosmtpd.controller import Controller

from migrations_portal.adapters.in_memory import InMemoryMailer
from migrations_portal.adapters.mail import SmtpMailer
from migrations_portal.notifications.ports import DeliveryFailed, Mail, Mailer

MAIL = Mail(
    "dan@wc.example", "Sign-off needed: plan 7", "Plan 7 waits.\n", "<p>Plan 7 waits – für Sie.</p>"
)


class Sink:
    """A mail server; `answer` is what it says to the mail."""

    def __init__(self) -> None:
        self.port = 0
        self.answer, self.received = "250 OK", list[EmailMessage]()

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802
        if self.answer.startswith("250"):
            self.received.append(message_from_bytes(envelope.content, policy=policy.default))
        return self.answer


@pytest.fixture
def sink():
    handler = Sink()
    with socket.create_server(("127.0.0.1", 0)) as probe:
        handler.port = probe.getsockname()[1]
    controller = Controller(handler, hostname="127.0.0.1", port=handler.port)
    controller.start()
    yield handler
    controller.stop()


@pytest.fixture(params=["smtp", "memory"])
def mailer(request: pytest.FixtureRequest) -> Mailer:
    if request.param == "memory":
        return InMemoryMailer()
    port = request.getfixturevalue("sink").port
    return SmtpMailer(f"smtp://127.0.0.1:{port}", sender="White Cross Ops <ops@wc.example>")


def test_a_mail_is_taken(mailer: Mailer) -> None:
    mailer.send(MAIL)


def test_a_line_break_in_the_subject_is_refused_for_good(mailer: Mailer) -> None:
    with pytest.raises(DeliveryFailed) as failure:
        mailer.send(Mail("dan@wc.example", "x\r\nBcc: eve@evil.example", "t", "h"))

    assert failure.value.permanent


def test_an_answer_goes_to_the_person_whom_the_mail_names(sink: Any) -> None:
    sender = SmtpMailer(f"smtp://127.0.0.1:{sink.port}", sender="Ops <ops@wc.example>")
    sender.send(replace(MAIL, reply_to="ana@wc.example"))
    with pytest.raises(DeliveryFailed):
        sender.send(replace(MAIL, reply_to="ana@wc.example\r\nBcc: eve@evil.example"))

    (mail,) = sink.received
    assert mail["Reply-To"] == "ana@wc.example"


def test_a_mail_has_both_bodies_and_asks_for_no_automatic_answer(sink: Any) -> None:
    SmtpMailer(f"smtp://127.0.0.1:{sink.port}", sender="Ops <ops@wc.example>").send(MAIL)

    (mail,) = sink.received
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["X-Auto-Response-Suppress"] == "All"
    assert mail["Message-ID"].endswith("@wc.example>")
    assert mail["Reply-To"] is None
    assert mail.get_body(("plain",)).get_content().splitlines() == MAIL.text.splitlines()
    assert "für Sie" in mail.get_body(("html",)).get_content()


@pytest.mark.parametrize(("answer", "permanent"), [("550 no such box", True), ("451 later", False)])
def test_the_servers_answer_says_whether_to_try_again(
    sink: Any, answer: str, permanent: bool
) -> None:
    sink.answer = answer

    with pytest.raises(DeliveryFailed) as failure:
        SmtpMailer(f"smtp://127.0.0.1:{sink.port}", sender="ops@wc.example").send(MAIL)

    assert failure.value.permanent is permanent


def test_a_server_that_is_away_is_worth_another_try() -> None:
    with pytest.raises(DeliveryFailed, match="cannot be reached") as failure:
        SmtpMailer("smtp://127.0.0.1:1", sender="ops@wc.example").send(MAIL)

    assert not failure.value.permanent


def test_a_password_is_never_sent_in_the_clear() -> None:
    with pytest.raises(ValueError, match="no encryption"):
        SmtpMailer("smtp://ops:secret@mail.example", sender="ops@wc.example")
