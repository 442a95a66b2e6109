"""What every chat webhook promises, over real HTTP and in memory; and that ours leads nowhere private (S8)."""

import ipaddress
import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from migrations_portal.adapters.chat import SlackWebhook, is_public
from migrations_portal.adapters.in_memory import InMemoryChat
from migrations_portal.notifications.ports import ChatWebhook, DeliveryFailed


@pytest.fixture
def receiver():
    class Handler(BaseHTTPRequestHandler):
        status, received, url = 200, list[Any](), ""

        def do_POST(self) -> None:
            Handler.received.append(
                json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            )
            self.send_response(Handler.status)
            if Handler.status == 302:
                self.send_header("Location", "/elsewhere")
            self.end_headers()

        def log_message(self, *args: Any) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    Handler.url = f"http://127.0.0.1:{server.server_port}/hook?x=1"
    yield Handler
    server.shutdown()
    thread.join()
    server.server_close()


def loopback(receiver: Any) -> SlackWebhook:
    return SlackWebhook(receiver.url, allowed_hosts=["127.0.0.1"], allow_loopback=True)


@pytest.fixture(params=["http", "memory"])
def chat(request: pytest.FixtureRequest) -> ChatWebhook:
    return (
        InMemoryChat()
        if request.param == "memory"
        else loopback(request.getfixturevalue("receiver"))
    )


def test_a_message_is_taken(chat: ChatWebhook) -> None:
    chat.post("Migration of plan 7 started")


def test_the_message_arrives_in_slacks_format(receiver: Any) -> None:
    loopback(receiver).post("done ✅")

    assert receiver.received == [{"text": "done ✅"}]


@pytest.mark.parametrize(
    ("status", "permanent"), [(404, True), (302, True), (429, False), (503, False)]
)
def test_the_answer_says_whether_to_try_again(receiver: Any, status: int, permanent: bool) -> None:
    receiver.status = status

    with pytest.raises(DeliveryFailed, match=str(status)) as failure:
        loopback(receiver).post("x")

    assert failure.value.permanent is permanent
    assert len(receiver.received) == 1


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "10.0.0.1", "169.254.169.254", "100.64.0.1", "2130706433", "0x7f.1"]
)
def test_a_host_that_leads_into_our_network_gets_nothing(host: str) -> None:
    with pytest.raises(DeliveryFailed, match="private network"):
        SlackWebhook(f"https://{host}/x", allowed_hosts=[host]).post("x")


@pytest.mark.parametrize(
    "address",
    [
        "::1",
        "::ffff:10.0.0.1",
        "64:ff9b::a00:1",
        "2002:a00:1::",
        "fe80::1",
        "fd00::1",
        "224.0.0.1",
        "0.0.0.0",  # noqa: S104
        "192.168.1.1",
    ],
)
def test_private_addresses_in_disguise_are_not_public(address: str) -> None:
    assert not is_public(ipaddress.ip_address(address))


def test_an_open_address_is_public() -> None:
    assert is_public(ipaddress.ip_address("3.5.140.2"))
    assert is_public(ipaddress.ip_address("2600:1f18::1"))


@pytest.mark.parametrize(
    "url",
    [
        "http://hooks.slack.example/x",
        "https://u:p@hooks.slack.example/x",
        "https://evil.example/x",
        "ftp://hooks.slack.example",
    ],
)
def test_an_address_that_is_not_allowed_is_refused_at_once(url: str) -> None:
    with pytest.raises(ValueError, match="chat webhook"):
        SlackWebhook(url, allowed_hosts=["hooks.slack.example"])
