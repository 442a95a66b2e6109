"""`python -m migrations_portal.risk FILE…`: the assessment without Django, settings or a database."""

from __future__ import annotations

import argparse
import sys

from migrations_portal.risk.command_line import (
    OPTIONS,
    UNUSABLE,
    InputUnusable,
    add_arguments,
    run,
)


def main(arguments: list[str] | None = None, *, program: str = "assess") -> int:
    """Assess the files named on the command line; returns the exit code."""
    parser = _parser(program)
    try:
        return run(parser.parse_args(arguments), out=sys.stdout, colour=sys.stdout.isatty())
    except InputUnusable as refused:
        sys.stderr.write(f"{refused.sentence}\n")
        return UNUSABLE


def _parser(program: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=program, description="Say how risky a migration is, and why."
    )
    add_arguments(parser)
    return parser


def understands(arguments: list[str]) -> bool:
    """Whether these are arguments of the assessment alone.

    A target is not, for its catalogue is read through the portal; nor is help, or what Django gives every command.
    """
    said = {word.partition("=")[0] for word in arguments if word.startswith("-") and word != "-"}
    return said <= OPTIONS


if __name__ == "__main__":
    sys.exit(main())
