"""One call of a migration tool: a socket door, a sandbox, and what both saw, joined into a `ChildResult`.

The steps of a call:

1. make a folder for the call; open the door in it;
2. start the tool in the sandbox, with the door as its only way out;
3. tell output lines and statements as they come, in the caller's thread;
4. end the sandbox (at its end, at the time limit, or when a listener raises) until nothing of it lives;
5. close the door, which cancels what still runs and waits for the server's last word;
6. return the facts.

Knows no particular tool and never tries twice.
"""

import queue
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp

from migrations_portal.adapters.log_cleaning import OutputLog
from migrations_portal.adapters.sandbox import Job, Mount, Sandbox, SandboxedProcess
from migrations_portal.adapters.socket_door import SocketDoor
from migrations_portal.adapters.socket_door_upstream import Transport
from migrations_portal.execution.ports import (
    ChildResult,
    DriverMissing,
    SentStatement,
    SessionLimits,
)
from migrations_portal.execution.reins import current
from migrations_portal.targets.ports import Endpoint

DOOR = "/door"
"""The folder of the socket inside the sandbox: the tool's PGHOST."""
NOT_STARTED = ("bwrap: ", "setpriv: ")
"""How the output of a sandbox begins that came apart before the command began."""

MOST_STATEMENTS = 5_000
"""Statements kept in the result; the middle of a longer list is left out."""


def nothing(_: object) -> None:
    """Listen to nothing."""


@dataclass(frozen=True)
class Listeners:
    """Who is told what happens during a call, in the caller's thread."""

    on_output: Callable[[str], None]
    on_statement: Callable[[SentStatement], None]


@dataclass(frozen=True)
class _End:
    """The sandbox's output has ended."""

    output: str


_Event = str | SentStatement | _End


class Statements:
    """Keeps the first and the last statements."""

    def __init__(self) -> None:
        self._first: list[SentStatement] = []
        self._last: deque[SentStatement] = deque(maxlen=MOST_STATEMENTS // 5)
        self._seen = 0

    def add(self, sent: SentStatement) -> None:
        self._seen += 1
        if len(self._first) < MOST_STATEMENTS - MOST_STATEMENTS // 5:
            self._first.append(sent)
        else:
            self._last.append(sent)

    def kept(self) -> tuple[SentStatement, ...]:
        return (*self._first, *self._last)

    def left_out(self) -> int:
        return self._seen - len(self._first) - len(self._last)


@contextmanager
def call_folder(scratch: Path) -> Iterator[Path]:
    """Make a folder that only we can enter, for one call, and remove it afterwards."""
    scratch.mkdir(parents=True, exist_ok=True)
    folder = Path(mkdtemp(prefix="call-", dir=scratch))
    try:
        yield folder
    finally:
        rmtree(folder)


class ToolCall:
    """One call of a tool on one target."""

    def __init__(
        self,
        *,
        sandbox: Sandbox,
        endpoint: Endpoint,
        limits: SessionLimits,
        transport: Transport,
        bookkeeping: str,
    ) -> None:
        """Take where it happens; `bookkeeping` is the tool's history table, whose changes are not the file's."""
        self._sandbox = sandbox
        self._endpoint = endpoint
        self._limits = limits
        self._transport = transport
        self._bookkeeping = bookkeeping
        self._events: queue.SimpleQueue[_Event] = queue.SimpleQueue()
        self._statements = Statements()

    def run(self, job: Job, *, folder: Path, listeners: Listeners) -> ChildResult:
        """Run the job; raises `DriverMissing`, `DoorStuck`, and what a listener raises."""
        started = time.monotonic()
        with self._door(folder) as door:
            process = self._sandbox.start(_with_door(job, folder))
            child = _Child(process, door)
            output, timed_out = "", False
            try:
                with current().attached(child):
                    output, timed_out = self._follow(process, listeners)
            finally:
                process.kill()
                exit_code = process.end()
        if exit_code and output.startswith(NOT_STARTED) and not door.committed:
            raise DriverMissing(
                f"The sandbox did not start ({output.splitlines()[0]}), so nothing ran. Look at the worker's limits of "
                "processes and user namespaces."
            )
        while not self._events.empty():  # what the door learned last
            self._tell(self._events.get(), listeners)
        return ChildResult(
            exit_code=exit_code,
            output="\n".join([output, *(f"[door] {trouble}" for trouble in door.troubles)]).strip(),
            seconds=time.monotonic() - started,
            statements=self._statements.kept(),
            committed_writes=door.committed,
            sqlstate=door.sqlstate,
            outcome_unknown=door.unknown,
            timed_out=timed_out,
            stopped=child.stopped,
            rows_committed=door.rows_committed,
            rows_tried=door.rows_tried,
            statements_left_out=self._statements.left_out(),
        )

    def _door(self, folder: Path) -> SocketDoor:
        socket_folder = folder / "door"
        socket_folder.mkdir(mode=0o755)
        return SocketDoor(
            folder=socket_folder,
            endpoint=self._endpoint,
            limits=self._limits,
            on_statement=self._events.put,
            bookkeeping=self._bookkeeping,
            transport=self._transport,
        )

    def _follow(self, process: SandboxedProcess, listeners: Listeners) -> tuple[str, bool]:
        """Tell events until the output ends; kill at the time limit. Returns the output, and whether it was killed."""
        reader = threading.Thread(target=self._read, args=(process,), name="output", daemon=True)
        reader.start()
        deadline = time.monotonic() + self._limits.wall_clock_ms / 1000
        timed_out = False  # after the kill the output ends by itself
        try:
            while True:
                try:
                    left = None if timed_out else max(0.0, deadline - time.monotonic())
                    event = self._events.get(timeout=left)
                except queue.Empty:
                    timed_out = True
                    process.kill()
                    continue
                if isinstance(event, _End):
                    return event.output, timed_out
                self._tell(event, listeners)
        finally:
            process.kill()
            reader.join()

    def _read(self, process: SandboxedProcess) -> None:
        log = OutputLog(on_line=self._events.put)
        while data := process.read():
            log.feed(data)
        self._events.put(_End(log.close()))

    def _tell(self, event: _Event, listeners: Listeners) -> None:
        if isinstance(event, SentStatement):
            self._statements.add(event)
            listeners.on_statement(event)
        elif isinstance(event, str):
            listeners.on_output(event)


class _Child:
    """A sandbox with its door, as the reins of a run know it."""

    def __init__(self, process: SandboxedProcess, door: SocketDoor) -> None:
        self._process = process
        self._door = door
        self.stopped = False
        self.pause, self.resume = door.pause, door.resume

    def stop(self) -> None:
        """Shut the door first, so that nothing that is on its way passes; then end every process."""
        self.stopped = True
        self._door.stop()
        self._process.kill()


def _with_door(job: Job, folder: Path) -> Job:
    return Job(
        command=job.command,
        mounts=(*job.mounts, Mount(folder / "door", DOOR)),
        environment=job.environment,
        folder=job.folder,
        cpu_seconds=job.cpu_seconds,
    )
