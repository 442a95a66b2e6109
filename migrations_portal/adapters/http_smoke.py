"""Smoke checks over HTTP."""

import time
from collections.abc import Sequence

from migrations_portal.adapters.http_call import CallFailed, call
from migrations_portal.plans.smoke import is_allowed
from migrations_portal.verification.ports import SmokeAnswer, SmokeUnreachable

LONGEST_BODY = 1024 * 1024
"""A text that is looked for has to stand in the first MiB."""
HEADERS = {"Accept": "*/*", "User-Agent": "white-cross-ops-smoke-check"}


class HttpSmokeClient:
    """Asks by plain GET, without credentials or cookies."""

    def get(self, url: str, *, allowed: Sequence[str], seconds: int) -> SmokeAnswer:
        """Ask once. Looks at the list again: it may have changed since the plan was signed. Raises `SmokeUnreachable`."""
        if not is_allowed(url, allowed=allowed):
            raise SmokeUnreachable(
                f"{url} is not below an address of this target any more. Ask an administrator, or change the plan."
            )
        began = time.monotonic()
        try:
            answer = call(url, headers=HEADERS, seconds=seconds, longest=LONGEST_BODY)
        except CallFailed as failure:
            raise SmokeUnreachable(
                f"GET {url} has no answer within {seconds} s: {failure}. Look whether the application runs there."
            ) from None
        return SmokeAnswer(
            status=answer.status,
            body=answer.body.decode("utf-8", "replace"),
            seconds=time.monotonic() - began,
        )
