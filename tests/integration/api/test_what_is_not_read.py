"""A program hears of what it sends and nobody reads: a name with a slip in it, a filter that would not filter, another form of body."""

import pytest

from tests.factories.plans import draft
from tests.integration.api.caller import said


@pytest.fixture
def plan(cast, production):
    return draft(by=cast["ana"], target=production)


@pytest.mark.parametrize(
    ("more", "pointer"),
    [
        ({"titel": "x"}, "#/titel"),
        ({"documentation": {"purpos": "x"}}, "#/documentation/purpos"),
        (
            {"checks": [{"name": "n", "sql": "SELECT 1", "expected": "1", "sq1": ""}]},
            "#/checks/0/sq1",
        ),
    ],
)
def test_a_name_that_is_not_read_is_told_and_nothing_is_changed(program, plan, more, pointer):
    before = plan.version

    problem = program("ana").patch(f"/plans/{plan.pk}/", {"version": before, **more}, 400)

    assert [each["pointer"] for each in problem["errors"]] == [pointer]
    assert (
        f"{pointer.removeprefix('#/')}: There is no such name here. There are: "
        in problem["detail"]
    )
    plan.refresh_from_db()
    assert plan.version == before


def test_a_filter_that_is_not_known_is_told_instead_of_showing_everything(program, plan):
    problem = program("ana").get("/plans/?mine=true&stauts=DRAFT", 400)

    assert problem["errors"][0]["parameter"] == "stauts"
    assert "There are: before, limit, status, target, mine." in problem["detail"]


def test_a_problem_names_the_field_that_it_is_about(program, production, cast):
    detail = program("ana").post("/plans/", {}, 400)["detail"]

    assert detail == "title: This field is required. target: This field is required."


@pytest.mark.parametrize("sent", ["[]", "null", "5", '"x"'])
def test_a_body_that_is_no_object_is_told_what_to_send(program, cast, sent):
    ana = program("ana")

    answer = ana.client.post(
        "/api/v1/plans/", sent, content_type="application/json", headers=ana.headers
    )

    told = "Send one JSON object, {…}, with what this address reads: title, target."
    assert said(answer, 400)["detail"] == told


def test_another_form_of_body_is_told_which_one_is_read(program, cast):
    ana = program("ana")

    answer = ana.client.post("/api/v1/plans/", "<x/>", content_type="text/xml", headers=ana.headers)

    assert said(answer, 415)["detail"].endswith("Send the body as application/json.")


@pytest.mark.parametrize("path", ["/plans/{}/files/a%00b/", "/targets/a%00b/phi/"])
def test_a_name_that_no_database_keeps_is_not_found(program, plan, path):
    program("ana").get(path.format(plan.pk), 404)
