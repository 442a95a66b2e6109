"""Where the API hangs."""

from django.urls import URLPattern

urlpatterns: list[URLPattern] = []
