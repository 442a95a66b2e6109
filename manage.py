#!/usr/bin/env python
"""Django's command line for White Cross Ops; `manage.py demo` starts the whole product on this machine."""

import os
import sys


def main() -> None:
    """Run the command named on the command line. The demo comes first: it makes the environment that the settings need."""
    if sys.argv[1:2] == ["demo"]:
        from migrations_portal.demo.supervisor import main as demo  # noqa: PLC0415

        sys.exit(demo(sys.argv[2:]))
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "whitecross_ops.settings")
    from django.core.management import execute_from_command_line  # noqa: PLC0415

    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
