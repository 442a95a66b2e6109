"""The entry for the web server (uvicorn)."""

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "whitecross_ops.settings")

application = get_asgi_application()
