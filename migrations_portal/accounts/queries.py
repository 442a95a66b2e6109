"""Who has a second factor."""

from migrations_portal.accounts.models import SecondFactor
from migrations_portal.people.models import Person


def pending(*, person: Person) -> SecondFactor | None:
    """Return the factor that the person began to set up and has not confirmed."""
    return SecondFactor.objects.filter(person=person, confirmed_at__isnull=True).first()


def factor(*, person: Person) -> SecondFactor | None:
    """Return the person's second factor, None without one."""
    return SecondFactor.objects.filter(person=person, confirmed_at__isnull=False).first()


def codes_left(*, factor: SecondFactor) -> int:
    """Return how many recovery codes are unused."""
    return factor.codes.filter(used_at__isnull=True).count()
