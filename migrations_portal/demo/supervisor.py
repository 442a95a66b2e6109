"""`manage.py demo`: the whole product on this machine, in the foreground, until Ctrl-C.

It ends only what it has started, or what a killed demo left running on the same data folder. Everything listens on 127.0.0.1.
"""

import os
import signal
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

from migrations_portal.demo.cast import CAST
from migrations_portal.demo.console import Console
from migrations_portal.demo.customer.customer import PRODUCTION, PROJECT, STAGING, STAGING_SCALE
from migrations_portal.demo.data_folder import (
    STORY_FILE,
    check_reachable,
    clear,
    keep_port,
    sign_in_password,
)
from migrations_portal.demo.environment import (
    application_environment,
    make_roles,
    owner_environment,
)
from migrations_portal.demo.keys import Keys
from migrations_portal.demo.make_target import ADMIN_DSN, PASSWORD
from migrations_portal.demo.options import Options, check_nothing_real, choose_port, read_options
from migrations_portal.demo.processes import Account, Child, service_account
from migrations_portal.demo.programs import BackOff, Watched, portal_programs
from migrations_portal.demo.servers import Addresses, EmbeddedServers
from migrations_portal.demo.steps import Preparation, Step
from migrations_portal.kernel.errors import ProductError
from migrations_portal.people.rules import ROLES

ROOT = Path(__file__).resolve().parents[2]
DAY_SECONDS = 5
"""How long a T-day lasts in the demo: T-7 to T-0 in 35 seconds."""
INHERITED = ("PATH", "HOME", "USER", "LOGNAME", "LANG", "LC_ALL", "TMPDIR", "TERM")
"""All that the programs get of the caller's environment, so that they run alike everywhere."""
GLANCE_SECONDS = 0.2
PATIENCE_SECONDS = 60
STORY_STOP_SECONDS = 5
"""How long the writing of the first plans may take to end; what it leaves half written goes on as a draft."""


def main(arguments: list[str]) -> int:
    """Run the demo with these command line arguments; return the exit code."""
    console = Console()
    try:
        check_nothing_real(os.environ)
        options = read_options(arguments)
        if options.reset and clear(options.data):
            console.say("data", f"{options.data} was emptied")
        check_reachable(options.data)
        return Supervisor(options=options, console=console).run()
    except ProductError as error:
        sys.stderr.write(f"{error.sentence}\n")
        return 1


@dataclass
class Supervisor:
    """Starts everything, watches it, and ends it in reverse order."""

    options: Options
    console: Console
    _asked_to_end: bool = field(default=False, init=False)
    _story: Child | None = field(default=None, init=False)
    """Writes the first plans, beside the programs, so that the demo is ready without waiting for it; None once it has ended."""
    _watched: list[Watched] = field(default_factory=list, init=False)

    def run(self) -> int:
        """Run until a signal asks for the end; return 0. Raises what kept the servers or the preparation from succeeding."""
        for each in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(each, self._end)
        port, back_off = choose_port(self.options.port, data=self.options.data), BackOff()
        while not self._asked_to_end:
            begun = time.monotonic()
            self._run_once(port)
            self._pause(back_off.delay_after(seconds_alive=time.monotonic() - begun))
        return 0

    def _pause(self, seconds: float) -> None:
        until = time.monotonic() + seconds
        while not self._asked_to_end and time.monotonic() < until:
            time.sleep(GLANCE_SECONDS)

    def _end(self, number: int, _frame: FrameType | None) -> None:
        if not self._asked_to_end:
            self._asked_to_end = True
            self.console.say(
                "demo", f"ends on {signal.Signals(number).name}; a run under way gets half a minute"
            )

    def _run_once(self, port: int) -> None:
        """Start all, watch until the end is asked for or a server dies (they come back on other ports), end all."""
        data = self.options.data
        servers = EmbeddedServers(data)
        addresses = servers.start()
        try:
            self.console.say("servers", _places(addresses))
            keep_port(data, port)
            (data / "logs").chmod(0o700)
            keys = Keys.kept_in(data / "keys.json")
            environment = self._environment(addresses, keys, port)
            make_roles(addresses=addresses, keys=keys, data=data)
            if self._prepare(addresses, keys, environment):
                self._start_programs(environment, port)
                self._story = begin_story(data=data, environment=environment)
                self._watch(servers, port)
        finally:
            self._stop_programs()
            servers.stop()
            self.console.say("servers", "ended")

    def _environment(self, addresses: Addresses, keys: Keys, port: int) -> dict[str, str]:
        data = self.options.data
        inherited = {name: os.environ[name] for name in INHERITED if name in os.environ}
        programs_first = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
        return {
            **inherited,
            "PATH": programs_first,
            "PYTHONUNBUFFERED": "1",
            **application_environment(
                addresses=addresses,
                keys=keys,
                public_url=address(port),
                data=data,
                projects=data / "projects",
            ),
            "WCO_SLACK_WEBHOOK_URL": f"http://127.0.0.1:{port}/demo/chat/hook/",
            "WCO_DEMO_DIR": str(data),
            "WCO_DEMO_DAY_SECONDS": str(DAY_SECONDS),
        }

    def _prepare(self, addresses: Addresses, keys: Keys, environment: dict[str, str]) -> bool:
        steps = preparation_steps(
            self.options, addresses=addresses, keys=keys, environment=environment
        )
        preparation = Preparation(
            steps=steps,
            data=self.options.data,
            folder=ROOT,
            account=_ourselves(),
            console=self.console,
        )
        sign_in_password(self.options.data)
        return preparation.run(given_up=lambda: self._asked_to_end)

    def _start_programs(self, environment: Mapping[str, str], port: int) -> None:
        python, data = Path(sys.executable), self.options.data
        for program in portal_programs(python=python, port=port, data=data):
            watched = Watched(program, data, ROOT, _ourselves(), environment, self.console)
            watched.child.end_leftover()
            watched.start(now=time.monotonic())
            self._watched.append(watched)

    def _watch(self, servers: EmbeddedServers, port: int) -> None:
        announced, patient_until = False, time.monotonic() + PATIENCE_SECONDS
        while not self._asked_to_end:
            now = time.monotonic()
            for watched in self._watched:
                watched.look(now=now)
            if not announced and all(watched.answered for watched in self._watched):
                announced = True
                self._announce(port)
            if not announced and now > patient_until:
                patient_until = now + PATIENCE_SECONDS
                silent = [each.program.name for each in self._watched if not each.answered]
                self.console.say("demo", f"still waits for: {', '.join(silent)}")
            self._look_at_story()
            for child in servers.ended():
                self.console.say(child.name, "ended. All is started again. Its log ends:")
                self.console.show_log(child.tail())
                return
            time.sleep(GLANCE_SECONDS)

    def _look_at_story(self) -> None:
        """Say once how the writing of the first plans has ended; the demo goes on without them."""
        if self._story is None or self._story.running:
            return
        child, self._story = self._story, None
        child.stop()  # takes its record away
        if child.exit_code == 0:
            self.console.say(child.name, "plans wait for people")
        else:
            self.console.say(child.name, f"the first plans are not all written ({child.log}):")
            self.console.show_log(child.tail())

    def _stop_programs(self) -> None:
        if self._story is not None:
            self._story.stop(seconds=STORY_STOP_SECONDS)
            self._story = None
        while self._watched:
            watched = self._watched.pop()
            watched.stop()
            self.console.say(watched.program.name, "ended")

    def _announce(self, port: int) -> None:
        url, data = address(port), self.options.data
        rows = [(each.email, each.full_name, ROLES[each.role]) for each in CAST]
        people = "\n".join(
            f"  {email:<27}{name:<16}{role.title:<20}{role.duty}" for email, name, role in rows
        )
        self.console.write(
            f"\nREADY {url}\n\n"
            f"Sign in at {url}/sign-in/ as one of them, all with the password {sign_in_password(data)}\n\n"
            f"{people}\n\n"
            f"Their mails are at {url}/demo/inbox/. A T-day lasts {DAY_SECONDS} seconds. Logs: {data}/logs.\n"
            "Ctrl-C stops everything; `make demo` goes on where it was; `make demo-reset` begins anew.\n"
        )


def address(port: int) -> str:
    """Return where people reach the demo: by a name, for browsers offer no passkeys at a number."""
    return f"http://localhost:{port}"


def begin_story(*, data: Path, environment: Mapping[str, str]) -> Child | None:
    """Begin to write the first plans; None when they are written."""
    if (data / STORY_FILE).exists():
        return None
    child = Child(
        name="story",
        log=data / "logs" / "story.log",
        record=data / "run" / "story.pid",
        account=_ourselves(),
    )
    child.end_leftover()
    child.log.unlink(missing_ok=True)
    command = (sys.executable, str(ROOT / "manage.py"), "tell_demo_story")
    child.start(command, environment=environment, folder=ROOT)
    return child


def preparation_steps(
    options: Options, *, addresses: Addresses, keys: Keys, environment: Mapping[str, str]
) -> list[Step]:
    """Return what is done before the programs start: the customer's project and databases, beside the portal's own tables."""
    python, manage = sys.executable, str(ROOT / "manage.py")
    projects = options.data / "projects"
    # npm may need the caller's proxy and certificates; it gets nothing of the portal.
    callers = {name: value for name, value in os.environ.items() if not name.startswith("WCO_")}
    if not os.access(os.environ.get("HOME") or "/nonexistent", os.W_OK):
        callers["npm_config_cache"] = str(options.data / "npm")
    secret = {ADMIN_DSN: addresses.pg_dsn(), PASSWORD: keys.migrator}
    make = (python, "-m", "migrations_portal.demo.make_target")
    fewer = min(STAGING_SCALE, options.students)
    return [
        Step(
            "project",
            (python, "-m", "migrations_portal.demo.customer.customer", projects),
            "the customer's Sequelize project is installed (npm ci)",
            environment=callers,
        ),
        Step(
            "migrate",
            (python, manage, "migrate", "--no-input"),
            "the portal's tables are up to date",
            environment={**environment, **owner_environment(addresses=addresses, keys=keys)},
        ),
        Step(
            "seed",
            (python, manage, "seed_demo", f"--pg-port={addresses.pg_port}"),
            "people, roles, targets and contacts are there",
            after=("migrate",),
            environment=environment,
        ),
        Step(
            "production",
            (*make, PRODUCTION, str(options.students), projects / PROJECT),
            f"{PRODUCTION} is there ({options.students:,} students when it was made)",
            after=("project",),
            environment={**environment, **secret},
        ),
        Step(
            "staging",
            (*make, STAGING, str(fewer), projects / PROJECT),
            f"{STAGING} is there",
            after=("project",),
            environment={**environment, **secret},
        ),
    ]


def _ourselves() -> Account:
    return Account(name=service_account().name, uid=os.geteuid(), gid=os.getegid())


def _places(addresses: Addresses) -> str:
    s3 = addresses.s3_endpoint.removeprefix("http://127.0.0.1:")
    redis = addresses.redis_url.rpartition(":")[2].partition("/")[0]
    return (
        f"PostgreSQL on 127.0.0.1:{addresses.pg_port}, Valkey :{redis}, S3 :{s3}, mail :{addresses.smtp_port};"
        f" as {service_account().name}"
    )
