"""`python -m migrations_portal.risk FILE…`: the assessment without Django, settings or a database."""

from __future__ import annotations

import argparse
import sys

from migrations_portal.risk.command_line import UNUSABLE, InputUnusable, add_arguments, run


def main(arguments: list[str] | None = None) -> int:
    """Assess the files named on the command line; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="assess", description="Say how risky a migration is, and why."
    )
    add_arguments(parser)
    try:
        return run(parser.parse_args(arguments), out=sys.stdout, colour=sys.stdout.isatty())
    except InputUnusable as refused:
        sys.stderr.write(f"{refused.sentence}\n")
        return UNUSABLE


if __name__ == "__main__":
    sys.exit(main())
