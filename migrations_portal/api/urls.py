"""Where the API hangs. There is no address for signing: a signature is given by a person on the page (design section 13)."""

from django.urls import path, re_path

from migrations_portal.api.views import files, ledger, nowhere, plans, risk, runs, schema, tokens

urlpatterns = [
    path("plans/", plans.Plans.as_view(), name="api-plans"),
    path("plans/<int:plan_id>/", plans.Plan.as_view(), name="api-plan"),
    path("plans/<int:plan_id>/files/", files.Files.as_view(), name="api-plan-files"),
    path("plans/<int:plan_id>/files/<str:name>/", files.File.as_view(), name="api-plan-file"),
    path("plans/<int:plan_id>/submit/", plans.Submission.as_view(), name="api-plan-submit"),
    path("plans/<int:plan_id>/withdraw/", plans.Withdrawal.as_view(), name="api-plan-withdraw"),
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
