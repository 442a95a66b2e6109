"""Whether the web server lives, and whether it can work."""

from django.contrib.auth.decorators import login_not_required
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_GET


@login_not_required
@require_GET
def live(_request: HttpRequest) -> HttpResponse:
    """Answer without touching anything."""
    return HttpResponse("live\n", content_type="text/plain")


@login_not_required
@require_GET
def ready(_request: HttpRequest) -> HttpResponse:
    """Answer 200 when the portal's database is there and migrated, 503 when it is behind."""
    executor = MigrationExecutor(connection)
    if executor.migration_plan(executor.loader.graph.leaf_nodes()):
        return HttpResponse("the database is not migrated\n", status=503, content_type="text/plain")
    return HttpResponse("ready\n", content_type="text/plain")
