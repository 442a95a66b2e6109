"""Where the pages hang."""

from django.urls import URLPattern

urlpatterns: list[URLPattern] = []
