"""A worker of its own that carries out one run and dies at a named place (or `nowhere`).

`python -m tests.chaos.victim RUN PLACE [restore]`.
"""

import os
import signal
import sys

import django


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def main() -> None:
    django.setup()
    from migrations_portal.kernel import failpoints
    from migrations_portal.tasks import runs

    number, place, *rest = sys.argv[1:]
    if place != "nowhere":
        failpoints.arm(place, _die)
    task = runs.restore if "restore" in rest else runs.execute
    task(run_id=int(number))


if __name__ == "__main__":
    main()
