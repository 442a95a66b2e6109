"""One HTTP call, following no redirect: a redirect could lead to where nobody allowed us to ask."""

import http.client
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


class CallFailed(Exception):
    """No answer; the text says why in a few words."""


@dataclass(frozen=True)
class Answer:
    """Status and the first bytes of the body."""

    status: int
    body: bytes = field(repr=False)


def call(
    url: str,
    *,
    method: str = "GET",
    body: bytes = b"",
    headers: Mapping[str, str],
    seconds: float,
    longest: int,
) -> Answer:
    """Call once and read at most `longest` bytes, within `seconds`. Only https, or http on this machine. Raises `CallFailed`."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    if parts.scheme != "https" and host not in LOOPBACK:
        raise CallFailed("it must be an https:// address")
    connection: http.client.HTTPConnection = (
        http.client.HTTPSConnection(
            host, parts.port, timeout=seconds, context=ssl.create_default_context()
        )
        if parts.scheme == "https"
        else http.client.HTTPConnection(host, parts.port, timeout=seconds)
    )
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    deadline = time.monotonic() + seconds
    try:
        connection.request(method, path, body=body or None, headers=dict(headers))
        answer = connection.getresponse()
        return Answer(answer.status, _read(answer, longest=longest, deadline=deadline))
    except (OSError, http.client.HTTPException) as error:
        raise CallFailed(f"{host} cannot be reached ({type(error).__name__})") from None
    finally:
        connection.close()


def _read(answer: http.client.HTTPResponse, *, longest: int, deadline: float) -> bytes:
    """Read in small bites: the socket's own limit starts anew with each byte, and a slow drip must not hold us."""
    body = b""
    while len(body) < longest:
        if time.monotonic() > deadline:
            raise TimeoutError
        bite = answer.read1(min(16_384, longest - len(body)))
        if not bite:
            break
        body += bite
    return body
