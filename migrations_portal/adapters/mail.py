"""Mails through an SMTP server."""

import contextlib
import hashlib
import smtplib
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import EmailMessage
from email.utils import formatdate, make_msgid, parseaddr
from urllib.parse import unquote, urlsplit

from migrations_portal.notifications.ports import DeliveryFailed, Mail

TIMEOUT_SECONDS = 10
LONGEST_SECONDS = 30
"""For a whole mail after the greeting. With the greeting less than the lease of a notice, or a slow relay would get it twice."""
PERMANENT = 500
"""From this reply code on, the server says that trying again is pointless (RFC 5321, section 4.2.1)."""
PORTS = {"smtp": 25, "smtp+starttls": 587, "smtps": 465}


class SmtpMailer:
    """One connection per mail: mails are few, and a broken connection then harms one."""

    def __init__(self, url: str, *, sender: str) -> None:
        """Use `smtp://`, `smtp+starttls://` or `smtps://` `[user:password@]host[:port]`; `sender` is the From line."""
        parts = urlsplit(url)
        if parts.scheme not in PORTS or not parts.hostname:
            raise ValueError(
                "WCO_SMTP_URL must be smtp://, smtp+starttls:// or smtps://, then [user:password@]host[:port]"
            )
        self._scheme, self._host = parts.scheme, parts.hostname
        self._port = parts.port or PORTS[parts.scheme]
        self._user, self._password = unquote(parts.username or ""), unquote(parts.password or "")
        if self._user and self._scheme == "smtp":
            raise ValueError(
                "WCO_SMTP_URL has a password but no encryption. Use smtp+starttls:// or smtps://."
            )
        self._sender = sender

    def send(self, mail: Mail) -> None:
        """Hand the mail over; raise `DeliveryFailed`."""
        message = self._message(mail)
        try:
            with self._session() as server:
                server.send_message(message)
        except smtplib.SMTPRecipientsRefused as error:
            code = max((code for code, _ in error.recipients.values()), default=0)
            raise self._failed(
                f"it refused the recipient with {code}", permanent=code >= PERMANENT
            ) from None
        except smtplib.SMTPAuthenticationError as error:
            raise self._failed(
                f"it refused our sign-in with {error.smtp_code}; check WCO_SMTP_URL"
            ) from None
        except smtplib.SMTPResponseException as error:
            raise self._failed(
                f"it answered {error.smtp_code}", permanent=error.smtp_code >= PERMANENT
            ) from None
        except (OSError, smtplib.SMTPException) as error:
            raise self._failed(
                f"it cannot be reached or broke off ({type(error).__name__}); check WCO_SMTP_URL"
            ) from None

    def check(self) -> None:
        """Greet the relay and sign in, without a mail; raise `DeliveryFailed`."""
        try:
            with self._session() as server:
                server.noop()
        except (OSError, smtplib.SMTPException) as error:
            raise self._failed(
                f"it cannot be reached or refuses us ({type(error).__name__}); check WCO_SMTP_URL"
            ) from None

    def _failed(self, why: str, *, permanent: bool = False) -> DeliveryFailed:
        return DeliveryFailed(
            f"The mail server {self._host}:{self._port} did not take the mail: {why}.",
            permanent=permanent,
        )

    @contextmanager
    def _session(self) -> Iterator[smtplib.SMTP]:
        """Connect, and break off what takes longer than `LONGEST_SECONDS`; what is said to our good-bye counts for nothing."""
        server = self._connect()
        guard = threading.Timer(LONGEST_SECONDS, _break_off, [server])
        guard.daemon = True
        guard.start()
        try:
            yield server
            with contextlib.suppress(OSError, smtplib.SMTPException):
                server.quit()  # the mail is taken: sending it again for this would double it
        finally:
            guard.cancel()
            server.close()

    def _connect(self) -> smtplib.SMTP:
        context = ssl.create_default_context()
        if self._scheme == "smtps":
            server: smtplib.SMTP = smtplib.SMTP_SSL(
                self._host, self._port, timeout=TIMEOUT_SECONDS, context=context
            )
        else:
            server = smtplib.SMTP(self._host, self._port, timeout=TIMEOUT_SECONDS)
        try:
            if self._scheme == "smtp+starttls":
                server.starttls(context=context)
            if self._user:
                server.login(self._user, self._password)
        except BaseException:
            server.close()
            raise
        return server

    def _message(self, mail: Mail) -> EmailMessage:
        """Build the mail; line breaks in a header are refused, for they would add headers."""
        message = EmailMessage()
        try:
            message["From"], message["To"], message["Subject"] = self._sender, mail.to, mail.subject
            if mail.reply_to:
                message["Reply-To"] = mail.reply_to
        except ValueError:
            raise DeliveryFailed(
                "The mail has a line break in a header, so it was not sent.", permanent=True
            ) from None
        domain = parseaddr(self._sender)[1].rpartition("@")[2]
        message["Date"], message["Message-ID"] = formatdate(), _message_id(mail, domain)
        message["Auto-Submitted"] = "auto-generated"  # RFC 3834: no vacation notes back
        message["X-Auto-Response-Suppress"] = "All"  # the same for Exchange
        message.set_content(mail.text)
        message.add_alternative(mail.html, subtype="html")
        return message


def _break_off(server: smtplib.SMTP) -> None:
    """End what waits on the connection, from another thread."""
    if server.sock is not None:
        with contextlib.suppress(OSError):  # it may be closed already
            server.sock.shutdown(socket.SHUT_RDWR)


def _message_id(mail: Mail, domain: str) -> str:
    """Return the same id for each attempt at one mail, so that a relay or reader can drop what an attempt doubled."""
    if not mail.key:
        return make_msgid(domain=domain or None)
    return f"<{hashlib.sha256(mail.key.encode()).hexdigest()[:40]}@{domain or 'localhost'}>"
