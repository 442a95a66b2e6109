"""Machines open a mail link again and again, by curl and in a browser that runs scripts, and nothing changes (A1).

The person signs normally afterwards. `WCO_SCANNER_HITS` says how often curl asks, `WCO_SCANNER_BROWSER_HITS` how often Chromium
does, `WCO_SCANNER_OPENINGS` how many of those are pages that it opens, with everything that belongs to them; the rest are
requests by the scripts of its pages: GET, HEAD, OPTIONS, six at once. `make chain` sets all of them high.
"""

import os
import shutil
import subprocess
from collections import Counter

import pytest
from django.db import connection
from django.test import Client

from migrations_portal.accounts.models import Pace
from migrations_portal.approvals.models import Deadline, Invitation, Seat
from migrations_portal.audit.models import Entry
from migrations_portal.notifications.models import Notice
from tests.acceptance.test_chain_screens import beside_playwright  # noqa: F401  # a fixture
from tests.factories.plans import submitted, time_left
from tests.unit.web.conftest import chromium  # noqa: F401  # a fixture

pytestmark = [pytest.mark.browser, pytest.mark.slow(40), pytest.mark.django_db(transaction=True)]
CURL_HITS = int(os.environ.get("WCO_SCANNER_HITS", "2000"))
BROWSER_HITS = int(os.environ.get("WCO_SCANNER_BROWSER_HITS", "1000"))
OPENINGS = int(os.environ.get("WCO_SCANNER_OPENINGS", "20"))
METHODS = {
    "GET": [], "HEAD": ["--head"], "OPTIONS": ["--request", "OPTIONS"], "PREFETCH": ["--header", "Sec-Purpose: prefetch"],
}  # fmt: skip
AGENTS = ("curl/8", "Mozilla/5.0 HeadlessChrome/130", "Barracuda", "Microsoft Office Protocol")
ANSWERS = {"302", "405", "429"}
"""On to the page or to signing in; OPTIONS has nothing to say to somebody signed in; and too many of them in a minute."""


class MailLink:
    """The link in the mail that Dan really got, and what opening it could have changed."""

    def __init__(self, *, server, cast, production):
        submitted(by=cast["ana"], target=production, level="LOW")
        time_left()
        Invitation.objects.update(expires_at="2040-01-01T00:00Z")
        told = Notice.objects.get(template="sign_off_requested").context["url"]
        self.url = told.replace("http://127.0.0.1:8000", server.url)
        client = Client()
        client.force_login(cast["dan"], backend="django.contrib.auth.backends.ModelBackend")
        self.session = client.cookies["sessionid"].value
        self.dan = cast["dan"]
        self.before = self.everything()

    @staticmethod
    def everything():
        return (
            list(Seat.objects.order_by("pk").values()),
            list(Invitation.objects.order_by("pk").values()),
            list(Deadline.objects.order_by("pk").values()),
            Entry.objects.count(),
            Notice.objects.count(),
        )

    def page_of_dan(self, browser):
        context = browser.new_context()
        origin = "/".join(self.url.split("/")[:3])
        context.add_cookies([{"name": "sessionid", "value": self.session, "url": origin}])
        return context.new_page()

    def check_that_nothing_changed_and_dan_signs(self, page):
        assert self.everything() == self.before
        Pace.objects.all().delete()  # the minute is over
        page.goto(self.url)
        page.get_by_label("Your reason").fill("Read and understood")
        page.locator("button[name=decision][value=APPROVE]").click()
        page.get_by_role("heading", name="Thank you").wait_for()
        seat = Seat.objects.get(stage="REVIEW", role="DBA")
        assert (seat.decision, seat.decided_by) == ("APPROVE", self.dan)


@pytest.fixture
def link(live_server, cast, production, monkeypatch):
    """The server keeps its connection to PostgreSQL as long as its caller keeps theirs: signing in there costs more than an answer."""
    monkeypatch.setitem(connection.settings_dict, "CONN_MAX_AGE", 60)
    return MailLink(server=live_server, cast=cast, production=production)


def curl(link, *, times, method, agent, session):
    """Let one curl process ask many times, four at once; return how often it got which answer.

    What stands behind # is not sent: it is how curl is told to ask for one address again and again.
    """
    cookie = ["--cookie", f"sessionid={session}"] if session else []
    command = [
        shutil.which("curl"), "--silent", "--parallel", "--parallel-max", "4", "--user-agent", agent, "--output", os.devnull,
        "--write-out", "%{http_code}\n", *METHODS[method], *cookie, f"{link}#[1-{times}]",
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return Counter(done.stdout.split())


@pytest.mark.timeout(900)
@pytest.mark.skipif(not shutil.which("curl"), reason="curl is not installed")
def test_thousands_of_requests_by_curl_change_nothing(link, chromium):  # noqa: F811
    kinds = [(m, agent, known) for m in METHODS for agent in AGENTS for known in ("", link.session)]
    each, more = divmod(CURL_HITS, len(kinds))
    answers = Counter()

    for number, (method, agent, session) in enumerate(kinds):
        times = each + (number < more)
        answers += curl(link.url, times=times, method=method, agent=agent, session=session)

    assert answers.total() == CURL_HITS
    assert set(answers) == ANSWERS, answers
    link.check_that_nothing_changed_and_dan_signs(link.page_of_dan(chromium))


ASKING = """async ({url, times}) => {
  const kinds = [
    {}, {method: "HEAD"}, {method: "OPTIONS"}, {priority: "low"},
    {credentials: "omit"}, {method: "HEAD", credentials: "omit"}, {method: "OPTIONS", credentials: "omit"},
  ];
  const answers = {};
  let next = 0;
  const ask = async () => {
    while (next < times) {
      const kind = kinds[next++ % kinds.length];
      const answer = await fetch(url, {redirect: "manual", cache: "no-store", ...kind});
      const said = (kind.method || "GET") + " " + (answer.type === "opaqueredirect" ? "302" : answer.status);
      answers[said] = (answers[said] || 0) + 1;
    }
  };
  await Promise.all(Array.from({length: 6}, ask));
  return answers;
}"""
"""What scripts of a page do: six at once ask for the link, in every manner, with and without the page's session."""
BATCH = 250


def ask_by_scripts(page, *, url, times):
    """Let the scripts of a page ask for the link; return how often they got which answer."""
    page.goto("/".join(url.split("/")[:3]) + "/sign-in/")
    answers = Counter()
    for done in range(0, times, BATCH):
        Pace.objects.all().delete()  # another minute
        answers += Counter(page.evaluate(ASKING, {"url": url, "times": min(BATCH, times - done)}))
    return answers


@pytest.mark.timeout(3_600)
def test_a_browser_with_scripts_that_asks_again_and_again_changes_nothing(link, chromium):  # noqa: F811
    scanner, dan = chromium.new_context().new_page(), link.page_of_dan(chromium)
    by_scripts = BROWSER_HITS - OPENINGS

    for number in range(OPENINGS):
        (scanner, dan)[number % 2].goto(link.url, wait_until="load")
    answers = ask_by_scripts(scanner, url=link.url, times=by_scripts // 2)
    answers += ask_by_scripts(dan, url=link.url, times=by_scripts - by_scripts // 2)

    assert answers.total() == by_scripts
    assert {"GET 302", "HEAD 302", "OPTIONS 405"} <= set(answers), answers
    assert {each.split()[1] for each in answers} <= ANSWERS, answers
    link.check_that_nothing_changed_and_dan_signs(dan)
