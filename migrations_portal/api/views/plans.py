"""Writing, submitting and reading plans. What is done to a submitted plan stands in `views.chain`."""

from typing import Any
from urllib.parse import urlencode

from django.conf import settings
from django.db.models import Prefetch
from django.urls import reverse
from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from migrations_portal import wiring
from migrations_portal.api.presenters import plans as presenter
from migrations_portal.api.serializers import plans as forms
from migrations_portal.api.views.base import ApiView, body, parameters
from migrations_portal.approvals import services as approvals
from migrations_portal.people.models import Person
from migrations_portal.plans import queries, services
from migrations_portal.plans.commit import Commit, commit
from migrations_portal.plans.models import MigrationPlan, PlanRevision
from migrations_portal.plans.rules import Documentation
from migrations_portal.targets import queries as target_queries
from migrations_portal.tasks import bells


def answer(plan_id: int, *, person: Person, status: int = 200) -> Response:
    """Return the plan as it is now."""
    plan = queries.get(plan_id=plan_id, person=person)
    told = presenter.whole(plan, person=person, now=wiring.clock(), day=wiring.day())
    return Response(forms.PlanSerializer(told).data, status=status)


class Plans(ApiView):
    @extend_schema(
        operation_id="plans_list",
        tags=["plans"],
        parameters=[forms.PlanQuery],
        responses=forms.PlanPageSerializer,
    )
    def get(self, request: Request) -> Response:
        """List the plans on targets for which I hold a role, the newest first."""
        wanted = parameters(request, forms.PlanQuery)
        revisions = Prefetch("revisions", queryset=PlanRevision.objects.defer("content"))
        rows = queries.visible(person=self.person).prefetch_related(revisions)
        if "before" in wanted:
            rows = rows.filter(pk__lt=wanted["before"])
        if "status" in wanted:
            rows = rows.filter(status=wanted["status"])
        if "target" in wanted:
            rows = rows.filter(target__name=wanted["target"])
        if wanted["mine"]:
            rows = rows.filter(author=self.person)
        found = list(rows[: wanted["limit"] + 1])
        page = found[: wanted["limit"]]
        told = {
            "plans": [presenter.line(plan, revision=_newest(plan)) for plan in page],
            "next": older(request, page[-1].pk) if len(found) > len(page) else None,
        }
        return Response(forms.PlanPageSerializer(told).data)

    @extend_schema(
        operation_id="plans_create",
        tags=["plans"],
        request=forms.NewPlanSerializer,
        responses={201: forms.PlanSerializer},
    )
    def post(self, request: Request) -> Response:
        """Open a draft. I need the role of an engineer for the target."""
        given, person = body(request, forms.NewPlanSerializer), self.person
        target = (
            target_queries.visible_targets(person=person)
            .select_related("group")
            .filter(name=given["target"])
            .first()
        )
        if target is None:
            raise ValidationError({"target": "There is no target of this name that you may see."})
        plan = services.create(title=given["title"], target=target, by=person, now=wiring.clock())
        made = answer(plan.pk, person=person, status=201)
        made["Location"] = reverse("api-plan", args=[plan.pk])
        return made


class Plan(ApiView):
    @extend_schema(operation_id="plans_read", tags=["plans"], responses=forms.PlanSerializer)
    def get(self, request: Request, plan_id: int) -> Response:
        """Read one plan: everything that its page shows."""
        return answer(plan_id, person=self.person)

    @extend_schema(
        operation_id="plans_change",
        tags=["plans"],
        request=forms.PlanChangeSerializer,
        responses=forms.PlanSerializer,
    )
    def patch(self, request: Request, plan_id: int) -> Response:
        """Change a draft of mine. What is not sent stays as it is."""
        given, person = body(request, forms.PlanChangeSerializer), self.person
        plan = queries.get(plan_id=plan_id, person=person)
        if plan.version != given["version"]:
            # What is not sent is filled in from this row, so it has to be the version that the caller knows.
            raise services.EditedMeanwhile
        services.edit(
            plan_id=plan_id,
            by=person,
            title=given.get("title", plan.title),
            scheduled_for=given.get("scheduled_for", plan.scheduled_for),
            documentation=Documentation(
                **{**vars(plan.documentation), **given.get("documentation", {})}
            ),
            checks=_checks(plan, given),
            version=given["version"],
            now=wiring.clock(),
            commit=_commit(given),
        )
        return answer(plan_id, person=person)


class Submission(ApiView):
    @extend_schema(
        operation_id="plans_submit", tags=["plans"], request=None, responses=forms.PlanSerializer
    )
    def post(self, request: Request, plan_id: int) -> Response:
        """Submit a draft of mine: its content is frozen, and the first signers get their mail."""
        queries.get(plan_id=plan_id, person=self.person)
        approvals.submit(
            plan_id=plan_id,
            by=self.person,
            now=wiring.clock(),
            day=wiring.day(),
            public_url=settings.PUBLIC_URL,
        )
        bells.notices_soon()
        return answer(plan_id, person=self.person)


def older(request: Request, before: int) -> str:
    """Return the address of the next page, with the same filters."""
    wanted = {**request.query_params.dict(), "before": before}
    return f"{request.path}?{urlencode(wanted)}"


def _newest(plan: MigrationPlan) -> PlanRevision | None:
    return next((each for each in plan.revisions.all() if each.number == plan.revision), None)


def _commit(given: dict[str, Any]) -> Commit | None:
    if "commit" not in given:
        return None
    return commit(sha=given["commit"]["sha"], authors="\n".join(given["commit"]["authors"]))


def _checks(plan: MigrationPlan, given: dict[str, Any]) -> list[services.Check]:
    if "checks" in given:
        return [services.Check(**each) for each in given["checks"]]
    return [
        services.Check(name=each.name, sql=each.sql, expected=each.expected)
        for each in plan.checks.order_by("position")
    ]
