"""A small web server for the browser tests: rendered samples, static files, and the product's content policy."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import MappingProxyType

from django.conf import settings
from django.contrib.staticfiles import finders

TYPES = {
    ".css": "text/css",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
    ".woff2": "font/woff2",
}
EVENTS = "text/event-stream"
SILENCE = b"retry: 600000\n\n"
MAIL_POLICY = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'self'"


def page_policy() -> str:
    """Return the policy of the settings, as django-csp would send it."""
    directives = settings.CONTENT_SECURITY_POLICY["DIRECTIVES"]
    return "; ".join(f"{name} {' '.join(values)}" for name, values in directives.items())


class Samples(ThreadingHTTPServer):
    """What is served, and how."""

    daemon_threads = True
    answer: Callable[[str], str | None]
    moved: Mapping[str, str]
    alone: bool


class Handler(BaseHTTPRequestHandler):
    """Answers from the samples of its server, or from the static files."""

    protocol_version = "HTTP/1.1"
    server: Samples

    def do_GET(self) -> None:
        path = self.path.partition("?")[0]
        if path in self.server.moved:
            self._send(302, b"", {"Location": self.server.moved[path]})
        elif path.startswith("/static/"):
            self._send_file(finders.find(path.removeprefix("/static/")))
        elif self.server.alone and self.headers["Accept"] == EVENTS:
            self._send(200, SILENCE, {"Content-Type": EVENTS})
        elif self.server.alone and "HX-Request" in self.headers:
            self._send(204, b"", {})
        else:
            self._send_page(path, self.server.answer(path))

    def do_POST(self) -> None:
        """Take a form and say nothing of it: lead to where `moved` says for “POST /path”."""
        self.rfile.read(int(self.headers["Content-Length"]))
        self._send(303, b"", {"Location": self.server.moved[f"POST {self.path}"]})

    def _send_file(self, found: str | list[str] | None) -> None:
        if found is None:
            self._send(404, b"", {})
            return
        file = Path(str(found))
        about = {"Content-Type": TYPES[file.suffix], "Cache-Control": "max-age=600"}
        self._send(200, file.read_bytes(), about)

    def _send_page(self, path: str, body: str | None) -> None:
        policy = MAIL_POLICY if path.startswith("/mail-") else page_policy()
        kind = EVENTS if path == "/events" else "text/html; charset=utf-8"
        about = {"Content-Security-Policy": policy, "Content-Type": kind}
        self._send(404 if body is None else 200, (body or "").encode(), about)

    def _send(self, status: int, raw: bytes, about: Mapping[str, str]) -> None:
        self.send_response(status)
        for name, value in about.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)

    def log_message(self, *_: object) -> None:
        """Stay silent."""


@contextmanager
def serving(
    answer: Callable[[str], str | None],
    moved: Mapping[str, str] = MappingProxyType({}),
    *,
    alone: bool = False,
) -> Iterator[str]:
    """Serve what `answer` returns for a path (None: 404), redirects and the static files.

    With `alone`, what a live page asks for by itself stays unanswered: the page is looked at as it was drawn.
    """
    server = Samples(("127.0.0.1", 0), Handler)
    server.answer, server.moved, server.alone = answer, moved, alone
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
