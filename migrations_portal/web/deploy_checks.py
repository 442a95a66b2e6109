"""What `manage.py check --deploy` says of the portal's own settings."""

from typing import Any

from django.conf import settings
from django.core.checks import Tags, Warning, register  # noqa: A004  # Django's name

from migrations_portal.accounts.passkeys import site_of
from migrations_portal.accounts.sealing import SHORTEST_KEY


@register(Tags.security, deploy=True)
def second_factor(**_: Any) -> list[Warning]:
    """Warn when signatures at high risk need no second factor, or when nobody could set up an app or a passkey."""
    found = []
    if not settings.REQUIRE_SECOND_FACTOR:
        found.append(
            Warning(
                "WCO_REQUIRE_SECOND_FACTOR is off: plans of high risk are signed with a password only.",
                id="wco.W001",
            )
        )
    if len(settings.FACTOR_KEY) < SHORTEST_KEY:
        found.append(
            Warning(
                f"WCO_FACTOR_KEY has fewer than {SHORTEST_KEY} characters: nobody can set up an authenticator app.",
                id="wco.W002",
            )
        )
    if site_of(settings.PUBLIC_URL) is None:
        found.append(
            Warning(
                "WCO_PUBLIC_URL is no https:// address with a name: browsers offer no passkeys there.",
                id="wco.W005",
            )
        )
    return found
