#!/usr/bin/env python
"""Django's command line for White Cross Ops; `manage.py demo` starts the whole product on this machine."""

import os
import sys


def main() -> None:
    """Run the command named on the command line.

    The demo comes first: it makes the environment that the settings need. An assessment of files needs none of it.
    """
    if sys.argv[1:2] == ["demo"]:
        from migrations_portal.demo.supervisor import main as demo  # noqa: PLC0415

        sys.exit(demo(sys.argv[2:]))
    if sys.argv[1:2] == ["assess"]:
        from migrations_portal.risk.__main__ import main as assess  # noqa: PLC0415
        from migrations_portal.risk.__main__ import understands  # noqa: PLC0415

        if understands(sys.argv[2:]):
            sys.exit(assess(sys.argv[2:], program="manage.py assess"))
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "whitecross_ops.settings")
    from django.core.management import execute_from_command_line  # noqa: PLC0415

    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
