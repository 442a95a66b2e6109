"""The demo's received mails and chat posts: read from the folders where the demo's receivers put them."""

import email
import email.policy
import json
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import EmailMessage
from pathlib import Path
from typing import Any

LINK = re.compile(r"https?://[^\s<>\"]+")


@dataclass(frozen=True)
class Received:
    """One mail."""

    name: str
    message: EmailMessage
    at: datetime

    def part(self, kind: str) -> str:
        """Return the text of the `plain` or the `html` part, empty when there is none."""
        body = self.message.get_body(preferencelist=(kind,))
        return str(body.get_content()) if body else ""

    @property
    def links(self) -> list[str]:
        """The links of the plain text, each once."""
        return list(dict.fromkeys(LINK.findall(self.part("plain"))))


def mails(folder: Path) -> list[Received]:
    """Return the received mails, newest first."""
    return [mail(path) for path in sorted(_files(folder, "*.eml"), reverse=True)]


def mail(path: Path) -> Received:
    """Read one mail."""
    parsed = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
    at = datetime.fromtimestamp(path.stat().st_mtime, tz=UTC)
    return Received(name=path.stem, message=parsed, at=at)


def _files(folder: Path, pattern: str) -> Iterator[Path]:
    return folder.glob(pattern) if folder.is_dir() else iter(())


def keep_post(folder: Path, raw: bytes) -> None:
    """Keep a chat post as it arrived."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{time.time_ns()}.json").write_bytes(raw)


def posts(folder: Path) -> list[dict[str, Any]]:
    """Return the chat posts, newest first."""
    found = []
    for path in sorted(_files(folder, "*.json"), reverse=True):
        raw = path.read_text(encoding="utf-8", errors="replace")
        text = str(json.loads(raw).get("text", ""))
        link = LINK.search(text)
        at = datetime.fromtimestamp(int(path.stem) / 1e9, tz=UTC)
        found.append({"at": at, "text": text, "url": link[0] if link else "", "raw": raw})
    return found
