"""Slowing down who guesses passwords (S4): five wrong ones for an account from one address, then none for fifteen minutes.

Every failure is in the ledger (L13), which therefore cannot be flooded either: what is refused unread is written down once.
The portal says the same whether or not an account exists.
"""

from django.db import transaction

from migrations_portal.accounts import pace
from migrations_portal.audit import services as audit
from migrations_portal.audit.rules import PORTAL, Draft, EntryKind
from migrations_portal.kernel.errors import Refused
from migrations_portal.people.models import Person

WRONG_AT_MOST = 5
"""Wrong passwords for one account from one IP address (reliability.md, S4)."""
FROM_ONE_PLACE = 100
"""Tries that failed from one IP address, whatever the account: an office shares one. Chosen by us."""
WITHIN_SECONDS = 15 * 60
_ONE, _PLACE = "sign-in", "sign-in-place"


class TriedTooOften(Refused):
    """That was tried too often. Wait fifteen minutes, then try again; or set a new password by “Forgotten your password?”."""

    code = "tried-too-often"


def begin(*, email: str, ip: str) -> None:
    """Count a try before the password is looked at, so that tries at the same instant count too; raise `TriedTooOften`.

    The right password is refused as well then: whoever guesses learns nothing.
    """
    pair = pace.count(_ONE, who=_who(email, ip), seconds=WITHIN_SECONDS)
    place = pace.count(_PLACE, who=ip, seconds=WITHIN_SECONDS)
    if pair <= WRONG_AT_MOST and place <= FROM_ONE_PLACE:
        return
    if pair == WRONG_AT_MOST + 1 or place == FROM_ONE_PLACE + 1:
        _record(email, ip=ip, why="no more tries are taken for fifteen minutes")
    raise TriedTooOften


def failed(*, email: str, ip: str) -> None:
    """Record that a try failed."""
    _record(email, ip=ip, why="the address or the password was wrong")


def failed_second(*, email: str, ip: str) -> None:
    """Record that the password was right and the second factor was not. How often that may be is counted with the factor."""
    _record(email, ip=ip, why="the password was right, the second factor was not")


def succeeded(*, email: str, ip: str) -> None:
    """Forget what failed before: whoever knows the password may mistype it tomorrow."""
    pace.forget(_ONE, who=_who(email, ip))
    pace.give_back(_PLACE, who=ip)


def _who(email: str, ip: str) -> str:
    return f"{email.strip().lower()} {ip}"


def _record(email: str, *, ip: str, why: str) -> None:
    """Write it down; an address that is nobody's is left out, for people type passwords there."""
    known = Person.objects.filter(email__iexact=email.strip()).first()
    name = known.email if known else "an unknown address"
    with transaction.atomic():
        audit.append(
            Draft(
                kind=EntryKind.SIGN_IN_FAILED,
                actor=PORTAL,
                sentence=f"Somebody at {ip} did not get in as {name}: {why}.",
                result="rejected",
                facts={"person": known.email if known else "", "ip": ip},
            )
        )
