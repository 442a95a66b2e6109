"""The pages of the PHI catalogue, as people use them."""

import pytest

from migrations_portal.targets import queries, services
from migrations_portal.targets.models import PhiTag, TargetCatalogue
from migrations_portal.targets.rules import Tagged
from tests.clock import NOON

ITEMS = {
    "public.students": {
        "kind": "r",
        "columns": {"id": "int4"},
        "size": [4_200_000, 1_500_000_000, 400_000_000],
    },
    "public.active_students": {
        "kind": "v",
        "columns": {"id": "int4"},
        "reads": ["public.students"],
    },
    "public.schools": {"kind": "r", "columns": {"id": "int4"}},
}


@pytest.fixture
def read(production):
    TargetCatalogue.objects.create(
        target=production, read_at=NOON, server_version=17, schema_digest="a" * 64, items=ITEMS
    )
    return production


def url(target, act=""):
    return f"/phi/{target.pk}/{act}"


def test_petra_sees_what_is_phi_and_why(cast, read, browser):
    services.tag(target_id=read.pk, text="students", by=cast["dan"], reason="Children", now=NOON)

    page = browser("petra").get(url(read)).content.decode()

    assert "4.2 million rows, 1.9 GB" in page
    assert "Children, Dan Okafor" in page
    assert "View active_students reads students, which is PHI." in page
    assert "<code>schools</code>" in page
    assert "Take the tag away" in page
    assert "2 tables" not in browser("petra").get("/phi/").content.decode()


def test_cleo_adds_a_list_and_takes_one_away(cast, read, browser):
    cleo = browser("cleo")
    given = {"names": "students\nschools.id  # for the test", "reason": "The customer's list"}

    said = cleo.post(url(read, "tag/"), given, follow=True).content.decode()

    assert "2 tagged as PHI" in said
    assert [str(each) for each in queries.tagged(target=read)] == ["public.schools.id", "public.students"]  # fmt: skip
    cleo.post(url(read, "clear/"), {"relation": "public.schools", "column": "id", "reason": "No"})
    assert queries.tagged(target=read) == [Tagged("public.students")]
    assert "Looked at and found to hold no PHI" in cleo.get(url(read)).content.decode()


@pytest.mark.parametrize(
    ("names", "reason", "said"),
    [
        ("students\nno good;", "because", "Line 2"),
        ("", "because", "Write the names"),
        ("students", "", "Say why"),
    ],
)
def test_what_cannot_be_read_comes_back_as_it_was_written(read, browser, names, reason, said):
    answer = browser("petra").post(url(read, "tag/"), {"names": names, "reason": reason})

    page = answer.content.decode()
    assert answer.status_code == 422
    assert said in page
    assert names.split("\n", maxsplit=1)[0] in page
    assert not PhiTag.objects.exists()


def test_ana_reads_and_changes_nothing(cast, read, browser):
    ana = browser("ana")
    services.tag(target_id=read.pk, text="students", by=cast["petra"], reason="x", now=NOON)

    page = ana.get(url(read)).content.decode()

    assert "Tag as PHI</button>" not in page
    assert "Take the tag away" not in page
    given = {"names": "schools", "reason": "x"}
    assert ana.post(url(read, "tag/"), given).status_code == 403
    given = {"relation": "public.students", "column": "", "reason": "x"}
    assert ana.post(url(read, "clear/"), given).status_code == 403
    assert queries.tagged(target=read) == [Tagged("public.students")]


def test_dan_tags_and_may_not_take_away(cast, read, browser):
    dan = browser("dan")

    assert dan.post(url(read, "tag/"), {"names": "students", "reason": "x"}).status_code == 302
    given = {"relation": "public.students", "column": "", "reason": "x"}
    assert dan.post(url(read, "clear/"), given).status_code == 403


def test_mallory_finds_no_target(cast, read, browser):
    mallory = browser("mallory")

    assert mallory.get(url(read)).status_code == 404
    assert mallory.post(url(read, "read/")).status_code == 404
    assert mallory.post(url(read, "tag/"), {"names": "a", "reason": "b"}).status_code == 404
    assert "No target" in mallory.get("/phi/").content.decode()


def test_a_tag_that_is_gone_or_has_no_reason_is_told(cast, read, browser):
    petra = browser("petra")
    given = {"relation": "public.gone", "column": "", "reason": "x"}

    assert "nothing to clear" in petra.post(url(read, "clear/"), given, follow=True).content.decode()  # fmt: skip
    given["reason"] = ""
    assert "Say why" in petra.post(url(read, "clear/"), given, follow=True).content.decode()


def test_a_new_look_is_asked_for_and_a_reader_may_not(cast, read, browser):
    assert "A worker reads" in browser("dan").post(url(read, "read/"), follow=True).content.decode()
