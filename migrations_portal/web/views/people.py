"""People, for administrators: the list, one person, and each act on a page of its own with its reason."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from migrations_portal.accounts import administration, queries
from migrations_portal.accounts.queries import Known
from migrations_portal.kernel.errors import Refused
from migrations_portal.people import access
from migrations_portal.people.models import Person
from migrations_portal.tasks import bells
from migrations_portal.web import clock, refusals, step_up
from migrations_portal.web.forms.accounts import PROOF_FIELDS
from migrations_portal.web.forms.people import ActForm, InviteForm, RoleForm, powers_of
from migrations_portal.web.people import signed_in
from migrations_portal.web.presenters import people as presenter

SHOWN = 200
Service = Callable[..., Any]


@dataclass(frozen=True)
class Act:
    """One thing that an administrator does with a person: how its page speaks, and the service behind it."""

    title: str
    explain: str
    button: str
    done: str
    service: Service
    danger: bool = False


GIVE = Act(
    title="Give a role",
    explain="It counts from the next request on, also for seats that are open now. Whoever administers holds no seat.",
    button="Give the role",
    done="{name} has the role.",
    service=administration.give_role,
)
TAKE = Act(
    title="Take a role",
    explain="It is gone at the next request. Seats that are open go to who is left; signatures that were given stay, marked.",
    button="Take the role",
    done="The role is taken from {name}.",
    service=administration.take_role,
    danger=True,
)
DEACTIVATE = Act(
    title="Deactivate",
    explain="They are signed out at once, and their API tokens and mail links end. Open seats go to who is left; signatures stay, "
    "marked. Their roles sleep until they are let in again.",
    button="Deactivate",
    done="{name} is deactivated.",
    service=administration.deactivate,
    danger=True,
)
REACTIVATE = Act(
    title="Let in again",
    explain="They can sign in again, with the roles that they had.",
    button="Let in again",
    done="{name} can sign in again.",
    service=administration.reactivate,
)
FACTOR = Act(
    title="Reset the second factor",
    explain="For a lost phone or passkey without recovery codes: it takes app, passkeys and codes. Be sure who asks: call them. "
    "Afterwards they set up a new one on their account page.",
    button="Reset it",
    done="The second factor of {name} is reset.",
    service=administration.reset_factor,
    danger=True,
)


@require_GET
def people(request: HttpRequest) -> HttpResponse:
    """List the people of the groups that the person administers."""
    me = administrator(request)
    text = request.GET.get("q", "").strip()[:100].replace("\x00", "")
    found = queries.known(by=me, text=text)
    told = {
        "people": [presenter.line(each) for each in found[:SHOWN]],
        "more": max(0, len(found) - SHOWN),
        "text": text,
        "invite_url": reverse("person-invite"),
    }
    return render(request, "people/list.html", told)


@require_GET
def person(request: HttpRequest, person_id: int) -> HttpResponse:
    """Show one person."""
    me = administrator(request)
    told = presenter.page(queries.known_person(by=me, person_id=person_id), by=me)
    return render(request, "people/person.html", told)


@sensitive_post_parameters("password", "code", "passkey")
@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def invite(request: HttpRequest) -> HttpResponse:
    """Give somebody new an account and roles."""
    me = administrator(request)
    powers = powers_of(queries.administered(person=me))
    form = InviteForm(request.POST or None, powers=powers, asks=step_up.asks(me))
    if request.method == "POST" and form.is_valid():
        given = form.cleaned_data
        try:
            step_up.prove_if_asked(request, person=me)
            made = administration.invite(
                email=given["email"],
                full_name=given["full_name"],
                powers=form.chosen(),
                by=me,
                reason=given["reason"],
                now=clock.now(),
                public_url=clock.public_url(),
            )
        except Refused as refusal:
            refusals.note(request, refusal)
            refuse(form, refusal)
        else:
            bells.notices_soon()
            messages.success(request, f"{made.full_name} gets a mail with a link.")
            return redirect("person", made.pk)
    status = 422 if form.is_bound else 200
    return render(request, "people/invite.html", {"form": form}, status=status)


@require_POST
def send_link(request: HttpRequest, person_id: int) -> HttpResponse:
    """Send somebody the invitation again."""
    me = administrator(request)
    known = queries.known_person(by=me, person_id=person_id)
    try:
        administration.send_link(
            person=known.person, by=me, now=clock.now(), public_url=clock.public_url()
        )
    except access.NotAllowed:
        raise
    except Refused as refusal:
        refusals.tell(request, refusal)
    else:
        bells.notices_soon()
        messages.success(request, "The link is on its way.")
    return redirect("person", person_id)


def give(request: HttpRequest, person_id: int) -> HttpResponse:
    """Give a role."""
    return _act(request, person_id, GIVE)


def take(request: HttpRequest, person_id: int) -> HttpResponse:
    """Take a role."""
    return _act(request, person_id, TAKE)


def deactivate(request: HttpRequest, person_id: int) -> HttpResponse:
    """Keep somebody out."""
    return _act(request, person_id, DEACTIVATE)


def reactivate(request: HttpRequest, person_id: int) -> HttpResponse:
    """Let somebody in again."""
    return _act(request, person_id, REACTIVATE)


def reset_factor(request: HttpRequest, person_id: int) -> HttpResponse:
    """Take a lost second factor away."""
    return _act(request, person_id, FACTOR)


@sensitive_post_parameters("password", "code", "passkey")
@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def _act(request: HttpRequest, person_id: int, act: Act) -> HttpResponse:
    me = administrator(request)
    known = queries.known_person(by=me, person_id=person_id)
    form = _form(request, act, known=known, me=me)
    if request.method == "POST" and form.is_valid():
        try:
            step_up.prove_if_asked(request, person=me)
            _do(act, form, known=known, me=me)
        except Refused as refusal:
            refusals.note(request, refusal)
            refuse(form, refusal)
        else:
            bells.notices_soon()
            bells.seats_soon()
            messages.success(request, act.done.format(name=known.person.full_name))
            return redirect("person", person_id)
    told = {
        "act": act,
        "form": form,
        "person": {"name": known.person.full_name, "url": reverse("person", args=[person_id])},
    }
    return render(request, "people/act.html", told, status=422 if form.is_bound else 200)


def _form(request: HttpRequest, act: Act, *, known: Known, me: Person) -> ActForm:
    data, asks = request.POST or None, step_up.asks(me)
    if act not in {GIVE, TAKE}:
        return ActForm(data, asks=asks)
    held = {f"{group.pk}:{role}": (group, role) for group, role in known.powers}
    mine = powers_of(queries.administered(person=me))
    powers = held if act is TAKE else {key: power for key, power in mine.items() if key not in held}
    first = {"power": request.GET.get("power", "")}
    return RoleForm(data, powers=powers, asks=asks, initial=first)


def _do(act: Act, form: ActForm, *, known: Known, me: Person) -> None:
    more: dict[str, Any] = {}
    if isinstance(form, RoleForm):
        more["group"], more["role"] = form.chosen()
    act.service(
        person=known.person,
        by=me,
        reason=form.cleaned_data["reason"],
        now=clock.now(),
        public_url=clock.public_url(),
        **more,
    )


def refuse(form: ActForm, refusal: Refused) -> None:
    field = PROOF_FIELDS.get(refusal.code)
    form.add_error(field if field in form.fields else None, refusal.sentence)


def administrator(request: HttpRequest) -> Person:
    """Return who asks; raise `NotAllowed` for whoever administers nothing."""
    me = signed_in(request)
    if not queries.administered(person=me):
        raise access.NotAllowed("Only administrators look after people and targets.")
    return me
