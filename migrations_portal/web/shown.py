"""Since when a page was on somebody's screen: signed into its form, read when the form comes back (A12)."""

from datetime import datetime

from django.core.signing import BadSignature, Signer

_SIGNER = Signer(salt="sign-off-shown")


def written(*, seat_id: int, person_id: int, at: datetime) -> str:
    """Return what the form carries."""
    return _SIGNER.sign(f"{seat_id} {person_id} {at.isoformat()}")


def read(value: str, *, seat_id: int, person_id: int) -> datetime | None:
    """Return when the page was shown to this person; None for anything that we did not write for them."""
    try:
        seat, person, at = _SIGNER.unsign(value).split(" ", 2)
    except (BadSignature, ValueError):
        return None
    if (seat, person) != (str(seat_id), str(person_id)):
        return None
    return datetime.fromisoformat(at)
