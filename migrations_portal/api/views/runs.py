"""Watching runs."""

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from migrations_portal import wiring
from migrations_portal.api.presenters import runs as presenter
from migrations_portal.api.serializers import runs as forms
from migrations_portal.api.serializers.pages import AfterQuery
from migrations_portal.api.views.base import ApiView, parameters
from migrations_portal.api.views.plans import older
from migrations_portal.execution import queries

SAMPLES_AT_MOST = 600


class Runs(ApiView):
    @extend_schema(
        operation_id="runs_list",
        tags=["runs"],
        parameters=[forms.RunQuery],
        responses=forms.RunPageSerializer,
    )
    def get(self, request: Request) -> Response:
        """List the runs of plans that I may see, the newest first."""
        wanted = parameters(request, forms.RunQuery)
        rows = queries.visible(person=self.person).defer("schema_before", "schema_after")
        if "before" in wanted:
            rows = rows.filter(pk__lt=wanted["before"])
        if "plan" in wanted:
            rows = rows.filter(plan=wanted["plan"])
        if "status" in wanted:
            rows = rows.filter(status=wanted["status"])
        found = list(rows[: wanted["limit"] + 1])
        page = found[: wanted["limit"]]
        told = {
            "runs": [presenter.line(run) for run in page],
            "next": older(request, page[-1].pk) if len(found) > len(page) else None,
        }
        return Response(forms.RunPageSerializer(told).data)


class Run(ApiView):
    @extend_schema(operation_id="runs_read", tags=["runs"], responses=forms.RunSerializer)
    def get(self, request: Request, run_id: int) -> Response:
        """Read one run: steps, samples, checks, and what the target holds."""
        run = queries.get(run_id=run_id, person=self.person)
        return Response(
            forms.RunSerializer(presenter.whole(run, person=self.person, now=wiring.clock())).data
        )


class Log(ApiView):
    @extend_schema(
        operation_id="runs_lines",
        tags=["runs"],
        parameters=[AfterQuery],
        responses=forms.LogSerializer,
    )
    def get(self, request: Request, run_id: int) -> Response:
        """Read the log on from a line that I have."""
        after = parameters(request, AfterQuery)["after"]
        run = queries.get(run_id=run_id, person=self.person)
        lines = queries.lines_after(run=run, seq=after)
        last = lines[-1].seq if lines else after
        told = {"lines": lines, "last": last, "over": presenter.over(run) and not lines}
        return Response(forms.LogSerializer(told).data)


class Samples(ApiView):
    @extend_schema(
        operation_id="runs_samples",
        tags=["runs"],
        parameters=[AfterQuery],
        responses=forms.SamplesSerializer,
    )
    def get(self, request: Request, run_id: int) -> Response:
        """Read what was measured on the target, on from a sample that I have."""
        after = parameters(request, AfterQuery)["after"]
        run = queries.get(run_id=run_id, person=self.person)
        rows = list(run.samples.filter(pk__gt=after).order_by("pk")[:SAMPLES_AT_MOST])
        last = rows[-1].pk if rows else after
        told = {"samples": rows, "last": last, "over": presenter.over(run) and not rows}
        return Response(forms.SamplesSerializer(told).data)
