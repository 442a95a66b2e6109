"""The ledger, for those who may export it."""

from collections.abc import Mapping
from typing import Any

from django.core.handlers.asgi import ASGIRequest
from django.http import StreamingHttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework.renderers import BaseRenderer, JSONRenderer
from rest_framework.request import Request

from migrations_portal.api.serializers.ledger import LedgerQuery
from migrations_portal.api.views.base import ApiView, parameters
from migrations_portal.audit import services
from migrations_portal.audit.export import ExportFormat
from migrations_portal.audit.queries import LedgerFilter
from migrations_portal.targets import queries as target_queries


class CsvRenderer(BaseRenderer):
    """Lets the framework choose CSV, by `Accept` or by `format`; the text itself is streamed past it."""

    media_type = "text/csv"
    format = "csv"

    def render(
        self,
        data: Any,
        accepted_media_type: str | None = None,
        renderer_context: Mapping[str, Any] | None = None,
    ) -> str:
        """Return text as it is."""
        return str(data)


class Ledger(ApiView):
    renderer_classes = [JSONRenderer, CsvRenderer]
    http_method_names = ["get", "options"]
    """No HEAD: reading the ledger is recorded, and a HEAD would record an export that nobody got."""

    @extend_schema(
        operation_id="ledger_export",
        tags=["ledger"],
        parameters=[
            LedgerQuery,
            OpenApiParameter("format", enum=[str(each) for each in ExportFormat], default="json"),
        ],
        responses={
            (200, "application/json"): OpenApiResponse(
                {"type": "array", "items": {"type": "object", "additionalProperties": {}}},
                "One object an entry: seq, at, prev, body, and its hash.",
            ),
            (200, "text/csv"): OpenApiResponse(OpenApiTypes.STR, "One line an entry."),
        },
    )
    def get(self, request: Request) -> StreamingHttpResponse:
        """Take a copy of the ledger of my targets, the oldest entry first. That I took it is the last entry in it."""
        wanted = LedgerFilter(**parameters(request, LedgerQuery))
        form = ExportFormat(request.accepted_renderer.format)
        targets = target_queries.ledger_targets(person=self.person)
        copy = services.export(by=self.person, targets=targets, wanted=wanted, form=form)
        asgi = isinstance(request._request, ASGIRequest)  # noqa: SLF001  # the framework's documented name
        return StreamingHttpResponse(
            copy.pieces_async() if asgi else copy.pieces,
            content_type=copy.content_type,
            headers={"Content-Disposition": f'attachment; filename="{copy.name}"'},
        )
