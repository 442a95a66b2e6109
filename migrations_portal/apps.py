"""The one Django app of the portal."""

from django.apps import AppConfig


class MigrationsPortalConfig(AppConfig):
    name = "migrations_portal"
    verbose_name = "White Cross Ops"

    def ready(self) -> None:
        """Register the checks of settings."""
        from migrations_portal.tasks import broker_checks  # noqa: F401, PLC0415  # as below
        from migrations_portal.web import deploy_checks  # noqa: F401, PLC0415  # Django is ready only now
