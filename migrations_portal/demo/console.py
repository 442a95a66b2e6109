"""What the demo says in the terminal."""

import sys
import textwrap
import time


class Console:
    """Writes one line per event, with the seconds since the start. A terminal that is gone is no reason to stop."""

    def __init__(self) -> None:
        """Begin to count."""
        self._begun = time.monotonic()

    def say(self, what: str, sentence: str) -> None:
        """Write who or what, and what happened."""
        self.write(f"{time.monotonic() - self._begun:7.1f} s  {what:<12} {sentence}")

    def write(self, text: str) -> None:
        """Write the text as it is."""
        try:
            sys.stdout.write(f"{text}\n")
            sys.stdout.flush()
        except OSError:  # the terminal was closed: the demo ends by its SIGHUP, not by this
            sys.stdout = sys.stderr = open("/dev/null", "w", encoding="utf-8")  # noqa: PTH123, SIM115

    def show_log(self, tail: str) -> None:
        """Write the end of a log, indented."""
        self.write(textwrap.indent(tail or "(the log is empty)", "           | "))
