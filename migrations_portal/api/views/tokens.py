"""My tokens. A token cannot make another token, so one that leaked ends when it ends."""

from drf_spectacular.utils import extend_schema
from rest_framework.authentication import BasicAuthentication, SessionAuthentication
from rest_framework.request import Request
from rest_framework.response import Response

from migrations_portal import wiring
from migrations_portal.api import tokens
from migrations_portal.api.serializers import tokens as forms
from migrations_portal.api.views.base import ApiView, body


class Tokens(ApiView):
    authentication_classes = [BasicAuthentication, SessionAuthentication]

    @extend_schema(operation_id="tokens_list", tags=["tokens"], responses=forms.TokensSerializer)
    def get(self, request: Request) -> Response:
        """List my tokens that are good now."""
        mine = tokens.of(person=self.person, now=wiring.clock())
        return Response(forms.TokensSerializer({"tokens": mine}).data)

    @extend_schema(
        operation_id="tokens_create",
        tags=["tokens"],
        request=forms.NewTokenSerializer,
        responses={201: forms.MadeTokenSerializer},
    )
    def post(self, request: Request) -> Response:
        """Make a token, with my password (HTTP Basic) or from my session. It can do what I can; signing takes my password, too."""
        days = body(request, forms.NewTokenSerializer)["days"]
        made = tokens.issue(by=self.person, days=days, now=wiring.clock())
        return Response(forms.MadeTokenSerializer(made).data, status=201)


class Token(ApiView):
    authentication_classes = [*ApiView.authentication_classes, BasicAuthentication]

    @extend_schema(operation_id="tokens_revoke", tags=["tokens"], responses={204: None})
    def delete(self, request: Request, token_id: str) -> Response:
        """Revoke a token of mine; it may revoke itself."""
        tokens.revoke(by=self.person, token_id=token_id)
        return Response(status=204)
