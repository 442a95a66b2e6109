"""How often a program may try, counted for all web processes together."""

from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle
from rest_framework.views import APIView

from migrations_portal.accounts import pace

MINUTE = 60


class SigningThrottle(BaseThrottle):
    """Slows down who guesses passwords and codes: ten tries a minute, whichever seat."""

    per_minute = 10

    def allow_request(self, request: Request, view: APIView) -> bool:
        """Count one try, and say whether it may be."""
        tries = pace.count("signing", who=str(request.user.pk), seconds=MINUTE)
        return tries <= self.per_minute

    def wait(self) -> float:
        """Return after how many seconds to try again."""
        return MINUTE
