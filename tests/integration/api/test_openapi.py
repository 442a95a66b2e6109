from pathlib import Path

import yaml
from django.test import Client
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.renderers import OpenApiYamlRenderer
from drf_spectacular.validation import validate_schema

from migrations_portal.api.schema import REGENERATE
from migrations_portal.approvals.models import Seat
from tests.factories.plans import submitted

KEPT = Path(__file__).resolve().parents[3] / "docs" / "reference" / "openapi.yaml"
OPERATIONS = {
    "get /api/v1/plans/",
    "post /api/v1/plans/",
    "get /api/v1/plans/{plan_id}/",
    "patch /api/v1/plans/{plan_id}/",
    "post /api/v1/plans/{plan_id}/files/",
    "get /api/v1/plans/{plan_id}/files/{name}/",
    "delete /api/v1/plans/{plan_id}/files/{name}/",
    "post /api/v1/plans/{plan_id}/submit/",
    "post /api/v1/plans/{plan_id}/withdraw/",
    "post /api/v1/plans/{plan_id}/revise/",
    "post /api/v1/plans/{plan_id}/cancel/",
    "post /api/v1/plans/{plan_id}/postpone/",
    "post /api/v1/plans/{plan_id}/emergency/",
    "get /api/v1/delegations/",
    "post /api/v1/delegations/",
    "post /api/v1/delegations/{delegation_id}/end/",
    "post /api/v1/plans/{plan_id}/comments/",
    "post /api/v1/plans/{plan_id}/seats/{seat_id}/again/",
    "post /api/v1/plans/{plan_id}/seats/{seat_id}/decision/",
    "post /api/v1/plans/{plan_id}/assess/",
    "get /api/v1/rules/",
    "get /api/v1/rules/{rule_id}/",
    "get /api/v1/targets/{target}/phi/",
    "post /api/v1/targets/{target}/phi/",
    "delete /api/v1/targets/{target}/phi/",
    "get /api/v1/runs/",
    "get /api/v1/runs/{run_id}/",
    "get /api/v1/runs/{run_id}/lines/",
    "get /api/v1/runs/{run_id}/samples/",
    "get /api/v1/ledger/",
    "get /api/v1/tokens/",
    "post /api/v1/tokens/",
    "delete /api/v1/tokens/{token_id}/",
}
"""Everything that a token can do. Signing and deciding are missing on purpose: they need a person in front of a page."""


def described():
    return SchemaGenerator().get_schema(request=None, public=True)


def test_the_kept_document_describes_the_api_as_it_is():
    fresh = OpenApiYamlRenderer().render(described(), renderer_context={}).decode()

    assert fresh == KEPT.read_text(encoding="utf-8"), f"It is stale. Run: {REGENERATE}"


def test_the_document_is_valid_and_every_operation_may_answer_with_a_problem():
    validate_schema(described())

    for path in described()["paths"].values():
        for operation in path.values():
            assert "application/problem+json" in operation["responses"]["default"]["content"]


def test_the_api_has_exactly_these_operations():
    found = {
        f"{method} {path}"
        for path, operations in described()["paths"].items()
        for method in operations
    }

    assert found == OPERATIONS


def test_the_document_is_served_to_those_who_may_call(program):
    ana = program("ana")

    answer = ana.client.get("/api/v1/schema/", headers=ana.headers)

    assert yaml.safe_load(answer.content)["info"]["title"] == "White Cross Ops"
    as_json = ana.client.get(
        "/api/v1/schema/", headers={**ana.headers, "Accept": "application/json"}
    )
    assert as_json.json()["openapi"].startswith("3.")


def test_dans_token_opens_no_page_and_signs_nothing(program, cast, production):
    submitted(by=cast["ana"], target=production)
    seat = Seat.objects.select_related("revision").get(stage="REVIEW", role="DBA")
    dan = program("dan")
    signature = {"decision": "APPROVE", "reason": "Read it", "digest": seat.revision.digest}

    answer = Client().post(f"/sign-off/{seat.pk}/", signature, headers=dan.headers)

    assert answer.status_code == 302
    assert answer["Location"].startswith("/sign-in/")
    seat.refresh_from_db()
    assert not seat.decision
