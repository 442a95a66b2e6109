"""What is asked again while one page is made is remembered; when the page is done, it is forgotten.

Pages that read use it (`web.middleware.ReadingMiddleware`), so a role that is taken away is gone at the next request. A verb that
writes remembers within its own transaction only, from after it took the plan's lock until it ends: what it checks and whom it
invites rests on one reading, and PostgreSQL's guards look once more when it writes.
"""

from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TypeVar

T = TypeVar("T")
_memory: ContextVar[dict[Hashable, Any] | None] = ContextVar("memory", default=None)


@contextmanager
def remembering() -> Iterator[None]:
    """Remember answers until the block ends."""
    token = _memory.set({})
    try:
        yield
    finally:
        _memory.reset(token)


def remembered(key: Hashable, read: Callable[[], T]) -> T:
    """Return what `read` answers, asked once per key while remembering; asked each time otherwise."""
    memory = _memory.get()
    if memory is None:
        return read()
    if key not in memory:
        memory[key] = read()
    found: T = memory[key]
    return found


def known(key: Hashable) -> Any:
    """Return what is remembered under the key, None when nothing is."""
    return (_memory.get() or {}).get(key)
