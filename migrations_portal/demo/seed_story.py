"""The demo's beginning in the portal's own database: people with their roles, the two targets, whom to tell and whom to call."""

from datetime import UTC, date, datetime, time, timedelta

from django.contrib.auth.hashers import check_password, make_password
from django.db import transaction

from migrations_portal.demo.cast import (
    CAST,
    EMERGENCY_ROLES,
    GROUP,
    STAKEHOLDERS,
    Player,
    mailbox,
)
from migrations_portal.demo.customer.customer import PRODUCTION, PROJECT, STAGING
from migrations_portal.demo.environment import CREDENTIAL
from migrations_portal.incidents.models import EmergencyContact
from migrations_portal.people import access
from migrations_portal.people.models import Person
from migrations_portal.people.rules import Role
from migrations_portal.targets.models import Stakeholder, Target, TargetGroup, TargetGroupRole
from migrations_portal.targets.rules import PHI_TABLES_OF_THE_SPEC, EnvironmentKind
from migrations_portal.windows.models import Period
from migrations_portal.windows.rules import WINDOWS

AUDITOR_STAYS = timedelta(days=5)
WATCH_SECONDS = 5
"""How long a run of the demo watches its target afterwards; five minutes in earnest."""


@transaction.atomic
def seed(*, pg_host: str, pg_port: int, password: str, traffic_hook: str = "") -> None:
    """Put in what is missing. What is there already stays as people changed it, but for where the targets answer and the password.

    The targets' traffic hook is a receiver of the demo's own, and the watch after a run is short.

    1. The group of targets, with staging before production, whose restore drills run on staging's server.
    2. One person per role, all with the same password.
    3. A mailbox per kind of stakeholder, and the emergency contacts.
    """
    group, _ = TargetGroup.objects.get_or_create(name=GROUP)
    _seed_targets(group, pg_host=pg_host, pg_port=pg_port, traffic_hook=traffic_hook)
    people = {player.role: _seed_person(player, group) for player in CAST}
    _let_the_auditor_stay(people[Role.AUDITOR], group)
    _give_password(list(people.values()), password)
    for kind, name in STAKEHOLDERS.items():
        Stakeholder.objects.get_or_create(
            group=group, kind=kind, email=mailbox(kind), defaults={"name": name}
        )
    for position, role in enumerate(EMERGENCY_ROLES):
        person = people[role]
        called = {"name": person.full_name, "phone": person.phone, "email": person.email}
        EmergencyContact.objects.get_or_create(
            group=group, role=role, position=position, defaults=called
        )


def _seed_targets(group: TargetGroup, *, pg_host: str, pg_port: int, traffic_hook: str) -> None:
    # The embedded server takes a free port at each start.
    answers = {
        "host": pg_host,
        "port": pg_port,
        "traffic_hook": traffic_hook,
        "watch_seconds": WATCH_SECONDS,
    }
    known = {"group": group, "credential": CREDENTIAL, "project": PROJECT}
    known["phi_tables"] = list(PHI_TABLES_OF_THE_SPEC)
    staging, _ = Target.objects.update_or_create(
        name=STAGING,
        defaults=answers,
        create_defaults={
            **answers,
            **known,
            "environment": EnvironmentKind.STAGING,
            "database": STAGING,
        },
    )
    production, created = Target.objects.update_or_create(
        name=PRODUCTION,
        defaults=answers,
        create_defaults={
            **answers,
            **known,
            "environment": EnvironmentKind.PRODUCTION,
            "database": PRODUCTION,
            "drill_target": staging,
        },
    )
    if created:
        _seed_windows(production)


def _seed_windows(target: Target) -> None:
    """One window of each kind, open around the clock: the story has to run at any hour. People change them in the calendar."""
    Period.objects.bulk_create(
        Period(
            target=target,
            kind=kind,
            name=f"{kind.title} (demo: always open)",
            first_day=date(2020, 1, 1),
            first_time=time(),
            minutes=24 * 60,
            rule="FREQ=DAILY",
            time_zone=target.time_zone,
            created_at=datetime(2020, 1, 1, tzinfo=UTC),
        )
        for kind in WINDOWS
    )


def _seed_person(player: Player, group: TargetGroup) -> Person:
    person = Person.objects.filter(email=player.email).first()
    if person is None:
        person = Person.objects.create_user(player.email, player.full_name, phone=player.phone)
        access.grant(person=person, role=player.role, group=group)
    return person


def _let_the_auditor_stay(person: Person, group: TargetGroup) -> None:
    """Let the auditor's time end in some days, as it does in earnest, counted from each start; a role taken away stays away."""
    rows = TargetGroupRole.objects.filter(user=person, content_object=group)
    rows.update(valid_until=datetime.now(UTC) + AUDITOR_STAYS)


def _give_password(people: list[Person], password: str) -> None:
    """Let all of them sign in with it. One hash for all, kept while it fits: a new one would end their sessions."""
    kept = people[0].password
    encoded = kept if check_password(password, kept) else make_password(password)
    for person in people:
        if person.password != encoded:
            person.password = encoded
            person.save(update_fields=["password"])
