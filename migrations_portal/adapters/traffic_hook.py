"""The traffic hook over HTTP: a signed POST that sets the state, and a GET that must say the same (read-back)."""

import hashlib
import hmac
import json
import time
from typing import Any
from urllib.parse import urlsplit

from migrations_portal.adapters.http_call import CallFailed, call
from migrations_portal.targets.ports import TrafficHookFailed, TrafficState

SECONDS = 10
LONGEST_ANSWER = 64 * 1024
SIGNATURE = "X-Wcops-Signature"


class HttpTrafficHook:
    """Calls a target's hook. The address comes from an administrator and may be inside the company's network."""

    def switch(self, *, url: str, secret: str, state: TrafficState, run: int) -> None:
        """POST `{"state", "run", "at"}` signed by HMAC-SHA256 of the body, then GET until `state` is that one.

        Follows no redirect. Raises `TrafficHookFailed`.
        """
        body = json.dumps({"state": str(state), "run": run, "at": int(time.time())}).encode()
        signature = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
        self._ask(url, "POST", body=body, headers={SIGNATURE: f"sha256={signature}"})
        signed = hmac.new(secret.encode(), b"", hashlib.sha256).hexdigest()
        said = self._ask(url, "GET", body=b"", headers={SIGNATURE: f"sha256={signed}"})
        if said.get("state") != state:
            raise TrafficHookFailed(
                f"the hook took the call, but asked again it does not say {str(state)!r}."
            )

    def _ask(
        self, url: str, method: str, *, body: bytes, headers: dict[str, str]
    ) -> dict[str, Any]:
        host = urlsplit(url).hostname or ""
        try:
            answer = call(
                url,
                method=method,
                body=body,
                headers={"Content-Type": "application/json", **headers},
                seconds=SECONDS,
                longest=LONGEST_ANSWER,
            )
        except CallFailed as failure:
            raise TrafficHookFailed(f"the hook cannot be used: {failure}.") from None
        if not 200 <= answer.status < 300:  # noqa: PLR2004
            raise TrafficHookFailed(f"the hook at {host} answered {answer.status}.")
        return _read(answer.body) if method == "GET" else {}


def _read(text: bytes) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise TrafficHookFailed("asked again, the hook did not answer with a JSON object.")
    return found
