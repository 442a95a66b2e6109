"""Every template renders from plain values, keeps the content policy, and has a sample."""

import re
from pathlib import Path

import pytest
from django.template.loader import get_template, render_to_string

from migrations_portal.web.views.parts import gallery
from tests.unit.web.samples.pages import PAGES

TEMPLATES = Path(__file__).resolve().parents[3] / "templates"
ALL = sorted(path for path in TEMPLATES.rglob("*.html") if path.is_file())
MAIL = TEMPLATES / "mail"
NOT_IN_THE_GALLERY = {"head", "filters"}
"""They are frames of a page; the pages show them."""


def _name(path: Path) -> str:
    return str(path.relative_to(TEMPLATES))


@pytest.mark.parametrize("name", PAGES)
def test_a_page_renders_from_its_sample(name):
    template, context = PAGES[name]

    html = render_to_string(template, context)

    assert html.count("<h1>") == 1
    assert re.search(r"<title>[^<]*\S[^<]* · White Cross Ops</title>", html)
    assert "None" not in re.sub(r"<(script|pre)\b.*?</\1>", "", html, flags=re.DOTALL)
    ids = re.findall(r'\bid="([^"]+)"', html)
    assert sorted(ids) == sorted(set(ids))


def test_every_page_template_has_a_sample():
    frames = {"base.html", "parts/index.html", "mail/base.html"}
    pages = {
        _name(path)
        for path in ALL
        if not path.name.startswith("_")
        and path.parent.name not in {"components", "forms"}
        and not path.is_relative_to(MAIL)
    }

    assert pages - frames == {template for template, _ in PAGES.values()}


@pytest.mark.parametrize("path", ALL, ids=_name)
def test_a_template_keeps_the_content_policy(path):
    text = path.read_text()
    if path.is_relative_to(MAIL):
        assert "<script" not in text
        return

    text = re.sub(r"{%.*?%}", "", text)
    assert not re.search(r"\sstyle=|<style|\son[a-z]+=|hx-on|javascript:|js:", text)
    assert not re.search(r"<script(?![^>]*\bsrc=)", text)
    assert not re.search(r'(src|href)="(https?:)?//', text)


@pytest.mark.parametrize("path", ALL, ids=_name)
def test_a_template_says_what_it_takes(path):
    if path.name != "403_csrf.html":
        assert "{% comment %}" in path.read_text()
        get_template(_name(path))


@pytest.mark.parametrize("path", ALL, ids=_name)
def test_a_component_is_included_with_nothing_but_its_parameters(path):
    for tag in re.findall(r"{% include \"components/[^%]*%}", path.read_text()):
        assert tag.endswith(" only %}"), tag


def test_the_gallery_shows_every_component():
    there = {path.stem for path in (TEMPLATES / "components").glob("*.html")}

    shown = {part.name for part in gallery()}

    assert shown == there - NOT_IN_THE_GALLERY
    assert all(part.about and part.states for part in gallery())


def test_a_comma_can_follow_a_time():
    html = render_to_string("approvals/sign_off.html", PAGES["sign-off"][1])

    assert re.search(r"</time>, by Ana Lopez", html)


def test_every_class_on_a_page_is_known_to_the_stylesheet():
    css = (TEMPLATES.parent / "static" / "wco.css").read_text()
    used = set()
    for template, context in PAGES.values():
        for value in re.findall(r'class="([^"]*)"', render_to_string(template, context)):
            used |= set(value.split())

    unknown = {name for name in used if not re.search(rf"\.{re.escape(name)}\b", css)}

    undrawn = {"later", "waiting"}  # seats that look as every seat does
    assert not {name for name in unknown - undrawn if not name.startswith("hl-")}
