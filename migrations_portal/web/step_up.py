"""Asking again who somebody is, before an act that weighs much (A5): a passkey, or the password and a code.

A page's script posts the whole form with `passkey=ask` first. The door checks it as ever, and where it would ask for proof it
answers what the passkey has to sign (`Asked`); the answer comes back in `passkey` with the same form. So what a passkey confirms
is bound to everything that the form says, and to what the door adds, such as the revision's digest.
"""

import json
from collections.abc import Sequence
from typing import Any, NoReturn

from django.conf import settings
from django.http import HttpRequest

from migrations_portal.accounts import enrolling, passkeys, proving, queries
from migrations_portal.accounts.passkeys import Answer, Site
from migrations_portal.accounts.queries import Held
from migrations_portal.kernel.errors import Refused
from migrations_portal.kernel.memory import remembered
from migrations_portal.people.models import Person
from migrations_portal.web import clock

FIELD, ASK = "passkey", "ask"
SECRET = frozenset({FIELD, "csrfmiddlewaretoken", "password", "code", "old", "new", "again"})
"""Fields that are not part of the act itself."""


class Asked(Exception):  # not a fault: the page asked what to sign
    """The answer to a page that asks what a passkey has to sign; `told` is for its script."""

    def __init__(self, told: dict[str, Any]) -> None:
        """Take what the script gets: `get` or `create` with the options of WebAuthn, or the `refused` sentence."""
        super().__init__()
        self.told = told


def site() -> Site | None:
    """Return where the portal is for browsers, by its settings and never by what a request says; None without passkeys."""
    return passkeys.site_of(settings.PUBLIC_URL)


def held(person: Person) -> Held:
    """Return the person's second factors, asked for once a page."""
    return remembered(("held", person.pk), lambda: queries.held(person=person))


def has_factor(person: Person) -> bool:
    """Say whether the person has a second factor."""
    return bool(held(person))


def must_set_up(person: Person) -> bool:
    """Say whether this installation asks for a second factor that the person does not have yet."""
    return bool(settings.REQUIRE_SECOND_FACTOR) and not has_factor(person)


def second(person: Person, *, has: Held | None = None) -> str:
    """Return the person's second factor as pages ask for it: "passkey" (a code may stand in for it), "code", or nothing.

    `has`: what the person holds, when it was read already.
    """
    has = held(person) if has is None else has
    if has.passkeys and site() is not None:
        return "passkey"
    return "code" if has else ""


def asks(person: Person, *, has: Held | None = None) -> str:
    """Return what `prove_if_asked` wants of this person; as `second`, and "code" too where nobody may be without."""
    return second(person, has=has) or ("code" if settings.REQUIRE_SECOND_FACTOR else "")


def prove(
    request: HttpRequest,
    *,
    person: Person,
    has: Held,
    about: Sequence[str] = (),
    required: bool = True,
) -> str:
    """Return the factors that were shown, as the record names them. `about`: what the act concerns beside what the form says.

    `required`: whether the act needs a second factor where this installation asks for one. Raises `Asked`, and what
    `proving.prove` raises. A code, or an answer, is used up by this.
    """
    return proving.prove(
        proving.Given(
            password=request.POST.get("password", ""),
            code=request.POST.get("code", ""),
            answer=answer(request, person=person, about=about),
        ),
        person=person,
        held=has,
        required=required and settings.REQUIRE_SECOND_FACTOR,
        key=settings.FACTOR_KEY,
        now=clock.now(),
    )


def prove_if_asked(request: HttpRequest, *, person: Person, about: Sequence[str] = ()) -> str:
    """Return the factors of an act that asks again only those who have a second factor, or must have one; see `prove`."""
    has = queries.held(person=person)
    if not has and not settings.REQUIRE_SECOND_FACTOR and not request.POST.get(FIELD):
        return "session"
    return prove(request, person=person, has=has, about=about)


def ask_to_create(*, person: Person, bound_to: str) -> NoReturn:
    """Raise `Asked` with what the person's device makes a new passkey from."""
    try:
        told = enrolling.begin(person=person, bound_to=bound_to, site=site(), now=clock.now())
    except Refused as refusal:
        raise Asked({"refused": refusal.sentence}) from None
    raise Asked({"create": told})


def answer(request: HttpRequest, *, person: Person, about: Sequence[str] = ()) -> Answer | None:
    """Return what the person's passkey answered, None when the form comes without; raise `Asked` for who asks what to sign."""
    given = request.POST.get(FIELD, "")
    if not given:
        return None
    bound_to = act(request, about=about)
    if given != ASK:
        return Answer(text=given, bound_to=bound_to, site=site())
    try:
        told = passkeys.ask(person=person, bound_to=bound_to, site=site(), now=clock.now())
    except Refused as refusal:
        raise Asked({"refused": refusal.sentence}) from None
    raise Asked({"get": told})


def act(request: HttpRequest, *, about: Sequence[str] = ()) -> str:
    """Return an act in words that differ from those of every other act: its address, what the form says, and what the door adds.

    Browsers end lines in a text in one of two ways; both say the same.
    """
    said = [
        (name, " ".join(value.splitlines()))
        for name, values in sorted(request.POST.lists())
        if name not in SECRET
        for value in values
    ]
    return json.dumps([request.path, said, list(about)])
