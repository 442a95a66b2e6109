"""Chromium for the tests that look at pages."""

import os
import shutil

import pytest
from playwright.sync_api import sync_playwright

from tools.story import FLAGS


@pytest.fixture(scope="module")
def chromium():
    """Debian's Chromium, driven by Playwright; WCO_CHROMIUM names another one."""
    path = os.environ.get("WCO_CHROMIUM") or shutil.which("chromium")
    if path is None:
        pytest.skip(
            "NO BROWSER: apt-get install chromium, or set WCO_CHROMIUM. Pages were not looked at."
        )
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield browser
        browser.close()
