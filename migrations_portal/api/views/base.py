"""What every view of the API has in common: who may call, what is read and written, and who is calling."""

from collections.abc import Mapping
from typing import Any, TypeVar

from django.http import HttpResponseBase
from rest_framework.authentication import SessionAuthentication
from rest_framework.exceptions import NotAuthenticated, NotFound, ValidationError
from rest_framework.permissions import IsAuthenticated
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.serializers import ListSerializer, Serializer
from rest_framework.settings import api_settings
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

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Find nothing under a name with a NUL in it: no database keeps one, so none can be asked for."""
        super().initial(request, *args, **kwargs)
        if any("\0" in each for each in kwargs.values() if isinstance(each, str)):
            raise NotFound("There is nothing at this address.")

    def finalize_response(
        self, request: Request, response: HttpResponseBase, *args: Any, **kwargs: Any
    ) -> Any:
        """Keep answers out of every cache: they belong to one person, at one moment."""
        answer = super().finalize_response(request, response, *args, **kwargs)  # type: ignore[arg-type]
        answer["Cache-Control"] = "no-store"
        return answer


def body(request: Request, form: type[S]) -> dict[str, Any]:
    """Return the checked body of the request, or raise `ValidationError`: for a name that nobody reads, too."""
    if not isinstance(request.data, Mapping):
        names = ", ".join(form().fields)
        raise ValidationError(
            f"Send one JSON object, {{…}}, with what this address reads: {names}."
        )
    read = form(data=request.data)
    valid, unknown = read.is_valid(), _unknown(request.data, read)
    if not valid or unknown:
        raise ValidationError(_merged(read.errors, unknown))
    values: dict[str, Any] = read.validated_data
    return values


def parameters(request: Request, form: type[S]) -> dict[str, Any]:
    """Return the checked parameters of the address, or raise `QueryInvalid`: a filter must not fail to filter."""
    read = form(data=request.query_params)
    valid, unknown = read.is_valid(), _unknown(_asked(request), read)
    if not valid or unknown:
        raise QueryInvalid(_merged(read.errors, unknown))
    values: dict[str, Any] = read.validated_data
    return values


def _asked(request: Request) -> dict[str, str]:
    """Return the parameters of the address without the one that chooses the form of the answer."""
    chooses = api_settings.URL_FORMAT_OVERRIDE
    return {name: str(value) for name, value in request.query_params.items() if name != chooses}


def _unknown(sent: Any, known: object) -> dict[str, Any]:
    """Return a sentence for each name that is sent and not read, however deep it stands."""
    if isinstance(known, ListSerializer):
        rows = enumerate(sent if isinstance(sent, list) else [])
        return {str(at): found for at, row in rows if (found := _unknown(row, known.child))}
    if not isinstance(sent, Mapping) or not isinstance(known, Serializer):
        return {}
    read = [name for name, field in known.fields.items() if not field.read_only]
    wrong: dict[str, Any] = {
        str(name): [f"There is no such name here. There are: {', '.join(read)}."]
        for name in sent
        if name not in read
    }
    below = {name: _unknown(sent[name], known.fields[name]) for name in read if name in sent}
    return wrong | {name: found for name, found in below.items() if found}


def _merged(errors: Any, unknown: dict[str, Any]) -> Any:
    """Return both; where a part is wrong in another way already, that is said first."""
    if not isinstance(errors, Mapping):
        return errors or unknown
    return {**unknown, **errors}
