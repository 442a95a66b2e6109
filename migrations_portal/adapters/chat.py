"""Slack-format messages to an incoming webhook, without becoming a way into our own network (S8)."""

import http.client
import ipaddress
import json
import socket
import ssl
from collections.abc import Collection
from urllib.parse import urlsplit

from migrations_portal.notifications.ports import DeliveryFailed

CONNECT_SECONDS = 3
ANSWER_SECONDS = 10
TOO_MANY = 429
SERVER_ERROR = 500
_TRANSLATED = ipaddress.ip_network("64:ff9b::/96")
"""IPv6 addresses that a NAT64 gateway turns into IPv4 ones, private ones among them (RFC 6052)."""

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class SlackWebhook:
    """Posts to one address. Follows no redirect, uses no proxy, and never shows what the other side answered."""

    def __init__(
        self, url: str, *, allowed_hosts: Collection[str], allow_loopback: bool = False
    ) -> None:
        """Post to `url`, whose host must be one of `allowed_hosts`; plain http and 127.0.0.1 only with `allow_loopback`."""
        parts = urlsplit(url)
        self._secure = parts.scheme == "https"
        self._host = (parts.hostname or "").lower()
        self._path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        self._loopback = allow_loopback
        if parts.scheme not in ({"https", "http"} if allow_loopback else {"https"}):
            raise ValueError("The chat webhook must be an https:// address.")
        if parts.username or parts.password:
            raise ValueError("The chat webhook's address must not hold a user name or password.")
        if self._host not in {each.lower() for each in allowed_hosts}:
            raise ValueError("The chat webhook's host is not one of the allowed hosts.")
        self._port = parts.port or (443 if self._secure else 80)

    def post(self, text: str) -> None:
        """Post `text`; raise `DeliveryFailed`."""
        address = self._resolve()
        connection = _Pinned(self._host, self._port, address=str(address), secure=self._secure)
        try:
            connection.request(
                "POST",
                self._path,
                body=json.dumps({"text": text}).encode(),
                headers={"Content-Type": "application/json", "User-Agent": "white-cross-ops"},
            )
            status = connection.getresponse().status
        except (OSError, http.client.HTTPException) as error:
            raise DeliveryFailed(
                f"The chat webhook at {self._host} cannot be reached ({type(error).__name__})."
            ) from None
        finally:
            connection.close()
        if not 200 <= status < 300:  # noqa: PLR2004
            again = status == TOO_MANY or status >= SERVER_ERROR
            raise DeliveryFailed(
                f"The chat webhook at {self._host} answered {status}.", permanent=not again
            )

    def _resolve(self) -> Address:
        """Ask for the address once, refuse when any answer is not public, and return the one to connect to."""
        try:
            answers = socket.getaddrinfo(self._host, self._port, type=socket.SOCK_STREAM)
        except (
            OSError
        ):  # fail closed; UnicodeError for a broken name is not possible after the allow-list
            raise DeliveryFailed(
                f"The chat webhook's host {self._host} is not known to the name server."
            ) from None
        found = [ipaddress.ip_address(str(answer[4][0]).partition("%")[0]) for answer in answers]
        for each in found:
            if not (is_public(each) or (self._loopback and each.is_loopback)):
                raise DeliveryFailed(
                    f"The chat webhook's host {self._host} leads into a private network, so nothing was sent.",
                    permanent=True,
                )
        if not self._secure and not all(each.is_loopback for each in found):
            raise DeliveryFailed(
                "The chat webhook is plain http and not on this machine, so nothing was sent.",
                permanent=True,
            )
        return found[0]


def is_public(address: Address) -> bool:
    """Say whether an address is on the open internet and hides no private one inside it."""
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return is_public(address.ipv4_mapped)
        if address.sixtofour is not None or address.teredo is not None or address in _TRANSLATED:
            return False
    return address.is_global and not address.is_multicast


class _Pinned(http.client.HTTPConnection):
    """A connection to exactly one address; the certificate is checked against the name."""

    def __init__(self, host: str, port: int, *, address: str, secure: bool) -> None:
        super().__init__(host, port, timeout=ANSWER_SECONDS)
        self._address, self._secure = address, secure

    def connect(self) -> None:
        plain = socket.create_connection((self._address, self.port), timeout=CONNECT_SECONDS)
        plain.settimeout(ANSWER_SECONDS)
        if self._secure:
            context = ssl.create_default_context()
            try:
                self.sock = context.wrap_socket(plain, server_hostname=self.host)
            except BaseException:
                plain.close()
                raise
        else:
            self.sock = plain
