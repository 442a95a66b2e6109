"""The daily mail of what waits for a person: once a day and person, whatever the clock does."""

from datetime import datetime

from migrations_portal.approvals import queries
from migrations_portal.approvals.models import Seat
from migrations_portal.approvals.policy import DIGEST_HOUR
from migrations_portal.approvals.services import mails
from migrations_portal.kernel.memory import remembering
from migrations_portal.notifications import services as notifications
from migrations_portal.people.models import Person


def send_digests(*, now: datetime, public_url: str) -> int:
    """Mail every person for whom a seat is open what waits for them; return how many have something waiting.

    A person's morning is that of the target that waits longest. The date is part of the key, so a second sweep of the same
    day, or a clock that jumps back, sends nothing again. Only whoever some open seat is for is asked about; nobody, nothing.
    """
    told = 0
    with remembering():
        for person in queries.people_of_open_seats(now=now):
            seats = queries.waiting_for(person=person, now=now)
            if seats and _is_morning(seats[0], now=now):
                _send(person, seats=seats, now=now, public_url=public_url)
                told += 1
    return told


def _is_morning(seat: Seat, *, now: datetime) -> bool:
    return now.astimezone(seat.revision.plan.target.zone).hour >= DIGEST_HOUR


def _send(person: Person, *, seats: list[Seat], now: datetime, public_url: str) -> None:
    date = now.astimezone(seats[0].revision.plan.target.zone).date()
    lines = [
        {
            "plan_number": seat.revision.plan.number,
            "plan_title": mails.mail_title(seat.revision.plan, phi=seat.revision.phi),
            "level": seat.revision.level,
            "phi": seat.revision.phi,
            "overdue": seat.due_at <= now,
            **mails.seat_words(seat, plan=seat.revision.plan),
        }
        for seat in seats
    ]
    notifications.queue_mail(
        template="waiting_digest",
        to=person.email,
        context={
            "person_name": person.first_name,
            "count": len(lines),
            "late": sum(1 for line in lines if line["overdue"]),
            "lines": lines,
            "url": f"{public_url}/",
        },
        dedup_key=f"digest-{date:%Y-%m-%d}",
        now=now,
    )
