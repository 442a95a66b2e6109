"""Where Django looks for a backend's wrapper."""

from types import SimpleNamespace
from typing import Any

import psycopg
from django.db.backends.postgresql import base

from migrations_portal.adapters.silence import ListeningConnection


class DatabaseWrapper(base.DatabaseWrapper):
    """PostgreSQL, heard: no request and no worker waits for ever for a database that the network has swallowed."""

    Database: Any = SimpleNamespace(
        **{**vars(psycopg), "connect": ListeningConnection[Any].connect}
    )
    """psycopg itself, but for the class of its connections."""
