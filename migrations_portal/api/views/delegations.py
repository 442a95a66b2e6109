"""Handing a role of one's own on for a time, and taking it back, for programs."""

from django.conf import settings
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from migrations_portal import wiring
from migrations_portal.api.proof import proven
from migrations_portal.api.serializers.chain import DelegationSerializer, NewDelegationSerializer
from migrations_portal.api.throttling import SigningThrottle
from migrations_portal.api.views.base import ApiView, body
from migrations_portal.approvals import queries
from migrations_portal.approvals import services as approvals
from migrations_portal.kernel.errors import Refused
from migrations_portal.people.models import Person
from migrations_portal.people.rules import SIGNING_ROLES, Role
from migrations_portal.targets import queries as targets
from migrations_portal.tasks import bells


class NobodyThere(Refused):
    """You sign for no such group of targets, or nobody there has this address. Look at “Delegations” in the portal."""

    code = "nobody-there"


class GivingThrottle(SigningThrottle):
    """The same ten tries a minute, for those who guess here; looking is free."""

    def allow_request(self, request: Request, view: APIView) -> bool:
        """Count a POST."""
        return request.method != "POST" or super().allow_request(request, view)


class Delegations(ApiView):
    throttle_classes = [GivingThrottle]

    @extend_schema(
        operation_id="delegations_list",
        tags=["delegations"],
        responses=DelegationSerializer(many=True),
    )
    def get(self, request: Request) -> Response:
        """List what holds now or begins later: the roles that I handed on, and those in which I stand in."""
        rows = queries.delegations_of(person=self.person, now=wiring.clock())
        return Response(DelegationSerializer(rows, many=True).data)

    @extend_schema(
        operation_id="delegations_give",
        tags=["delegations"],
        request=NewDelegationSerializer,
        responses={201: DelegationSerializer},
    )
    def post(self, request: Request) -> Response:
        """Let somebody sign where I hold the role, for a time. Takes my password, and my second factor's code when I have one."""
        given = body(request, NewDelegationSerializer)
        proven(self, given=given, required=False)
        mine = targets.groups_of(person=self.person, roles=SIGNING_ROLES)
        group = next((each for each in mine if each.name == given["group"]), None)
        deputy = Person.objects.filter(email__iexact=given["deputy"], is_active=True).first()
        if group is None or deputy is None:
            raise NobodyThere
        row = approvals.delegate(
            group=group,
            role=Role(given["role"]),
            by=self.person,
            to=deputy,
            starts_at=given["starts_at"],
            ends_at=given["ends_at"],
            reason=given["reason"],
            now=wiring.clock(),
            public_url=settings.PUBLIC_URL,
        )
        bells.notices_soon()
        return Response(DelegationSerializer(row).data, status=201)


class DelegationEnd(ApiView):
    @extend_schema(
        operation_id="delegations_end",
        tags=["delegations"],
        request=None,
        responses=DelegationSerializer,
    )
    def post(self, request: Request, delegation_id: int) -> Response:
        """Take a role of mine back before its time."""
        row = approvals.end_delegation(
            delegation_id=delegation_id, by=self.person, now=wiring.clock()
        )
        return Response(DelegationSerializer(row).data)
