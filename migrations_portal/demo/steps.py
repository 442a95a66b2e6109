"""What is prepared before the demo's programs start, as processes beside each other: each step names what it comes after."""

import os
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from migrations_portal.demo.console import Console
from migrations_portal.demo.processes import Account, Child
from migrations_portal.kernel.errors import Trouble

GLANCE_SECONDS = 0.05


class StepDidNotSucceed(Trouble):
    """A step of the demo's preparation failed; the sentence has the end of its output."""

    code = "step-did-not-succeed"


@dataclass(frozen=True)
class Step:
    """One command that must end with exit code 0. Doing it again must be harmless."""

    name: str
    """Also the name of its log."""
    command: Sequence[str | Path]
    done: str
    """What is so when it is done."""
    after: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)


@dataclass
class Preparation:
    """Runs steps side by side, each as soon as those before it are done. Ends all of them when one fails, or on request."""

    steps: Sequence[Step]
    data: Path
    folder: Path
    """Where the commands run."""
    account: Account
    console: Console
    _running: dict[str, Child] = field(default_factory=dict, init=False)
    _done: set[str] = field(default_factory=set, init=False)

    def run(self, *, given_up: Callable[[], bool]) -> bool:
        """Do all steps and say True, or False when `given_up` turned true meanwhile; raise `StepDidNotSucceed`."""
        try:
            while len(self._done) < len(self.steps):
                if given_up():
                    return False
                for step in self.steps:
                    self._move(step)
                time.sleep(GLANCE_SECONDS)
        finally:
            for child in self._running.values():
                _end_with_children(child)
        return True

    def _move(self, step: Step) -> None:
        """Start the step when its time has come, or see whether it has ended."""
        if step.name in self._done:
            return
        child = self._running.get(step.name)
        if child is None:
            if self._done.issuperset(step.after):
                self._start(step)
            return
        if child.running:
            return
        del self._running[step.name]
        child.stop()  # takes its record away
        if child.exit_code != 0:
            raise StepDidNotSucceed(f"The step `{step.name}` failed:\n{child.tail()}")
        self._done.add(step.name)
        self.console.say(step.name, step.done)

    def _start(self, step: Step) -> None:
        child = Child(
            name=step.name,
            log=self.data / "logs" / f"{step.name}.log",
            record=self.data / "run" / f"{step.name}.pid",
            account=self.account,
        )
        child.end_leftover()
        child.log.unlink(missing_ok=True)
        child.start(step.command, environment=step.environment, folder=self.folder)
        self._running[step.name] = child


def _end_with_children(child: Child) -> None:
    """Kill a step with what it has started (npm, sequelize-cli). Half made things are begun anew the next time."""
    if child.process is not None and child.running:
        os.killpg(child.process.pid, signal.SIGKILL)
        child.process.wait()
    child.stop()
