"""Who calls: a token of the portal, or the session of somebody who is signed in."""

import re
from typing import Any

from knox.auth import TokenAuthentication as KnoxTokenAuthentication
from rest_framework.exceptions import AuthenticationFailed

_TOKEN = re.compile(rb"wco_[0-9a-f]{64}")


class TokenAuthentication(KnoxTokenAuthentication):  # type: ignore[misc]  # knox has no types
    """`Authorization: Token wco_…`. Stored as a hash, and gone the moment it is revoked, expired or its person deactivated."""

    def authenticate_credentials(self, token: bytes) -> tuple[Any, Any]:
        """Return the person and the token, or raise `AuthenticationFailed`."""
        if not _TOKEN.fullmatch(token):
            raise AuthenticationFailed(
                "This is not a token of the portal: it has wco_ and 64 hexadecimal digits."
            )
        found: tuple[Any, Any] = super().authenticate_credentials(token)
        return found
