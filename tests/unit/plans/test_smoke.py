"""Which addresses a smoke check may ask: below the allowed ones, read in one way only."""

from dataclasses import replace

import pytest

from migrations_portal.plans.smoke import SmokeCheck, SmokeRefused, check_smoke, is_allowed

ALLOWED = ("https://staging.wc.example/app", "http://127.0.0.1:8080/")
GOOD = SmokeCheck("It is up", "https://staging.wc.example/app/health")


@pytest.mark.parametrize(
    "url",
    [
        "https://staging.wc.example/app",
        "https://staging.wc.example/app/health?deep=1",
        "https://STAGING.wc.example:443/app/",
        "http://127.0.0.1:8080/anything",
    ],
)
def test_what_lies_below_is_allowed(url):
    assert is_allowed(url, allowed=ALLOWED)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "https://staging.wc.example/apple",  # another path that begins alike
        "https://staging.wc.example/",
        "http://staging.wc.example/app",
        "https://staging.wc.example:8443/app",
        "https://staging.wc.example.evil.example/app",
        "https://staging.wc.example@evil.example/app",
        "https://user:secret@staging.wc.example/app",
        "https://staging.wc.example/app/../admin",
        "https://staging.wc.example/app/%2e%2e/admin",
        "https://staging.wc.example/app\\@evil.example",
        "https://staging.wc.example/app\r\nHost: evil.example",
        "https://staging.wc.example/app health",
        "https://staging.wc.example/app#fragment",
        "http://169.254.169.254/latest/meta-data",
        "file:///etc/passwd",
        "https://[::1",
        "https://staging.wc.example:99999/app",
    ],
)
def test_nothing_else_is(url):
    assert not is_allowed(url, allowed=ALLOWED)


def test_without_a_list_nothing_is_allowed():
    assert not is_allowed(GOOD.url, allowed=())
    with pytest.raises(SmokeRefused, match="nothing yet"):
        check_smoke(GOOD, allowed=())


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"name": " "}, "needs a name"),
        ({"status": 42}, "42 is no HTTP status"),
        ({"seconds": 0}, "between 1 and 60 seconds"),
        ({"seconds": 61}, "between 1 and 60 seconds"),
        ({"url": "https://evil.example/"}, "not on the list of the staging target"),
    ],
)
def test_each_mistake_is_told(change, said):
    check_smoke(GOOD, allowed=ALLOWED)
    with pytest.raises(SmokeRefused, match=said):
        check_smoke(replace(GOOD, **change), allowed=ALLOWED)
