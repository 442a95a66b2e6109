"""No address that opens something gets into a log line, wherever in the line it stands."""

import logging
from collections.abc import Iterator

import pytest
from django.urls import URLPattern, get_resolver
from django.urls.resolvers import RoutePattern

from migrations_portal.web.log_lines import LineFormatter, masked

TOKEN = "f-Kz_9QmC4nTn0sVYw1Xb7h2uGdLr8aPEoJq5iWv3Zs"


def _addresses() -> Iterator[str]:
    """Every address of the portal with a token in it, as the resolver knows them."""
    waiting = [("/", each) for each in get_resolver().url_patterns]
    while waiting:
        before, each = waiting.pop()
        if not isinstance(each.pattern, RoutePattern):
            continue
        path = before + str(each.pattern)
        if not isinstance(each, URLPattern):
            waiting += [(path, below) for below in each.url_patterns]
        elif "<str:token>" in path:
            yield path.replace("<str:token>", TOKEN).replace("<str:uid>", "MTI")


def test_the_portal_has_addresses_with_a_token():
    assert len(list(_addresses())) == 3


@pytest.mark.parametrize("address", sorted(_addresses()))
@pytest.mark.parametrize(
    "line",
    [
        '127.0.0.1:5 - "GET {} HTTP/1.1" 403',
        "Forbidden: {}",
        "GET /sign-in/?next={}",
        "https://portal.example{}?again=1",
    ],
)
def test_a_token_in_an_address_is_masked(address, line):
    for written in (address, address.replace("/", "%2F")):
        kept = masked(line.format(written))

        assert TOKEN not in kept
        assert "[token]" in kept
        assert kept.startswith(line.partition("{")[0])
        assert kept.endswith(line.partition("}")[2])


@pytest.mark.parametrize(
    "line",
    [
        "GET /password/MTI/choose/ HTTP/1.1",
        "POST /calendar/feed/revoke/ HTTP/1.1",
        "GET /calendar/feed/ HTTP/1.1",
        "GET /plans/7/changes/?from=1",
        "GET /password/forgotten/ HTTP/1.1",
        "GET /static/s.js HTTP/1.1",
    ],
)
def test_other_addresses_stay_as_they_are(line):
    assert masked(line) == line


def test_a_traceback_is_masked_too():
    error = LookupError(f"no page at /s/{TOKEN}/")
    about = (type(error), error, None)
    record = logging.LogRecord("x", logging.ERROR, "x", 1, "at %s", (f"/s/{TOKEN}/",), about)

    line = LineFormatter("%(message)s").format(record)

    assert line.count("/s/[token]/") == 2
    assert TOKEN not in line
    assert "LookupError" in line
