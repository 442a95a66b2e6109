"""Drives the demo in Chromium through its whole story, and keeps pictures of what a person sees.

`python -m tools.story URL PASSWORD [FOLDER]` works on a running demo; the browser acceptance test uses the same steps.
"""

import argparse
import re
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, expect, sync_playwright

from migrations_portal.demo.customer.examples import (
    APPOINTMENT_REASON,
    CONSENT_TRACKING,
    MEDICATION_REVIEW,
    PREFERRED_LANGUAGE,
    Example,
    Outcome,
)
from migrations_portal.plans import checklist

CHROMIUM = "/usr/bin/chromium"
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
SIZES = {"1280": (1280, 900), "390": (390, 844)}
SIGNERS = {
    "Database admin": "Dan",
    "Tech lead": "Tess",
    "CTO": "Carla",
    "Executive": "Eve",
    "Security officer": "Sam",
    "Compliance officer": "Cleo",
    "Privacy officer": "Petra",
}
READING_TIME_MS = 3_200
"""Nobody signs what is risky within three seconds of opening the page (A12)."""
SLOW_MACHINE_MS = 120_000
"""How long a page may take before the story gives up: this proves what happens, not how fast."""
T0_MS = 300_000
"""How long the story waits for a scheduled run to begin: the form proposes a T-0 some T-days ahead, an emergency keeps it."""
DOCUMENTATION = {
    "Migration purpose and scope": "Record patients' consent. No existing column changes.",
    "Tables and columns affected": "patients, consents",
    "Rollback procedure": "Undo by name: the new columns go; what was recorded in them meanwhile is lost.",
    "Post-migration verification steps": "The query below, and the portal's own checks.",
    "Risk assessment and mitigation": "Only short locks; the run steps aside when it gets none.",
    "Communication plan": "Support is told at T-3, everybody by mail afterwards.",
    "Justification with a ticket": "JIRA-1234: consent tracking for HIPAA compliance",
}


STORIES = (
    (CONSENT_TRACKING, "consent", "every check passed"),
    (APPOINTMENT_REASON, "fails-whole", "nothing changed"),
    (PREFERRED_LANGUAGE, "check-fails", "undone"),
    (MEDICATION_REVIEW, "fails-half-way", "needs a decision"),
)
"""The spec's example, and the three ways to fail; the last one leaves the target waiting for two people."""


class Story:
    """One browser on one demo."""

    def __init__(self, browser: Browser, *, url: str, password: str, shots: Path | None) -> None:
        """Take the pictures into `shots`, or none."""
        self.browser, self.url, self.password, self.shots = browser, url, password, shots
        self.name = "story"

    @contextmanager
    def somebody(self, first_name: str) -> Iterator[Page]:
        """Sign in with one click, as the demo offers it."""
        context = self.browser.new_context(viewport={"width": 1280, "height": 900})
        page = context.new_page()
        page.set_default_timeout(SLOW_MACHINE_MS)
        page.goto(f"{self.url}/sign-in/")
        page.get_by_role("button", name=f"Sign in as {first_name}").click()
        page.wait_for_url(f"{self.url}/")
        yield page
        context.close()

    def picture(self, page: Page, name: str) -> None:
        """Keep the page as it looks on a desk and on a phone."""
        if self.shots is None:
            return
        self.shots.mkdir(parents=True, exist_ok=True)
        for label, (width, height) in SIZES.items():
            page.set_viewport_size({"width": width, "height": height})
            page.wait_for_timeout(150)
            page.screenshot(path=self.shots / f"{self.name}-{name}-{label}.png")
        page.set_viewport_size({"width": 1280, "height": 900})

    def write_plan(self, example: Example) -> str:
        """Write and submit a plan as Ana; return the address of its page. What is made to fail goes as an emergency."""
        with self.somebody("Ana") as page:
            page.goto(f"{self.url}/plans/new/")
            page.get_by_label("Title", exact=True).fill(example.question)
            files: Any = [
                {"name": example.name, "mimeType": "text/javascript", "buffer": example.content}
            ]
            page.get_by_label("Migration files").set_input_files(files)
            page.get_by_label("Expected execution time").fill("45")
            for label, text in DOCUMENTATION.items():
                page.get_by_label(label, exact=True).fill(text)
            self.picture(page, "new-plan")
            page.get_by_role("button", name="Save and add another query").click()
            page.wait_for_url(re.compile(r"/plans/\d+/edit/"))
            page.get_by_label("Name", exact=True).fill(example.question)
            page.get_by_label("Query", exact=True).fill(example.query)
            page.get_by_label("Must return").fill(str(example.expected))
            page.get_by_role("button", name="Save draft").click()
            page.wait_for_url(re.compile(r"/plans/\d+/edit/$"))
            edit = page.url
            self._until_assessed(page, edit)
            if example.outcome is Outcome.SUCCEEDS:
                page.get_by_role("button", name="Submit").click()
            else:
                self._declare(page)
            page.wait_for_url(re.compile(r"/plans/\d+/$"))
            expect(page.get_by_text("In review").first).to_be_visible()
            self.picture(page, "plan")
            if example.outcome is Outcome.SUCCEEDS:
                self._tick(page)
            return page.url

    def _tick(self, page: Page) -> None:
        """Tick what gates the chain and only a person can know."""
        plan = page.url
        page.get_by_role("link", name="Open the checklist").click()
        self.picture(page, "checklist")
        for key in checklist.GATES:
            if checklist.BY_KEY[key].by_portal:
                continue
            row = page.locator(f"#{key}")
            if not row.locator("summary").count():
                continue  # the rehearsal has proven it meanwhile
            row.locator("summary").click()
            row.get_by_label("How do you know?").fill("CI run 4711 and the test protocol")
            row.get_by_role("button", name="Tick it in my name").click()
            expect(page.locator(f"#{key}").get_by_text("Ana Lopez")).to_be_visible()
        page.goto(f"{plan}dpia/")
        for field in page.locator("form[aria-label=Assessment] textarea").all():
            field.fill("As the plan's documentation says; no values leave the database.")
        page.get_by_role("button", name="Save as version 1").click()
        page.goto(plan)

    def _declare(self, page: Page) -> None:
        """Take the emergency path: the rehearsal of a migration that fails would close T-1 for ever."""
        page.goto(page.url.removesuffix("edit/"))
        page.locator("#emergency summary").click()
        page.get_by_label("What makes it an emergency").fill("Support cannot work until this is in")
        page.get_by_role("button", name="Submit as an emergency").click()
        plan = page.url
        with self.somebody("Carla") as other:
            other.goto(plan)
            other.locator("#emergency-confirm textarea").fill("I spoke with support")
            other.get_by_role("button", name="Confirm the emergency").click()
            expect(other.get_by_text("Confirmed. All seats are open")).to_be_visible()

    def _until_assessed(self, page: Page, edit: str) -> None:
        deadline = time.monotonic() + 60
        while "still being assessed" in page.content() and time.monotonic() < deadline:
            page.wait_for_timeout(500)
            page.goto(edit)

    def sign_all(self, plan_url: str) -> None:
        """Sign every seat, each from the link in the real mail."""
        number = f"WC-{plan_url.rstrip('/').rsplit('/', 1)[1]}"
        deadline = time.monotonic() + 300
        signed: set[str] = set()
        while time.monotonic() < deadline:
            with self.somebody("Ana") as page:
                page.goto(plan_url)
                if "In review" not in page.content():
                    return
            for link, to in self._links(number):
                if link not in signed:
                    signed.add(link)
                    self._sign(link, to=to, first=len(signed) == 1, plan_url=plan_url)
            time.sleep(0.5)
        raise TimeoutError(f"{number} was not approved within five minutes")

    def _links(self, number: str) -> list[tuple[str, str]]:
        """Return the links of the sign-off mails in the inbox, with their addressees."""
        context = self.browser.new_context()
        page = context.new_page()
        page.goto(f"{self.url}/demo/inbox/")
        rows = page.locator("main a[href*='/demo/inbox/']").filter(has_text=number)
        mails = [row.get_attribute("href") or "" for row in rows.all()]
        found = []
        for address in dict.fromkeys(mails):
            page.goto(f"{self.url}{address}")
            link = page.locator("a[href*='/s/'], a[href*='/sign-off/']").first  # no token after T-0
            if link.count():
                to = re.search(r"to (\w+)@", page.locator("main").inner_text())
                found.append((link.get_attribute("href") or "", to[1].capitalize() if to else ""))
        context.close()
        return found

    def _sign(self, link: str, *, to: str, first: bool, plan_url: str) -> None:
        with self.somebody(to) as page:
            page.goto(link)
            if page.get_by_text("link-not-good").count():  # T-0 is over, and with it the link
                page.goto(plan_url)
                if not page.locator("a[href*='/sign-off/']").count():
                    return
                page.locator("a[href*='/sign-off/']").first.click()
            if not page.get_by_label("Your reason").count():
                return
            if first:
                self.picture(page, "sign-off")
            page.get_by_label("Your reason").fill(
                "Read: nullable columns only, the way back is proven."
            )
            if page.get_by_label("Your password").count():
                page.get_by_label("Your password").fill(self.password)
                page.wait_for_timeout(READING_TIME_MS)
            page.locator("button[name=decision][value=APPROVE]").click()
            expect(page.get_by_role("heading", level=1)).to_contain_text("Thank you")

    def watch(self, plan_url: str, *, ends: str) -> str:
        """Watch the run as Dan until it has ended; return its address."""
        with self.somebody("Dan") as page:
            deadline = time.monotonic() + 180
            page.goto(plan_url)
            while not page.locator("a[href*='/runs/']").count() or "/runs/" not in page.content():
                page.wait_for_timeout(500)
                page.reload()
                if time.monotonic() > deadline:
                    raise TimeoutError("no run was scheduled")
            links = page.locator("main a[href^='/runs/']")
            page.goto(f"{self.url}{links.first.get_attribute('href')}")
            heading = page.get_by_role("heading", level=1)
            expect(heading).to_contain_text(
                re.compile("Step|every check passed|undone|failed|decision"), timeout=T0_MS
            )
            page.wait_for_timeout(1_500)
            self.picture(page, "run-live")
            expect(page.get_by_role("heading", level=1).filter(has_text=ends).first).to_be_visible(
                timeout=180_000
            )
            self.picture(page, "run-done")
            return page.url

    def read_ledger(self) -> None:
        """Read and download the ledger as Cleo."""
        with self.somebody("Cleo") as page:
            page.goto(f"{self.url}/audit/")
            self.picture(page, "ledger")
            with page.expect_download() as download:
                page.get_by_role("button", name="Download CSV").click()
            text = Path(download.value.path()).read_text(encoding="utf-8")
            if "MIGRATION_RECORD" not in text:
                raise AssertionError("the ledger holds no audit record of the migration")


def tell(
    url: str,
    *,
    password: str,
    shots: Path | None = None,
    stories: Sequence[tuple[Example, str, str]] = STORIES,
) -> None:
    """Go the whole road with each of the stories, then read the ledger."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        story = Story(browser, url=url.rstrip("/"), password=password, shots=shots)
        for example, name, ends in stories:
            story.name = name
            plan = story.write_plan(example)
            story.sign_all(plan)
            story.watch(plan, ends=ends)
        story.name = "consent"
        story.read_ledger()
        browser.close()


def main() -> None:
    """Run the story on a running demo."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url")
    parser.add_argument("password")
    parser.add_argument("shots", nargs="?", type=Path)
    given = parser.parse_args()
    tell(given.url, password=given.password, shots=given.shots)


if __name__ == "__main__":
    main()
