"""After each ending of a run: what its pages say."""

import asyncio

import pytest
from django.test import Client

from migrations_portal.demo.customer.examples import CONSENT_TRACKING, MEDICATION_REVIEW
from migrations_portal.incidents.models import EmergencyContact, Incident
from migrations_portal.web.live import Hub

pytestmark = pytest.mark.django_db(transaction=True)


def page(person, url):
    client = Client()
    client.force_login(person, backend="django.contrib.auth.backends.ModelBackend")
    answer = client.get(url)
    assert answer.status_code == 200
    return answer.content.decode()


def heard(run):
    """What the stream of the live page brings whoever opens it after the end."""

    async def all_of_it():
        stream = Hub().events(run_id=run.pk, may_order=True, after=0)
        return "".join([text async for text in stream])

    return asyncio.run(asyncio.wait_for(all_of_it(), timeout=60))


def test_a_success_is_told_on_its_page_in_the_list_and_in_the_ledger(run_example, cast):
    run = run_example(CONSENT_TRACKING)

    shown = page(cast["dan"], f"/runs/{run.pk}/")
    assert "every check passed" in shown
    assert "s3://white-cross-backups/pre-migration/" in shown
    assert "hx-get" not in shown
    assert "every check passed" in heard(run)
    assert f"/runs/{run.pk}/" in page(cast["ana"], "/runs/")
    assert "SUCCEEDED" not in page(cast["mallory"], "/runs/")
    entries = page(cast["cleo"], "/audit/")
    assert "Audit record of" in entries
    assert (
        "20251103000000-add-patient-consent-tracking.js"
        in page(cast["cleo"], "/audit/1/") + entries
    )


def test_a_half_done_run_shows_what_differs_and_offers_the_restore(run_example, cast, group):
    EmergencyContact.objects.create(
        group=group,
        role="DBA",
        name="Dan Okafor",
        phone="+1 555 0100",
        email="dan@whitecross.example",
    )

    run = run_example(MEDICATION_REVIEW)

    for_dan, for_ana = (page(cast[name], f"/runs/{run.pk}/") for name in ("dan", "ana"))
    assert "failed half way" in for_dan
    assert "failed half way" in heard(run)
    assert "Restore the backup taken before this run" in for_dan
    assert "reviewed" in for_dan.lower()
    assert "two other people have to decide" in for_ana
    incident = Incident.objects.get()
    told = page(cast["dan"], f"/incidents/{incident.pk}/")
    assert "tel:+15550100" in told
    assert "P0" in told
    assert f"/incidents/{incident.pk}/" in page(cast["dan"], "/incidents/")
    client = Client()
    client.force_login(cast["dan"], backend="django.contrib.auth.backends.ModelBackend")
    client.post(f"/incidents/{incident.pk}/take/")
    assert client.post(f"/incidents/{incident.pk}/close/", {"finding": " "}).status_code == 422
    client.post(f"/incidents/{incident.pk}/close/", {"finding": "Restored"})
    incident.refresh_from_db()
    assert incident.closed_by == cast["dan"]
    client.post(f"/runs/{run.pk}/decide/", {"choice": "RESTORE", "reason": "Cannot be finished"})
    assert "A second person" in page(cast["tess"], f"/runs/{run.pk}/")
