"""The assessment asked for again, the rules that it rests on, and what counts as PHI on a target."""

from django.http import Http404
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from migrations_portal import wiring
from migrations_portal.api.presenters import risk as presenter
from migrations_portal.api.serializers import plans as plan_forms
from migrations_portal.api.serializers import risk as forms
from migrations_portal.api.views.base import ApiView, body, parameters
from migrations_portal.api.views.plans import answer
from migrations_portal.plans import queries, reassessment
from migrations_portal.risk import RULES
from migrations_portal.risk.rule_examples import found
from migrations_portal.targets import queries as targets
from migrations_portal.targets import services
from migrations_portal.targets.models import Target
from migrations_portal.targets.rules import Tagged
from migrations_portal.tasks import bells


class Assessment(ApiView):
    @extend_schema(
        operation_id="plans_assess",
        tags=["plans"],
        request=None,
        responses={202: plan_forms.PlanSerializer},
    )
    def post(self, request: Request, plan_id: int) -> Response:
        """Ask for a new assessment of the same files, because what it rests on has changed. The answer comes later."""
        plan = queries.get(plan_id=plan_id, person=self.person)
        reassessment.assess_again(plan_id=plan_id, by=self.person, now=wiring.clock())
        bells.assess_soon(plan)
        return answer(plan_id, person=self.person, status=202)


class Rules(ApiView):
    @extend_schema(
        operation_id="rules_list",
        tags=["risk"],
        parameters=[forms.RuleQuery],
        responses=forms.RuleLineSerializer(many=True),
    )
    def get(self, request: Request) -> Response:
        """List the rules of the risk assessment, or those in which every word of `q` occurs."""
        wanted = parameters(request, forms.RuleQuery)
        rules = [each for each in found(wanted["q"]) if wanted["level"] in {"", each.level}]
        return Response(forms.RuleLineSerializer(map(presenter.rule_line, rules), many=True).data)


class Rule(ApiView):
    @extend_schema(operation_id="rules_read", tags=["risk"], responses=forms.RuleSerializer)
    def get(self, request: Request, rule_id: str) -> Response:
        """Return one rule with an example, what it does on each server version, and the safe form."""
        if rule_id not in RULES:
            raise Http404
        return Response(forms.RuleSerializer(presenter.rule(rule_id)).data)


class Phi(ApiView):
    @extend_schema(operation_id="phi_read", tags=["risk"], responses=forms.PhiSerializer)
    def get(self, request: Request, target: str) -> Response:
        """Return what counts as PHI on a target, and who said so."""
        return self._answer(self._target(target))

    @extend_schema(
        operation_id="phi_tag",
        tags=["risk"],
        request=forms.PhiTagsSerializer,
        responses=forms.PhiSerializer,
    )
    def post(self, request: Request, target: str) -> Response:
        """Tag tables and columns as PHI."""
        given = body(request, forms.PhiTagsSerializer)
        row = self._target(target)
        services.tag(
            target_id=row.pk,
            text="\n".join(given["names"]),
            by=self.person,
            reason=given["reason"],
            now=wiring.clock(),
        )
        return self._answer(row)

    @extend_schema(
        operation_id="phi_clear",
        tags=["risk"],
        parameters=[forms.PhiClearQuery],
        responses=forms.PhiSerializer,
    )
    def delete(self, request: Request, target: str) -> Response:
        """Say that a tagged table or column holds no PHI."""
        given = parameters(request, forms.PhiClearQuery)
        row = self._target(target)
        services.clear(
            target_id=row.pk,
            what=Tagged(given["table"], given["column"]),
            by=self.person,
            reason=given["reason"],
            now=wiring.clock(),
        )
        return self._answer(row)

    def _target(self, name: str) -> Target:
        found = targets.visible_targets(person=self.person).filter(name=name).first()
        if found is None:
            raise targets.TargetNotFound
        return found

    def _answer(self, target: Target) -> Response:
        return Response(forms.PhiSerializer(presenter.phi(target)).data)
