"""A real SMTP server that delivers nothing: each message becomes one .eml file in a folder."""

import asyncio
import re
import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

from aiosmtpd.smtp import SMTP, Envelope, Session


@dataclass
class _Inbox:
    folder: Path
    numbers: "count[int]" = field(default_factory=count)

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        """Write the message under a name that sorts by time; the rename makes it appear whole."""
        del server, session
        content = envelope.content or b""
        body = content.encode() if isinstance(content, str) else content
        now = datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%fZ")
        to = re.sub(r"[^A-Za-z0-9@.+-]+", "_", envelope.rcpt_tos[0] if envelope.rcpt_tos else "")
        recipients = ", ".join(envelope.rcpt_tos)
        head = f"X-Envelope-From: {envelope.mail_from}\r\nX-Envelope-To: {recipients}\r\n"
        name = f"{now}-{next(self.numbers):06d}-{to[:80]}.eml"
        half = self.folder / f".{name}.half"
        half.write_bytes(head.encode() + body)
        half.rename(self.folder / name)
        return "250 Message accepted for delivery"


@dataclass
class MailSink:
    """The server, on a thread of its own; `inbox` gets the messages."""

    inbox: Path
    port: int = field(default=0, init=False)

    def start(self) -> None:
        """Listen on a free port of 127.0.0.1."""
        self.inbox.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._loop = asyncio.new_event_loop()
        handler = _Inbox(self.inbox)
        listening = self._loop.create_server(
            lambda: SMTP(
                handler, enable_SMTPUTF8=True, ident="White Cross Ops demo", loop=self._loop
            ),
            "127.0.0.1",
            0,
        )
        self._server = self._loop.run_until_complete(listening)
        self.port = int(self._server.sockets[0].getsockname()[1])
        self._thread = threading.Thread(
            target=self._loop.run_forever, name="mail-sink", daemon=True
        )
        self._thread.start()

    def stop(self, *, thrown_away: bool = False) -> None:
        """Close the port."""
        del thrown_away
        self._loop.call_soon_threadsafe(self._server.close)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        self._loop.close()
