"""Every mail: a subject that says it all, plain text, and HTML with one button."""

import re
from pathlib import Path

import css_inline
import pytest
from django.template.loader import render_to_string

from tests.unit.web.samples.mails import MAILS

FOLDER = Path(__file__).resolve().parents[3] / "templates" / "mail"


ABOUT_NO_ONE_PLAN = {
    "waiting_digest",
    "delegation_given",
    "account_link",
    "access_changed",
    "passkey_changed",
}


def _rendered(name: str) -> tuple[str, str, str]:
    context = MAILS[name]
    subject = render_to_string(f"mail/{name}/subject.txt", context)
    text = render_to_string(f"mail/{name}/body.txt", context)
    html = render_to_string(f"mail/{name}/body.html", {**context, "subject": subject.strip()})
    return subject, text, css_inline.inline(html)


def test_every_mail_has_three_parts_and_a_sample():
    folders = {path.name for path in FOLDER.iterdir() if path.is_dir()}

    assert folders == MAILS.keys()
    for name in folders:
        parts = {path.name for path in (FOLDER / name).iterdir()}
        assert parts == {"subject.txt", "body.txt", "body.html"}


@pytest.mark.parametrize("name", MAILS)
def test_a_subject_is_one_line_that_names_the_plan_or_the_severity(name):
    subject, _, _ = _rendered(name)

    assert subject.strip().count("\n") == 0
    assert len(subject.strip()) < 120
    assert subject.startswith(("WC-142", "P0", "Ledger: ")) or name in ABOUT_NO_ONE_PLAN


@pytest.mark.parametrize("name", MAILS)
def test_a_mail_has_one_button_and_the_address_in_words(name):
    _, text, html = _rendered(name)
    url = MAILS[name]["url"]

    assert re.findall(r'href="([^"]*)"', html) == [url]
    assert f">{url}</span>" in html
    assert text.count(url) == 1


@pytest.mark.parametrize("name", MAILS)
def test_a_mail_carries_its_styles_inline_and_loads_nothing(name):
    _, _, html = _rendered(name)

    assert "<style" not in html
    assert "style=" in html
    assert not re.search(r"<(img|link|script)|src=|url\(", html)


@pytest.mark.parametrize("name", MAILS)
def test_nothing_is_left_unsaid(name):
    subject, text, html = _rendered(name)

    assert "None" not in subject + text + html
    assert not re.search(r"\(\)|: *\n\n|by \n", text)
    assert MAILS[name]["person_name"] in text


def test_only_the_html_part_is_escaped():
    _, text, html = _rendered("plan_decided")

    assert "missing & the window is <too short>" in text
    assert "missing &amp; the window is &lt;too short&gt;" in html


def test_a_run_mail_does_not_repeat_what_the_database_said():
    canary = "ERROR: duplicate key (ssn)=(123-45-6789)"
    for name, context in MAILS.items():
        given = {**context, "problem": canary, "advice": canary, "sql": canary, "subject": "s"}
        for part in ("subject.txt", "body.txt", "body.html"):
            assert "123-45-6789" not in render_to_string(f"mail/{name}/{part}", given)
