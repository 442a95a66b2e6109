"""What one act writes is gathered and written in one statement when the act is done.

Only inside one transaction without savepoints that are caught: when the block ends by an error nothing is written, and the
transaction must end with it.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Generic, TypeVar

T = TypeVar("T")


class Gathering(Generic[T]):
    """Keeps items until the block ends; outside a block each is written at once."""

    def __init__(self, name: str, *, write: Callable[[list[T]], object]) -> None:
        """Take the function that writes any number of items, in order."""
        self._kept: ContextVar[list[T] | None] = ContextVar(name, default=None)
        self._write = write

    def take(self, item: T) -> None:
        """Keep the item, or write it when nothing is gathered now."""
        kept = self._kept.get()
        if kept is None:
            self._write([item])
        else:
            kept.append(item)

    @contextmanager
    def block(self) -> Iterator[None]:
        """Gather until the block ends, then write; a block within a block leaves that to the outer one."""
        if self._kept.get() is not None:
            yield
            return
        kept: list[T] = []
        token = self._kept.set(kept)
        try:
            yield
        finally:
            self._kept.reset(token)
        if kept:
            self._write(kept)
