"""Deciding on a seat, taking a plan back, opening it for changes, calling it off, commenting: the verbs of the pages, for programs.

A token alone never signs. Whoever signs here gives the password with each request, and the code of the second factor when
they have one; where the page asks for a fresh proof (A5), nobody passes without what the page asks for.
"""

from collections.abc import Callable
from typing import Any

from django.conf import settings
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from migrations_portal import wiring
from migrations_portal.api.proof import proven
from migrations_portal.api.serializers import chain as forms
from migrations_portal.api.serializers.plans import PlanSerializer, ReasonSerializer
from migrations_portal.api.throttling import SigningThrottle
from migrations_portal.api.views.base import ApiView, body
from migrations_portal.api.views.plans import answer
from migrations_portal.approvals import queries as seats
from migrations_portal.approvals import services as approvals
from migrations_portal.approvals.models import Seat
from migrations_portal.approvals.policy import asks_again
from migrations_portal.approvals.rules import Decision
from migrations_portal.kernel.errors import Refused
from migrations_portal.plans import comments, queries
from migrations_portal.tasks import bells


class SeatDecision(ApiView):
    throttle_classes = [SigningThrottle]

    @extend_schema(
        operation_id="plans_seats_decide",
        tags=["plans"],
        request=forms.SeatDecisionSerializer,
        responses=PlanSerializer,
    )
    def post(self, request: Request, plan_id: int, seat_id: int) -> Response:
        """Sign a seat of mine, or send the plan back. Takes my password, and my second factor's code when I have one."""
        given = body(request, forms.SeatDecisionSerializer)
        plan = queries.get(plan_id=plan_id, person=self.person)
        seat = seats.seat(plan, seat_id=seat_id)
        try:
            self._decide(seat, given)
        except Refused as refusal:
            approvals.record_refusal(
                seat=seat, by=self.person, code=refusal.code, sentence=refusal.sentence
            )
            refusal.recorded = True
            raise
        bells.notices_soon()
        bells.chain_soon()
        bells.runs_soon()
        return answer(plan_id, person=self.person)

    def _decide(self, seat: Seat, given: dict[str, Any]) -> None:
        now = wiring.clock()
        approvals.check_may_decide(seat, by=self.person, now=now)  # before a code is used up
        approvals.sign_off(
            seat_id=seat.pk,
            by=self.person,
            decision=Decision(given["decision"]),
            reason=given["reason"],
            digest=given["digest"],
            evidence=approvals.Evidence(
                ip=self.request.META.get("REMOTE_ADDR"),
                user_agent=self.request.headers.get("User-Agent", ""),
                factors=self._factors(seat, given),
            ),
            now=now,
            day=wiring.day(),
            public_url=settings.PUBLIC_URL,
        )

    def _factors(self, seat: Seat, given: dict[str, Any]) -> str:
        revision = seat.revision
        asked = asks_again(
            level=revision.level, phi=revision.phi, emergency=bool(revision.plan.emergency_reason)
        )
        return proven(self, given=given, required=asked and settings.REQUIRE_SECOND_FACTOR)


class SeatAskedAgain(ApiView):
    @extend_schema(
        operation_id="plans_seats_ask_again",
        tags=["plans"],
        request=None,
        responses=PlanSerializer,
    )
    def post(self, request: Request, plan_id: int, seat_id: int) -> Response:
        """Send the mail of an open seat again, at most five times an hour. Its author may, and an administrator."""
        queries.get(plan_id=plan_id, person=self.person)
        approvals.ask_again(
            plan_id=plan_id,
            seat_id=seat_id,
            by=self.person,
            now=wiring.clock(),
            day=wiring.day(),
            public_url=settings.PUBLIC_URL,
        )
        bells.notices_soon()
        return answer(plan_id, person=self.person)


class Withdrawal(ApiView):
    @extend_schema(
        operation_id="plans_withdraw",
        tags=["plans"],
        request=ReasonSerializer,
        responses=PlanSerializer,
    )
    def post(self, request: Request, plan_id: int) -> Response:
        """Take back a plan of mine that is not approved yet."""
        return _change_course(self, plan_id, verb=approvals.withdraw)


class Revision(ApiView):
    @extend_schema(
        operation_id="plans_revise",
        tags=["plans"],
        request=ReasonSerializer,
        responses=PlanSerializer,
    )
    def post(self, request: Request, plan_id: int) -> Response:
        """Open a plan of mine for changes. What was signed counts no more, and its signers are told."""
        return _change_course(self, plan_id, verb=approvals.revise, ring=bells.runs_soon)


class Cancellation(ApiView):
    @extend_schema(
        operation_id="plans_cancel",
        tags=["plans"],
        request=ReasonSerializer,
        responses=PlanSerializer,
    )
    def post(self, request: Request, plan_id: int) -> Response:
        """Call an approved plan off: its author may, and the roles that the policy names."""
        return _change_course(self, plan_id, verb=approvals.cancel, ring=bells.runs_soon)


class Postponement(ApiView):
    @extend_schema(
        operation_id="plans_postpone",
        tags=["plans"],
        request=forms.PostponementSerializer,
        responses=PlanSerializer,
    )
    def post(self, request: Request, plan_id: int) -> Response:
        """Move T-0 of a submitted or approved plan later, into a window that fits. Its go is asked anew."""
        return _change_course(
            self,
            plan_id,
            verb=approvals.postpone,
            form=forms.PostponementSerializer,
            ring=bells.runs_soon,
        )


class EmergencySubmission(ApiView):
    throttle_classes = [SigningThrottle]

    @extend_schema(
        operation_id="plans_emergency",
        tags=["plans"],
        request=forms.EmergencySerializer,
        responses=PlanSerializer,
    )
    def post(self, request: Request, plan_id: int) -> Response:
        """Submit a draft of mine as an emergency, with my password and my second factor's code.

        Nothing opens before a second person confirms it, on the plan's page.
        """
        return _change_course(
            self,
            plan_id,
            verb=approvals.submit_emergency,
            form=forms.EmergencySerializer,
            proof=True,
        )


def _change_course(
    view: ApiView,
    plan_id: int,
    *,
    verb: Callable[..., object],
    form: type[ReasonSerializer] = ReasonSerializer,
    proof: bool = False,
    ring: Callable[[], None] = lambda: None,
) -> Response:
    given = body(view.request, form)
    queries.get(plan_id=plan_id, person=view.person)
    if proof:
        factors = proven(view, given=given, required=settings.REQUIRE_SECOND_FACTOR)
        given = {name: given[name] for name in given.keys() - {"password", "code"}}
        given["factors"] = factors
    verb(
        plan_id=plan_id,
        by=view.person,
        **given,
        now=wiring.clock(),
        day=wiring.day(),
        public_url=settings.PUBLIC_URL,
    )
    bells.notices_soon()
    ring()
    return answer(plan_id, person=view.person)


class Comments(ApiView):
    @extend_schema(
        operation_id="plans_comment",
        tags=["plans"],
        request=forms.NewCommentSerializer,
        responses={201: forms.CommentSerializer},
    )
    def post(self, request: Request, plan_id: int) -> Response:
        """Comment on a plan that I see and have a role for. It voids nothing that was signed."""
        given = body(request, forms.NewCommentSerializer)
        queries.get(plan_id=plan_id, person=self.person)
        said = comments.add(
            plan_id=plan_id,
            by=self.person,
            text=given["text"],
            now=wiring.clock(),
            public_url=settings.PUBLIC_URL,
        )
        bells.notices_soon()
        return Response(forms.CommentSerializer(said).data, status=201)
