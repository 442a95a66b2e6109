"""Starts a program that dies with the process that started it (X6). Run as a script; imports nothing of ours.

`python -I -S die_with_parent.py PARENT_PID PROGRAM ARGUMENT…`

A `preexec_fn` would do the same inside `fork`, which is not safe in a process with threads. The death signal belongs
to the thread that started us, so that thread must outlive the program.
"""

import ctypes
import os
import signal
import sys
from collections.abc import Sequence

PR_SET_PDEATHSIG = 1
"""From `linux/prctl.h`."""
NOT_STARTED = 127
"""The exit code that shells use for a program that could not be started."""


def main(argv: Sequence[str]) -> int:
    """Become PROGRAM; return `NOT_STARTED` when that is not possible."""
    parent, program = int(argv[0]), argv[1]
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0) != 0:
        sys.stderr.write(f"prctl failed: {os.strerror(ctypes.get_errno())}\n")
        return NOT_STARTED
    if os.getppid() != parent:  # it died before we could ask for the signal
        return NOT_STARTED
    try:
        os.execv(program, list(argv[1:]))  # noqa: S606  # the list comes from an adapter, there is no shell
    except OSError as error:
        sys.stderr.write(f"could not start {program}: {error.strerror}\n")
        return NOT_STARTED


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
