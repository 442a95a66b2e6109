"""A worker that a test may kill: carries out one rehearsal in a process of its own. `python -m tests…worker ID`."""

import os
import sys

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "whitecross_ops.settings")
django.setup()

from migrations_portal import wiring  # noqa: E402  # after the set-up
from migrations_portal.runbooks import rehearsal  # noqa: E402

if __name__ == "__main__":
    rehearsal.execute(
        rehearsal_id=int(sys.argv[1]), worker="killed", tools=wiring.tools(), clock=wiring.clock
    )
