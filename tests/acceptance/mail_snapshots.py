"""Mails as files: what a story sent, held word for word in tests/acceptance/snapshots. `WCO_SNAPSHOTS=write` writes them anew."""

import os
import re
from pathlib import Path

from migrations_portal.notifications import delivery
from migrations_portal.notifications.models import Notice

FOLDER = Path(__file__).parent / "snapshots"
SAME = (
    (re.compile(r"/s/[\w-]{43}/"), "/s/TOKEN/"),
    (re.compile(r"/sign-off/\d+/"), "/sign-off/SEAT/"),
    (re.compile(r"https?://[^/\s\"]+"), "https://PORTAL"),
    (re.compile(r"\bWC-\d+"), "WC-1"),
    (re.compile(r"/plans/\d+/"), "/plans/1/"),
)
"""What differs from run to run, and what stands for it. Times do not: the stories have a clock of their own."""


def sent() -> str:
    """Return every mail of the outbox in the order in which it was put there: when, to whom, subject, text."""
    mails = []
    for notice in Notice.objects.filter(channel="MAIL").order_by("pk"):
        mail = delivery.render_mail(notice)
        assert "module.exports" not in mail.text + mail.html
        assert mail.html.count('href="') == 1
        mails.append(
            f"=== {notice.created_at:%d %b %H:%M} UTC, {notice.template}\n"
            f"To: {mail.to}\nSubject: {mail.subject}\n\n{mail.text}"
        )
    text = "\n".join(mails)
    for pattern, stands_for in SAME:
        text = pattern.sub(stands_for, text)
    return text


def check(name: str) -> None:
    """Compare what was sent with the snapshot of this name; a difference is shown by pytest line by line."""
    path = FOLDER / f"{name}.txt"
    found = sent()
    if os.environ.get("WCO_SNAPSHOTS") == "write":
        path.parent.mkdir(exist_ok=True)
        path.write_text(found)
    held = path.read_text().splitlines() if path.exists() else ["There is no such snapshot yet."]
    assert found.splitlines() == held, f"{path.name} differs; WCO_SNAPSHOTS=write writes it anew"
