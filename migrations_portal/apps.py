"""The one Django app of the portal."""

from django.apps import AppConfig


class MigrationsPortalConfig(AppConfig):
    name = "migrations_portal"
    verbose_name = "White Cross Ops"

    def ready(self) -> None:
        """Register the checks of settings, and what begins with a session."""
        from migrations_portal.tasks import broker_checks  # noqa: F401, PLC0415  # as below
        from migrations_portal.web import deploy_checks, idle  # noqa: F401, PLC0415  # Django is ready only now

        idle.begin_at_sign_in()
