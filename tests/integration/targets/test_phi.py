"""The PHI catalogue of a target: who may say what, what the ledger keeps, and what PostgreSQL itself refuses."""

import pytest
from django.db import IntegrityError, transaction

from migrations_portal.audit import queries as ledger
from migrations_portal.audit.models import Entry
from migrations_portal.people.access import NotAllowed
from migrations_portal.targets import queries, services
from migrations_portal.targets.models import MeasuredRate, PhiTag
from migrations_portal.targets.rules import NotAName, Tagged
from migrations_portal.targets.services import (
    NothingToTag,
    NotTagged,
    ReasonMissing,
    TaggedAlready,
)
from tests.clock import NOON

EMAIL = Tagged("public.users", "email")


def tag(target, by, text="public.users.email", reason="Parents' addresses"):
    return services.tag(target_id=target.pk, text=text, by=by, reason=reason, now=NOON)


def clear(target, by, what=EMAIL, reason="Only staff"):
    services.clear(target_id=target.pk, what=what, by=by, reason=reason, now=NOON)


@pytest.mark.parametrize("name", ["petra", "cleo", "sam", "dan"])
def test_officers_and_the_dba_tag_with_a_reason_in_the_ledger(cast, production, name):
    assert tag(production, cast[name]) == [EMAIL]

    assert queries.tagged(target=production) == [EMAIL]
    said = ledger.body(Entry.objects.get(kind="PHI_TAGGED"))
    assert said["who"]["name"] == cast[name].full_name
    assert (said["why"], said["phi"]) == ("Parents' addresses", True)
    assert said["facts"]["tagged"] == ["public.users.email"]
    assert ledger.verify_chain().intact


@pytest.mark.parametrize("name", ["ana", "tess", "carla", "eve", "mallory"])
def test_nobody_else_tags(cast, production, name):
    with pytest.raises(NotAllowed, match="privacy officer"):
        tag(production, cast[name])

    assert not PhiTag.objects.exists()


@pytest.mark.parametrize("name", ["petra", "cleo"])
def test_privacy_and_compliance_take_a_tag_away(cast, production, name):
    tag(production, cast["dan"])

    clear(production, cast[name])

    assert queries.tagged(target=production) == []
    assert ledger.body(Entry.objects.get(kind="PHI_CLEARED"))["why"] == "Only staff"


@pytest.mark.parametrize("name", ["dan", "sam", "ana"])
def test_who_may_tag_may_not_therefore_take_a_tag_away(cast, production, name):
    tag(production, cast["petra"])

    with pytest.raises(NotAllowed, match="compliance officer, privacy officer"):
        clear(production, cast[name])

    assert queries.tagged(target=production) == [EMAIL]


def test_what_was_cleared_can_be_tagged_again(cast, production):
    tag(production, cast["petra"])
    clear(production, cast["petra"])

    tag(production, cast["dan"])

    assert queries.tagged(target=production) == [EMAIL]
    assert PhiTag.objects.count() == 1


@pytest.mark.parametrize(
    ("text", "reason", "error"),
    [
        ("", "because", NothingToTag),
        ("# nothing", "because", NothingToTag),
        ("users;", "because", NotAName),
        ("users", "  ", ReasonMissing),
    ],
)
def test_a_list_that_says_nothing_is_refused_as_a_whole(cast, production, text, reason, error):
    with pytest.raises(error):
        tag(production, cast["petra"], text=text, reason=reason)

    assert not PhiTag.objects.exists()
    assert not Entry.objects.filter(kind="PHI_TAGGED").exists()


def test_the_same_again_is_said_to_be_there(cast, production):
    tag(production, cast["petra"])

    with pytest.raises(TaggedAlready):
        tag(production, cast["cleo"])


def test_what_is_not_tagged_cannot_be_cleared(cast, production):
    with pytest.raises(NotTagged):
        clear(production, cast["petra"])


@pytest.mark.parametrize(
    "wrong",
    [
        {"source": "RUMOUR"},
        {"source": "PERSON", "by": None},
        {"source": "NAME", "by": "petra"},
        {"source": "NAME", "phi": False},
        {"source": "PERSON", "by": "petra", "phi": False, "reason": ""},
    ],
)
def test_postgresql_refuses_a_tag_that_nobody_answers_for(cast, production, wrong):
    given = {"phi": True, "reason": "because", "by": None, **wrong}
    given["by"] = cast[given["by"]] if given["by"] else None
    with pytest.raises(IntegrityError), transaction.atomic():
        PhiTag.objects.create(target=production, relation="users", column="", at=NOON, **given)


def test_postgresql_refuses_rates_out_of_order(production):
    with pytest.raises(IntegrityError), transaction.atomic():
        MeasuredRate.objects.create(target=production, work="scan", usual=1, slow=2, fast=3, measured_on="x", server_version=17, measured_at=NOON)  # fmt: skip
