"""A program that calls the API, and how its answers are read."""

import base64
import json
from datetime import UTC, datetime, timedelta

from django.http import HttpResponse
from django.test import Client

from migrations_portal.people.models import Person

PASSWORD = "a long pass phrase"
MIGRATION = "20251103000000-add-patient-consent-tracking.js"
SOURCE = b"'use strict';\nmodule.exports = { async up() {}, async down() {} };\n"


def said(answer: HttpResponse, status: int) -> dict:
    """Return what the answer says, after checking that errors are problems and nothing is cached."""
    text = answer.content.decode()
    assert answer.status_code == status, text
    if status >= 400:
        assert answer["Content-Type"] == "application/problem+json"
        problem = json.loads(text)
        assert problem["type"].startswith("urn:wco:")
        assert problem["status"] == status
        assert problem["title"]
        assert problem["detail"]
        return problem
    assert answer["Cache-Control"] == "no-store"
    return json.loads(text) if text else {}


class Caller:
    """A program that calls the API with a person's token."""

    def __init__(self, token: str = ""):
        self.client = Client()
        self.headers = {"Authorization": f"Token {token}"} if token else {}

    def _send(self, method, path, status, **more):
        answer = getattr(self.client, method)(f"/api/v1{path}", headers=self.headers, **more)
        return said(answer, status)

    def get(self, path, status=200):
        return self._send("get", path, status)

    def post(self, path, body=None, status=200):
        return self._send(
            "post", path, status, data=json.dumps(body or {}), content_type="application/json"
        )

    def patch(self, path, body, status=200):
        return self._send(
            "patch", path, status, data=json.dumps(body), content_type="application/json"
        )

    def delete(self, path, status=204):
        return self._send("delete", path, status)

    def upload(self, path, *files, status=200):
        """Send (name, content) pairs as they are: the test client would clean the names."""
        edge = "edge-of-the-part"
        parts = b"".join(
            f'--{edge}\r\nContent-Disposition: form-data; name="files"; filename="{name}"\r\n'
            "Content-Type: application/octet-stream\r\n\r\n".encode()
            + content
            + b"\r\n"
            for name, content in files
        )
        return self._send(
            "post",
            path,
            status,
            data=parts + f"--{edge}--\r\n".encode(),
            content_type=f"multipart/form-data; boundary={edge}",
        )


def with_password(person: Person) -> dict[str, str]:
    person.set_password(PASSWORD)
    person.save()
    pair = base64.b64encode(f"{person.email}:{PASSWORD}".encode()).decode()
    return {"Authorization": f"Basic {pair}"}


def soon_enough() -> str:
    return (datetime.now(UTC) + timedelta(days=8)).isoformat()
