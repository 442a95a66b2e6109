"""Where the pages hang."""

from django.contrib.auth.views import LogoutView
from django.urls import path

from migrations_portal.web.views import (
    demo,
    drafts,
    health,
    incidents,
    ledger,
    my_turn,
    parts,
    plans,
    runs,
    sign_off,
)

urlpatterns = [
    path("", my_turn.my_turn, name="my-turn"),
    path("sign-in/", demo.SignIn.as_view(), name="login"),
    path("sign-out/", LogoutView.as_view(), name="logout"),
    path("plans/", plans.plan_list, name="plans"),
    path("plans/new/", drafts.new, name="plan-new"),
    path("plans/<int:plan_id>/", plans.plan, name="plan"),
    path("plans/<int:plan_id>/edit/", drafts.edit, name="plan-edit"),
    path("plans/<int:plan_id>/withdraw/", plans.withdraw, name="plan-withdraw"),
    path("plans/<int:plan_id>/checklist/<slug:key>/", plans.tick, name="plan-tick"),
    path("s/<str:token>/", sign_off.open_link, name="sign-off-link"),
    path("sign-off/<int:seat_id>/", sign_off.sign_off, name="sign-off"),
    path("runs/", runs.run_list, name="runs"),
    path("runs/<int:run_id>/", runs.run, name="run"),
    path("runs/<int:run_id>/live/", runs.live, name="run-live"),
    path("runs/<int:run_id>/decide/", runs.decide, name="run-decide"),
    path("incidents/", incidents.incident_list, name="incidents"),
    path("incidents/<int:incident_id>/", incidents.incident, name="incident"),
    path("incidents/<int:incident_id>/take/", incidents.take, name="incident-take"),
    path("incidents/<int:incident_id>/close/", incidents.close, name="incident-close"),
    path("audit/", ledger.ledger, name="ledger"),
    path("audit/export/", ledger.download, name="ledger-export"),
    path("audit/<int:seq>/", ledger.entry, name="ledger-entry"),
    path("demo/inbox/", demo.mails, name="demo-inbox"),
    path("demo/inbox/<str:name>/", demo.mail, name="demo-mail"),
    path("demo/inbox/<str:name>/body/", demo.mail_body, name="demo-mail-body"),
    path("demo/chat/", demo.chat, name="demo-chat"),
    path("demo/chat/hook/", demo.chat_hook, name="demo-chat-hook"),
    path("demo/be/<int:person_id>/", demo.be, name="demo-be"),
    path("-/parts", parts.parts, name="parts"),
    path("-/live", health.live, name="live"),
    path("-/ready", health.ready, name="ready"),
]
