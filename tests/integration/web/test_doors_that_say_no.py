"""What a form meets that cannot be taken: a session that has ended, a character that no database keeps, an address to look at."""

import pytest
from django.test import Client

from migrations_portal.plans.models import Comment
from tests.factories.plans import draft, submitted

SAID = "You were signed out before this was sent, so nothing was changed."


@pytest.mark.parametrize(
    ("came_from", "leads_to"),
    [
        ("http://testserver/plans/7/?all=1#comments", "/plans/7/%3Fall%3D1"),
        ("http://elsewhere.example/plans/7/", "/"),
        ("", "/"),
    ],
)
def test_a_form_sent_after_the_session_ended_leads_back_to_its_page(db, came_from, leads_to):
    client = Client()

    answer = client.post("/plans/7/comments/", {"text": "x"}, headers={"Referer": came_from})

    assert (answer.status_code, answer["Location"]) == (302, f"/sign-in/?next={leads_to}")
    assert SAID in client.get(answer["Location"]).content.decode()


def test_an_address_that_takes_forms_only_says_so(cast, production, browser):
    plan = submitted(by=cast["ana"], target=production)

    answer = browser("ana").get(f"/plans/{plan.pk}/comments/")

    assert (answer.status_code, answer["Allow"]) == (405, "POST")
    assert "Open the page with the form, and send it from there." in answer.content.decode()


def test_a_text_that_no_database_keeps_is_refused_with_a_sentence(cast, production, browser):
    plan = draft(by=cast["ana"], target=production)

    answer = browser("ana").post(f"/plans/{plan.pk}/comments/", {"text": "Before\0after"})

    assert answer.status_code == 409
    assert "take it out, and send the form again" in answer.content.decode()
    assert not Comment.objects.exists()


def test_a_link_that_is_not_good_names_the_page_by_the_name_that_it_bears(cast, browser):
    dan = browser("dan")

    said = dan.get("/s/not-a-link/").content.decode()

    assert "Sign in and open “My work”" in said
    assert "<h1>My work</h1>" in dan.get("/").content.decode()
