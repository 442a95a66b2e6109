"""Where the API hangs. A token alone never signs: see `views.chain`."""

from django.urls import path, re_path

from migrations_portal.api.views import (
    chain,
    delegations,
    files,
    ledger,
    nowhere,
    plans,
    risk,
    runs,
    schema,
    tokens,
)

urlpatterns = [
    path("plans/", plans.Plans.as_view(), name="api-plans"),
    path("plans/<int:plan_id>/", plans.Plan.as_view(), name="api-plan"),
    path("plans/<int:plan_id>/files/", files.Files.as_view(), name="api-plan-files"),
    path("plans/<int:plan_id>/files/<str:name>/", files.File.as_view(), name="api-plan-file"),
    path("plans/<int:plan_id>/submit/", plans.Submission.as_view(), name="api-plan-submit"),
    path("plans/<int:plan_id>/withdraw/", chain.Withdrawal.as_view(), name="api-plan-withdraw"),
    path("plans/<int:plan_id>/revise/", chain.Revision.as_view(), name="api-plan-revise"),
    path("plans/<int:plan_id>/cancel/", chain.Cancellation.as_view(), name="api-plan-cancel"),
    path("plans/<int:plan_id>/postpone/", chain.Postponement.as_view(), name="api-plan-postpone"),
    path(
        "plans/<int:plan_id>/emergency/",
        chain.EmergencySubmission.as_view(),
        name="api-plan-emergency",
    ),
    path("delegations/", delegations.Delegations.as_view(), name="api-delegations"),
    path(
        "delegations/<int:delegation_id>/end/",
        delegations.DelegationEnd.as_view(),
        name="api-delegation-end",
    ),
    path("plans/<int:plan_id>/comments/", chain.Comments.as_view(), name="api-plan-comments"),
    path(
        "plans/<int:plan_id>/seats/<int:seat_id>/decision/",
        chain.SeatDecision.as_view(),
        name="api-seat-decision",
    ),
    path(
        "plans/<int:plan_id>/seats/<int:seat_id>/again/",
        chain.SeatAskedAgain.as_view(),
        name="api-plan-ask-again",
    ),
    path("plans/<int:plan_id>/assess/", risk.Assessment.as_view(), name="api-plan-assess"),
    path("rules/", risk.Rules.as_view(), name="api-rules"),
    path("rules/<slug:rule_id>/", risk.Rule.as_view(), name="api-rule"),
    path("targets/<str:target>/phi/", risk.Phi.as_view(), name="api-phi"),
    path("runs/", runs.Runs.as_view(), name="api-runs"),
    path("runs/<int:run_id>/", runs.Run.as_view(), name="api-run"),
    path("runs/<int:run_id>/lines/", runs.Log.as_view(), name="api-run-lines"),
    path("runs/<int:run_id>/samples/", runs.Samples.as_view(), name="api-run-samples"),
    path("ledger/", ledger.Ledger.as_view(), name="api-ledger"),
    path("tokens/", tokens.Tokens.as_view(), name="api-tokens"),
    path("tokens/<slug:token_id>/", tokens.Token.as_view(), name="api-token"),
    path("schema/", schema.Schema.as_view(), name="api-schema"),
    re_path("", nowhere.Nowhere.as_view(), name="api-nowhere"),
]
