"""The one Django app of the portal."""

from django.apps import AppConfig


class MigrationsPortalConfig(AppConfig):
    name = "migrations_portal"
    verbose_name = "White Cross Ops"
