"""What every view of the API has in common: who may call, what is read and written, and who is calling."""

from typing import Any, TypeVar

from django.http import HttpResponseBase
from rest_framework.authentication import SessionAuthentication
from rest_framework.exceptions import NotAuthenticated
from rest_framework.permissions import IsAuthenticated
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.serializers import Serializer
from rest_framework.views import APIView

from migrations_portal.api.authentication import TokenAuthentication
from migrations_portal.api.errors import QueryInvalid
from migrations_portal.api.parsers import JsonParser
from migrations_portal.api.schema import ProblemSchema
from migrations_portal.people.models import Person

S = TypeVar("S", bound=Serializer[Any])


class ApiView(APIView):
    """Closed unless somebody is known. Which plans and runs a person sees is asked of the domains' queries, never decided here."""

    authentication_classes = [TokenAuthentication, SessionAuthentication]
    permission_classes = [IsAuthenticated]
    parser_classes = [JsonParser]
    renderer_classes = [JSONRenderer]
    schema = ProblemSchema()

    @property
    def person(self) -> Person:
        """The person who calls."""
        if not isinstance(self.request.user, Person):
            raise NotAuthenticated
        return self.request.user

    def finalize_response(
        self, request: Request, response: HttpResponseBase, *args: Any, **kwargs: Any
    ) -> Any:
        """Keep answers out of every cache: they belong to one person, at one moment."""
        answer = super().finalize_response(request, response, *args, **kwargs)  # type: ignore[arg-type]
        answer["Cache-Control"] = "no-store"
        return answer


def body(request: Request, form: type[S]) -> dict[str, Any]:
    """Return the checked body of the request, or raise `ValidationError`."""
    read = form(data=request.data)
    read.is_valid(raise_exception=True)
    values: dict[str, Any] = read.validated_data
    return values


def parameters(request: Request, form: type[S]) -> dict[str, Any]:
    """Return the checked parameters of the address, or raise `QueryInvalid`."""
    read = form(data=request.query_params)
    if not read.is_valid():
        raise QueryInvalid(read.errors)
    values: dict[str, Any] = read.validated_data
    return values
