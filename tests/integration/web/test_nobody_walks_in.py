"""Every address, asked by somebody without any role and by nobody at all: nothing is shown and nothing changes (S5)."""

import pytest
from django.contrib.auth import SESSION_KEY
from django.test import Client
from django.urls import URLPattern, get_resolver

from migrations_portal.accounts.models import Pace
from migrations_portal.approvals.models import Seat
from migrations_portal.audit.models import Entry
from migrations_portal.demo.customer.examples import CONSENT_TRACKING
from migrations_portal.execution.models import MigrationRun
from migrations_portal.incidents.models import Incident
from migrations_portal.incidents.rules import Trigger
from migrations_portal.incidents.services import open_for_run
from migrations_portal.people.models import Person
from migrations_portal.plans.models import ChecklistItem, Comment, MigrationPlan
from migrations_portal.windows.models import Period
from tests.clock import NOON
from tests.factories.plans import scheduled_run

SECRETS = ("Zebrafish", "zebra-production", "Ana Lopez", "CREATE TABLE")
"""Words that only somebody with a role may read: title, target, author, SQL."""
REFUSED = {302, 400, 403, 404, 405, 409, 415, 422}
FOR_EVERYBODY = {
    *(
        "account",
        "api-delegations",
        "backups",
        "delegations",
        "my-turn",
        "plans",
        "plan-new",
        "runs",
        "incidents",
        "calendar-start",
        "rules",
        "rule",
        "password-change",
        "password-forgotten",
    ),
    *("phi-targets", "login", "logout", "live", "ready", "record-schema", "verifier"),
    *("verifier-script", "calendar-feed-make", "calendar-feed-revoke", "compliance", "exports"),
    *("api-plans", "api-runs", "api-rules", "api-rule", "api-tokens", "api-schema"),
}
"""Pages that exist for whoever is signed in (or, the last of them, for anybody); they show nothing of anybody else."""
OPEN = {
    *("login", "live", "ready", "record-schema", "verifier", "verifier-script", "rules", "rule"),
    "password-forgotten",
}
"""What answers without signing in."""
BACKEND = "django.contrib.auth.backends.ModelBackend"
METHODS = ("get", "head", "post", "put", "patch", "delete", "options")


def patterns(found, prefix=""):
    for each in found:
        route = prefix + str(each.pattern)
        if isinstance(each, URLPattern):
            yield route, each
        else:
            yield from patterns(each.url_patterns, route)


def addresses():
    """Return every address but the stream of a run, which gives its connection back and has tests of its own."""
    return {
        each.name: route
        for route, each in patterns(get_resolver().url_patterns)
        if each.name and each.name not in {"api-nowhere", "parts", "run-events"}
    }


@pytest.fixture
def everything(cast, production):
    """One of each thing, all of them Ana's."""
    production.name = "zebra-production"
    production.save()
    run = scheduled_run(cast=cast, target=production, example=CONSENT_TRACKING)
    MigrationPlan.objects.filter(pk=run.plan_id).update(title="Zebrafish")
    run.refresh_from_db()
    open_for_run(
        run=run,
        trigger=Trigger.RUN_FAILED,
        title="Zebrafish failed",
        now=NOON,
        public_url="http://127.0.0.1:8000",
    )
    return {
        "plan_id": run.plan_id,
        "run_id": run.pk,
        "seat_id": Seat.objects.filter(revision__plan=run.plan_id).first().pk,
        "incident_id": Incident.objects.get().pk,
        "target_id": production.pk,
        "period_id": Period.objects.filter(target=production).first().pk,
        "person_id": cast["ana"].pk,
        "seq": Entry.objects.latest("seq").seq,
        "key": "tested-in-staging",
        "rule_id": "nothing",
        "target": production.name,
        "name": CONSENT_TRACKING.name,
        "token": "guess",
    }


def filled(route, ids):
    """Return the address with the ids of what is there, 1 for what the test does not make."""
    parts = []
    for part in route.split("<"):
        if ">" not in part:
            parts.append(part)
            continue
        inner, rest = part.split(">", 1)
        parts.append(f"{ids.get(inner.split(':')[-1], 1)}{rest}")
    return "/" + "".join(parts)


def state():
    """Return what must not change."""
    return (
        list(MigrationPlan.objects.order_by("pk").values()),
        list(MigrationRun.objects.order_by("pk").values()),
        list(Seat.objects.order_by("pk").values()),
        list(Period.objects.order_by("pk").values()),
        list(ChecklistItem.objects.order_by("pk").values()),
        Comment.objects.count(),
        Incident.objects.filter(acknowledged_at__isnull=True).count(),
        Person.objects.count(),
    )


def test_mallory_who_holds_no_role_walks_into_nothing(everything, cast):
    mallory = Client(raise_request_exception=True)
    before = state()
    seen, wrong = 0, []
    for name, route in addresses().items():
        Pace.objects.all().delete()  # each address is to refuse by itself, and not because of so many tries
        mallory.logout()  # a session of its own for each address
        for method in METHODS:
            if SESSION_KEY not in mallory.session:  # this address ended it, as signing out does
                mallory.force_login(cast["mallory"], backend=BACKEND)
            answer = getattr(mallory, method)(filled(route, everything))
            body = b"".join(answer) if answer.streaming else answer.content
            shown = [word for word in SECRETS if word.encode() in body]
            where = f"{method.upper()} {name} ({answer.status_code})"
            assert not shown, f"{where} shows {shown}"
            if (
                answer.status_code not in REFUSED
                and name not in FOR_EVERYBODY
                and method != "options"
            ):
                wrong.append(where)
            seen += 1
    assert wrong == []
    assert state() == before
    assert seen > 400


def test_nobody_at_all_is_sent_to_the_sign_in(everything):
    stranger, before = Client(), state()
    for name, route in addresses().items():
        for method in METHODS:
            answer = getattr(stranger, method)(filled(route, everything))
            where = f"{method.upper()} {name} ({answer.status_code})"
            assert answer.status_code in {302, 401, 403, 404, 405} or name in OPEN, where
            body = b"".join(answer) if answer.streaming else answer.content
            assert not [word for word in SECRETS if word.encode() in body], where
    assert state() == before


def test_a_superuser_without_a_role_is_nobody_either(everything, cast):
    cast["mallory"].is_superuser = True
    cast["mallory"].save()
    root = Client()
    root.force_login(cast["mallory"], backend=BACKEND)

    assert root.get(f"/plans/{everything['plan_id']}/").status_code == 404
    assert root.get(f"/calendar/{everything['target_id']}/").status_code == 404
    assert root.get("/audit/").status_code == 403
