"""Where the pages hang."""

from django.contrib.auth.views import LoginView, LogoutView
from django.urls import path

from migrations_portal.web.views import health, ledger, my_turn, plans, sign_off

urlpatterns = [
    path("", my_turn.my_turn, name="my-turn"),
    path("sign-in/", LoginView.as_view(redirect_authenticated_user=True), name="login"),
    path("sign-out/", LogoutView.as_view(), name="logout"),
    path("plans/", plans.plan_list, name="plans"),
    path("s/<str:token>/", sign_off.open_link, name="sign-off-link"),
    path("sign-off/<int:seat_id>/", sign_off.sign_off, name="sign-off"),
    path("audit/", ledger.ledger, name="ledger"),
    path("audit/export/", ledger.download, name="ledger-export"),
    path("-/live", health.live, name="live"),
    path("-/ready", health.ready, name="ready"),
]
