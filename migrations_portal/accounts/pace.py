"""How often something was tried, counted by PostgreSQL for all web processes together (ADR 0013).

Not in Redis: signing in and deciding work while Redis is down (X14). The table is unlogged, so after a crash of the server the
counting begins anew; what counts for anything else stands elsewhere.
"""

import hashlib

from django.db import connection
from django.db.models import F

from migrations_portal.accounts.models import Pace

_COUNT = """
WITH gone AS (
  DELETE FROM accounts_pace WHERE key IN (
    SELECT key FROM accounts_pace WHERE ends_at < clock_timestamp() - interval '1 hour' AND key <> %(key)s
     ORDER BY ends_at LIMIT 10 FOR UPDATE SKIP LOCKED)
)
INSERT INTO accounts_pace AS row (key, counted, ends_at)
VALUES (%(key)s, 1, clock_timestamp() + make_interval(secs => %(seconds)s))
ON CONFLICT (key) DO UPDATE SET
  counted = CASE WHEN row.ends_at <= clock_timestamp() THEN 1 ELSE row.counted + 1 END,
  ends_at = CASE WHEN row.ends_at <= clock_timestamp() THEN EXCLUDED.ends_at ELSE row.ends_at END
RETURNING counted
"""
"""One statement, so that two who try at once are counted as two. Rows of long ago go on the way."""


def count(what: str, *, who: str, seconds: int) -> int:
    """Count one more try of `who` at `what`; return how many there were since the first of these `seconds`."""
    with connection.cursor() as cursor:
        cursor.execute(_COUNT, {"key": _key(what, who), "seconds": seconds})
        (counted,) = cursor.fetchone() or (1,)
    return int(counted)


def forget(what: str, *, who: str) -> None:
    """Begin anew for `who`."""
    Pace.objects.filter(key=_key(what, who)).delete()


def give_back(what: str, *, who: str) -> None:
    """Take back one try that was counted."""
    Pace.objects.filter(key=_key(what, who), counted__gt=0).update(counted=F("counted") - 1)


def _key(what: str, who: str) -> str:
    return f"{what}-{hashlib.sha256(who.encode()).hexdigest()}"
