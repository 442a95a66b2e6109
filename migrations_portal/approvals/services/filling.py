"""Whether the people there are can fill the seats there are: one person acts in one role of a revision (A6)."""

from collections.abc import Iterable
from datetime import datetime

from migrations_portal.approvals import queries
from migrations_portal.approvals.models import Seat
from migrations_portal.approvals.rules import Short, short_of
from migrations_portal.people.rules import Role


def short_of_people(seats: Iterable[Seat], *, now: datetime) -> Short:
    """Return the roles of the undecided seats for which people lack, each alone or some together."""
    options = {Role(seat.role): _options(seat, now=now) for seat in seats if not seat.decision}
    return short_of(options)


def _options(seat: Seat, *, now: datetime) -> list[frozenset[int]]:
    """Return by whom the seat could be filled: one holder, or a deputy together with whom they stand in for."""
    holders = [frozenset({each.pk}) for each in queries.holders_of(seat)]
    deputies = queries.deputies_for(seat, now=now)
    return holders + [frozenset({row.deputy_id, row.giver_id}) for row in deputies]
