"""How the API describes itself: the OpenAPI document at /api/v1/schema/, kept as docs/reference/openapi.yaml."""

from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.plumbing import build_bearer_security_scheme_object
from drf_spectacular.utils import Direction

from migrations_portal.api.errors import CONTENT_TYPE
from migrations_portal.api.serializers.problems import ProblemSerializer

REGENERATE = "manage.py spectacular --validate --fail-on-warn --file docs/reference/openapi.yaml"


class TokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """Names the token in the document."""

    target_class = "migrations_portal.api.authentication.TokenAuthentication"
    name = "token"

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, Any]:
        """Return how the header is written."""
        scheme: dict[str, Any] = build_bearer_security_scheme_object(
            header_name="Authorization",
            token_prefix="Token",  # noqa: S106  # the word before it
        )
        return scheme


class ProblemSchema(AutoSchema):
    """Adds what every operation has in common: any error is a problem in the form of RFC 9457."""

    def _get_response_bodies(self, direction: Direction = "response") -> dict[str, Any]:
        responses: dict[str, Any] = super()._get_response_bodies(direction)
        problem: dict[str, Any] = self._get_response_for_code(  # type: ignore[no-untyped-call]
            ProblemSerializer, "default", media_types=[CONTENT_TYPE]
        )
        problem["description"] = "A problem: what was refused, or went wrong, and what to do."
        return {**responses, "default": problem}
