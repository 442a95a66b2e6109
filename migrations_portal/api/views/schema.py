"""The API's description of itself."""

from drf_spectacular.utils import extend_schema
from drf_spectacular.views import SpectacularAPIView
from rest_framework.authentication import SessionAuthentication
from rest_framework.permissions import IsAuthenticated

from migrations_portal.api.authentication import TokenAuthentication


@extend_schema(exclude=True)
class Schema(SpectacularAPIView):
    """OpenAPI 3, as YAML or JSON (by `Accept`, or `?format=openapi-json`)."""

    authentication_classes = [TokenAuthentication, SessionAuthentication]
    permission_classes = [IsAuthenticated]
