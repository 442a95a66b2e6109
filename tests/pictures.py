"""Pictures of pages as a person sees them, at the width of a desk and of a phone; kept where WCO_SCREENSHOTS names a folder."""

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from django.test import Client
from playwright.sync_api import sync_playwright

from tests.unit.web.samples.server import serving
from tools.story import FLAGS


def take(paths: Mapping[str, str], *, person) -> None:
    """Take a picture of each path under its name, when somebody wants them."""
    folder = os.environ.get("WCO_SCREENSHOTS")
    if not folder:
        return
    browser = Client()
    browser.force_login(person)
    pages = {name: browser.get(path).content.decode() for name, path in paths.items()}
    with serving(lambda path: pages.get(path.strip("/"))) as address, sync_playwright() as tool:
        chromium = tool.chromium.launch(
            executable_path=os.environ.get("WCO_CHROMIUM") or shutil.which("chromium"),
            args=FLAGS,
        )
        for width in (1280, 390):
            page = chromium.new_page(viewport={"width": width, "height": 844})
            for name in pages:
                page.goto(f"{address}/{name}")
                page.screenshot(path=Path(folder) / f"{name}-{width}.png", full_page=True)
        chromium.close()
