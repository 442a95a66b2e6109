"""Addresses below /api/v1/ that lead nowhere."""

from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import NotFound
from rest_framework.request import Request

from migrations_portal.api.views.base import ApiView


@extend_schema(exclude=True)
class Nowhere(ApiView):
    """Answers 404 as a problem, whatever the method; the pages' 404 is no answer for a script."""

    permission_classes = []
    authentication_classes = []

    def initial(self, request: Request, *args: object, **kwargs: object) -> None:
        """Refuse before the method is looked at."""
        hint = "" if request.path.endswith("/") else " Addresses of the API end with a slash."
        raise NotFound(f"There is nothing at {request.path}.{hint}")
