"""The stylesheet: its size, and the contrast of every pair of colours that meet on a page."""

import re
from itertools import product
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
CSS = (ROOT / "static" / "wco.css").read_text()
TEXT, CONTROL = 4.5, 3.0
"""WCAG 2.2, 1.4.3 and 1.4.11."""

GROUNDS = ("bg", "surface", "sunken")
TONES = ("good", "warn", "bad", "info", "phi")
PAIRS: list[tuple[str, str, float]] = [
    *((text, ground, TEXT) for text, ground in product(("ink", "muted", "accent", "bad"), GROUNDS)),
    *((tone, f"{tone}-bg", TEXT) for tone in TONES),
    *(("ink", f"{tone}-bg", TEXT) for tone in TONES),
    *((tone, "surface", TEXT) for tone in TONES),
    *((tone, "sunken", TEXT) for tone in ("good", "warn", "info")),  # code and log
    ("on-accent", "accent", TEXT),
    ("on-accent", "accent-press", TEXT),
    ("surface", "bad", TEXT),  # the loudest chip
    ("surface", "good", CONTROL),  # the tick of a finished station
    ("muted", "info-bg", TEXT),  # the step that runs
    ("accent", "info-bg", TEXT),
    ("accent", "bad-bg", TEXT),
    *(("ctl", ground, CONTROL) for ground in GROUNDS),
    *(("accent", ground, CONTROL) for ground in GROUNDS),  # focus ring
    *((tone, f"{tone}-bg", CONTROL) for tone in ("good", "warn", "bad", "info")),  # edge of a note
]


def _tokens(block: str) -> dict[str, str]:
    return dict(re.findall(r"--([\w-]+):(#[0-9a-f]{3,6})\b", block))


def _themes() -> dict[str, dict[str, str]]:
    layer = CSS[CSS.index("@layer tokens {") : CSS.index("@layer reset {")]
    light, dark = layer.split("@media (prefers-color-scheme: dark)")
    return {"light": _tokens(light), "dark": _tokens(light) | _tokens(dark)}


THEMES = _themes()


def _luminance(colour: str) -> float:
    digits = colour.lstrip("#")
    if len(digits) == 3:
        digits = "".join(2 * digit for digit in digits)
    channels = [int(digits[place : place + 2], 16) / 255 for place in (0, 2, 4)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    """Return the contrast ratio of WCAG 2."""
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def test_the_formula_gives_the_known_values():
    assert contrast("#000", "#fff") == pytest.approx(21)
    assert contrast("#767676", "#ffffff") == pytest.approx(4.54, abs=0.01)


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize(("colour", "ground", "least"), PAIRS)
def test_a_pair_of_colours_can_be_read(theme, colour, ground, least):
    tokens = THEMES[theme]

    assert contrast(tokens[colour], tokens[ground]) >= least


def test_the_dark_theme_names_every_colour_of_the_light_one():
    layer = CSS[CSS.index("@media (prefers-color-scheme: dark)") : CSS.index("@layer reset {")]

    assert _tokens(layer).keys() == THEMES["light"].keys()


def test_the_stylesheet_stays_small_and_at_home():
    assert len(CSS.encode()) < 24_000
    assert "@import" not in CSS
    assert all(address.startswith("vendor/") for address in re.findall(r"url\(([^)]+)\)", CSS))
