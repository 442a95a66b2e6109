"""The one Django app of the portal."""

from django.apps import AppConfig


class MigrationsPortalConfig(AppConfig):
    name = "migrations_portal"
    verbose_name = "White Cross Ops"

    def ready(self) -> None:
        """Register the deployment checks."""
        from migrations_portal.web import deploy_checks  # noqa: F401, PLC0415  # Django is ready only now
