"""People with a password and a second factor, and the codes that their phones show."""

from datetime import UTC, datetime, timedelta

from django.conf import settings

from migrations_portal.accounts import services as accounts
from migrations_portal.accounts.models import SecondFactor
from migrations_portal.accounts.rules import code_at, step_at
from migrations_portal.people.models import Person


def enrol(person: Person) -> None:
    """Give the person a second factor, set up an hour ago."""
    long_ago = datetime.now(UTC) - timedelta(hours=1)
    accounts.begin(person=person, key=settings.FACTOR_KEY, now=long_ago)
    accounts.confirm(
        person=person, code=code(person, long_ago), key=settings.FACTOR_KEY, now=long_ago
    )


def code(person: Person, at: datetime | None = None) -> str:
    """Return what the person's phone shows at an instant, now when none is given."""
    row = SecondFactor.objects.get(person=person)
    secret = accounts.unseal(row.sealed_secret, key=settings.FACTOR_KEY)
    return code_at(secret=secret, step=step_at(at or datetime.now(UTC)))
