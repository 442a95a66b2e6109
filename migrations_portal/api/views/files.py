"""The migration files of a draft."""

from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.exceptions import NotFound, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from migrations_portal import wiring
from migrations_portal.api.parsers import UploadParser
from migrations_portal.api.serializers import plans as forms
from migrations_portal.api.views.base import ApiView
from migrations_portal.api.views.plans import answer
from migrations_portal.plans import queries, services
from migrations_portal.tasks import bells

UPLOAD = {
    "type": "object",
    "required": ["files"],
    "properties": {
        "files": {
            "type": "array",
            "items": {"type": "string", "format": "binary"},
            "description": "One part named `files` for each migration file.",
        }
    },
}


class Files(ApiView):
    parser_classes = [UploadParser]

    @extend_schema(
        operation_id="files_put",
        tags=["plans"],
        request={"multipart/form-data": UPLOAD},
        responses=forms.PlanSerializer,
    )
    def post(self, request: Request, plan_id: int) -> Response:
        """Add files to a draft of mine; one of a known name is replaced. All of them, or none."""
        queries.get(plan_id=plan_id, person=self.person)
        sent = request.FILES.getlist("files")
        if not sent:
            raise ValidationError({"files": "Send each migration file as a part named “files”."})
        plan = services.put_files(
            plan_id=plan_id,
            by=self.person,
            uploads=[services.Upload(name=each.name or "", content=each.read()) for each in sent],
            checker=wiring.script_checker(),
            now=wiring.clock(),
        )
        bells.assess_soon(plan)
        return answer(plan_id, person=self.person)


class File(ApiView):
    @extend_schema(
        operation_id="files_read",
        tags=["plans"],
        responses={(200, "text/plain"): OpenApiResponse(OpenApiTypes.STR, "The file.")},
    )
    def get(self, request: Request, plan_id: int, name: str) -> HttpResponse:
        """Read one file, byte for byte."""
        plan = queries.get(plan_id=plan_id, person=self.person)
        row = plan.files.filter(name=name).first()
        if row is None:
            raise NotFound(f"{plan.number} holds no file of this name.")
        return HttpResponse(
            bytes(row.content),
            content_type="text/plain; charset=utf-8",
            headers={"Content-Disposition": f'attachment; filename="{row.name}"'},
        )

    @extend_schema(operation_id="files_remove", tags=["plans"], responses={204: None})
    def delete(self, request: Request, plan_id: int, name: str) -> Response:
        """Take a file out of a draft of mine."""
        queries.get(plan_id=plan_id, person=self.person)
        plan = services.remove_file(plan_id=plan_id, by=self.person, name=name, now=wiring.clock())
        bells.assess_soon(plan)
        return Response(status=204)
