"""What plans ask of the outside: whether a text is a script at all."""

from typing import Protocol


class ScriptChecker(Protocol):
    """Reads a file without running it."""

    def check(self, *, name: str, text: str) -> None:
        """Raise `plans.rules.FileRefused`, with line and reason, when the text is no JavaScript, SQL or Alembic revision."""
        ...
