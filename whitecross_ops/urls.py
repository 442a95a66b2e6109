"""Where the doors hang: pages, API, health."""

from django.urls import include, path

urlpatterns = [
    path("", include("migrations_portal.web.urls")),
    path("api/v1/", include("migrations_portal.api.urls")),
]
