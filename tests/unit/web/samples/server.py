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
MAIL_POLICY = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'self'"


def page_policy() -> str:
    """Return the policy of the settings, as django-csp would send it."""
    directives = settings.CONTENT_SECURITY_POLICY["DIRECTIVES"]
    return "; ".join(f"{name} {' '.join(values)}" for name, values in directives.items())


@contextmanager
def serving(
    answer: Callable[[str], str | None], moved: Mapping[str, str] = MappingProxyType({})
) -> Iterator[str]:
    """Serve what `answer` returns for a path (None: 404), redirects and the static files."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            path = self.path.partition("?")[0]
            if path in moved:
                self.send_response(302)
                self.send_header("Location", moved[path])
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            kind, body = "text/html; charset=utf-8", answer(path)
            raw = None if body is None else body.encode()
            if path.startswith("/static/") and (
                found := finders.find(path.removeprefix("/static/"))
            ):
                file = Path(str(found))
                kind, raw = TYPES[file.suffix], file.read_bytes()
            if path == "/events":
                kind = "text/event-stream"
            self.send_response(404 if raw is None else 200)
            policy = MAIL_POLICY if path.startswith("/mail-") else page_policy()
            self.send_header("Content-Security-Policy", policy)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(raw or b"")))
            self.end_headers()
            self.wfile.write(raw or b"")

        def log_message(self, *_: object) -> None:
            """Stay silent."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
