"""Migration files that mean harm or end badly: contained, and told as what they are (S6, S7, S10, X6, X7)."""

import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from migrations_portal.adapters import sandbox
from migrations_portal.adapters.sequelize import SequelizeDriver
from migrations_portal.execution.ports import ApprovedFile, Bundle, ChildResult, DriverMissing
from tests.driver_kit import (
    LIMITS,
    Target,
    fresh_target,
    migration,
    plus,
    sequelize_project,
    told,
)

NAME = "20250101000000-hostile.js"
MARK = "wco-hostile-daemon"
DAEMON = (
    "require('child_process').spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)', "
    f"'{MARK}'], {{detached: true, stdio: 'ignore'}}).unref();"
)


@pytest.fixture
def target() -> Iterator[Target]:
    with fresh_target() as made:
        yield made


@pytest.fixture
def bundle(tmp_path: Path) -> Bundle:
    return sequelize_project(tmp_path)


def _up(
    tmp_path: Path,
    target: Target,
    bundle: Bundle,
    file: ApprovedFile,
    *,
    wall_clock_ms: int = 60_000,
) -> ChildResult:
    limits = replace(LIMITS, wall_clock_ms=wall_clock_ms)
    driver = SequelizeDriver(scratch=tmp_path / "scratch")
    return driver.up(target.endpoint, plus(bundle, file), name=file.name, limits=limits)


def _processes_showing(text: str, *, parts: tuple[str, ...] = ("cmdline",)) -> list[str]:
    """Return the /proc files of other processes that hold `text`."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        for part in parts:
            try:
                content = (folder / part).read_bytes()
            except OSError:  # ended meanwhile
                continue
            if folder.name != str(os.getpid()) and text.encode() in content:
                found.append(f"{folder}/{part}")
    return found


def _gone(text: str, *, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while _processes_showing(text):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def test_exit_0_half_way_is_seen_in_what_was_committed(
    tmp_path: Path, target: Target, bundle: Bundle
) -> None:
    file = migration(NAME, "await run('CREATE TABLE a (id integer)'); process.exit(0);")

    result = _up(tmp_path, target, bundle, file)

    assert result.exit_code == 0
    assert result.committed_writes == ("CREATE TABLE a (id integer)",)
    assert target.rows('SELECT name FROM "SequelizeMeta"') == []


def test_a_file_that_leaves_without_reading_the_answer_is_no_trouble_of_the_connection(
    tmp_path: Path, target: Target, bundle: Bundle
) -> None:
    file = migration(
        NAME,
        """
        run("SELECT repeat('x', 1000) FROM generate_series(1, 20000)");
        await new Promise((done) => setTimeout(done, 30));
        for (const start = Date.now(); Date.now() - start < 700;) {}
        console.log('leaving');
        process.kill(process.pid, 'SIGKILL');
        """,
    )

    result = _up(tmp_path, target, bundle, file)

    assert result.output.splitlines()[-1] == "leaving"


def test_a_statement_left_running_by_exit_0_is_cancelled_and_its_outcome_known(
    tmp_path: Path, target: Target, bundle: Bundle
) -> None:
    slow = "CREATE TABLE a AS SELECT pg_sleep(15)::text"
    file = migration(
        NAME,
        f"run('{slow}'); setTimeout(() => process.exit(0), 700); await 0;"
        "await new Promise(() => {});",
    )

    result = _up(tmp_path, target, bundle, file)

    assert result.seconds < 10
    assert (result.sqlstate, result.committed_writes) == ("57014", ())
    assert not result.outcome_unknown
    assert target.relations() == []


def test_the_password_is_nowhere_while_the_file_runs(
    tmp_path: Path, target: Target, bundle: Bundle
) -> None:
    file = migration(NAME, "console.log('ready'); await run('SELECT pg_sleep(1)');")
    found: list[str] = []

    def look(line: str) -> None:
        if line == "ready":
            found.append("looked")
            found.extend(_processes_showing(target.endpoint.password, parts=("cmdline", "environ")))

    driver = SequelizeDriver(scratch=tmp_path / "scratch")
    result = driver.up(
        target.endpoint, plus(bundle, file), name=NAME, limits=LIMITS, on_output=look
    )

    assert found == ["looked"]
    assert result.exit_code == 0
    assert target.endpoint.password not in told(result)


def test_from_inside_there_is_no_network_no_portal_and_nothing_to_write(
    tmp_path: Path, target: Target, bundle: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WCO_CANARY", "portal-secret-canary")
    where = target.endpoint
    file = migration(
        NAME,
        f"""
        const fs = require('fs'), net = require('net');
        const dial = (host, port) => new Promise((done) => {{
          const s = net.connect({{host, port}});
          s.on('connect', () => done('CONNECTED')); s.on('error', (e) => done(e.code));
        }});
        console.log('net', await dial('{where.host}', {where.port}), await dial('169.254.169.254', 80));
        for (const path of ['/x', '/bundle/x', '/dev/x', '/proc/sys/kernel/core_pattern']) {{
          try {{ fs.writeFileSync(path, 'x'); console.log('WROTE', path); }}
          catch (e) {{ console.log('refused', path); }}
        }}
        let seen = JSON.stringify(process.env);
        for (const pid of fs.readdirSync('/proc').filter((n) => /^[0-9]+$/.test(n))) {{
          for (const part of ['environ', 'cmdline']) {{
            try {{ seen += fs.readFileSync(`/proc/${{pid}}/${{part}}`, 'utf8'); }} catch (e) {{}}
          }}
        }}
        console.log('secrets', /canary|WCO_/.test(seen), 'uid', process.getuid());
        console.log('root', fs.readdirSync('/').join());
        """,
    )

    result = _up(tmp_path, target, bundle, file)

    lines = result.output.splitlines()
    assert "net ECONNREFUSED ENETUNREACH" in lines
    assert "secrets false uid 1000" in lines
    assert "WROTE" not in result.output
    assert "root bundle,dev,door,etc,lib,lib64,opt,proc,tmp" in lines


def test_no_daemon_is_alive_when_the_call_returns(
    tmp_path: Path, target: Target, bundle: Bundle
) -> None:
    result = _up(tmp_path, target, bundle, migration(NAME, DAEMON))

    assert result.exit_code == 0, result.output
    assert _processes_showing(MARK) == []


def test_kill_9_of_the_worker_ends_the_file_its_daemons_and_its_statement(
    tmp_path: Path, target: Target, bundle: Bundle
) -> None:
    file = migration(NAME, f"{DAEMON} await run('CREATE TABLE a AS SELECT pg_sleep(15)::text');")
    (bundle.project / "migrations" / NAME).write_bytes(file.content)
    script = (
        "import sys\n"
        "from pathlib import Path\n"
        "from migrations_portal.adapters.sequelize import SequelizeDriver\n"
        "from migrations_portal.execution.ports import Bundle\n"
        "from migrations_portal.targets.ports import Endpoint\n"
        "from tests.driver_kit import LIMITS\n"
        "password, port, name, project, scratch = sys.argv[1:]\n"
        "there = Endpoint('127.0.0.1', int(port), name, name, password)\n"
        "SequelizeDriver(scratch=Path(scratch)).up("
        f"there, Bundle(Path(project), ()), name={NAME!r}, limits=LIMITS)\n"
    )
    there = target.endpoint
    words = [there.password, str(there.port), there.database, str(bundle.project)]
    worker = subprocess.Popen([sys.executable, "-c", script, *words, str(tmp_path / "scratch")])
    deadline = time.monotonic() + 30
    running = "SELECT 1 FROM pg_stat_activity WHERE query LIKE 'CREATE TABLE a%'"
    while not (_processes_showing(MARK) and target.rows(running)):
        assert time.monotonic() < deadline
        time.sleep(0.05)

    worker.send_signal(signal.SIGKILL)
    worker.wait()

    assert _gone(MARK, seconds=2)
    time.sleep(1.0)  # the server looks for its client every 500 ms
    assert target.rows(running) == []
    assert target.relations() == []


def test_an_endless_loop_ends_at_the_time_limit(
    tmp_path: Path, target: Target, bundle: Bundle
) -> None:
    file = migration(NAME, "await run('CREATE TABLE a (id integer)'); for (;;) {}")

    result = _up(tmp_path, target, bundle, file, wall_clock_ms=8_000)

    assert result.timed_out
    assert result.exit_code != 0
    assert result.seconds < 16
    assert result.committed_writes == ("CREATE TABLE a (id integer)",)


def test_a_flood_is_cut_and_control_codes_are_taken_out(
    tmp_path: Path, target: Target, bundle: Bundle
) -> None:
    file = migration(
        NAME,
        r"""
        console.log('\x1b[31mred\x1b[0m \x1b]0;title\x07 \u202e\x08over');
        const line = 'x'.repeat(1023) + '\n';
        for (let i = 0; i < 100 * 1024; i++) {
          await new Promise((done) => process.stdout.write(line, done));
        }
        await new Promise((done) => process.stdout.write('the end\n', done));
        """,
    )

    result = _up(tmp_path, target, bundle, file)

    assert result.exit_code == 0
    assert "red  over" in result.output.splitlines()
    assert "\x1b" not in result.output
    assert len(result.output) < 1_100_000
    assert "characters of output left out here" in result.output
    assert "the end" in result.output


def _bomb(*, seconds: float) -> ApprovedFile:
    """A file that starts processes until it is refused, and keeps them for some seconds."""
    return migration(
        NAME,
        f"""
        let refused = 0;
        for (let i = 0; i < 200; i++) {{
          const c = require('child_process').spawn(process.execPath,
            ['-e', 'setInterval(() => {{}}, 1000)', '{MARK}'], {{stdio: 'ignore'}});
          c.on('error', () => {{ refused += 1; }});
          if (i % 20 === 0) await new Promise((done) => setTimeout(done, 50));
        }}
        await new Promise((done) => setTimeout(done, {seconds * 1000}));
        console.log('refused', refused > 0);
        """,
    )


def test_a_fork_bomb_meets_its_limit(tmp_path: Path, target: Target, bundle: Bundle) -> None:
    result = _up(tmp_path, target, bundle, _bomb(seconds=0.5), wall_clock_ms=30_000)

    assert result.timed_out or "refused true" in result.output
    assert _processes_showing(MARK) == []


def test_a_fork_bomb_keeps_no_other_run_from_its_processes(
    tmp_path: Path, target: Target, bundle: Bundle
) -> None:
    driver = SequelizeDriver(scratch=tmp_path / "other")
    with ThreadPoolExecutor() as pool:
        bomb = pool.submit(_up, tmp_path, target, bundle, _bomb(seconds=8), wall_clock_ms=30_000)
        while len(_processes_showing(MARK)) < 10 and not bomb.done():
            time.sleep(0.05)
        status = driver.status(target.endpoint, bundle, limits=LIMITS)
        still_there = len(_processes_showing(MARK))

    assert status.pending == ()
    assert still_there
    assert bomb.result().timed_out or "refused true" in bomb.result().output


def test_a_sandbox_that_cannot_start_is_not_the_files_fault(
    tmp_path: Path, target: Target, bundle: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sandbox, "_LIMITS", ((resource.RLIMIT_NPROC, 1),))

    with pytest.raises(DriverMissing, match="did not start"):
        _up(tmp_path, target, bundle, migration(NAME, "await run('SELECT 1');"))


def test_two_sessions_at_once_are_told_apart(
    tmp_path: Path, target: Target, bundle: Bundle
) -> None:
    file = migration(
        NAME, "await Promise.all([run('SELECT pg_sleep(3), 1'), run('SELECT pg_sleep(3), 2')]);"
    )

    result = _up(tmp_path, target, bundle, file)

    sleeping = [sent for sent in result.statements if "pg_sleep" in sent.sql]
    assert len({sent.session for sent in sleeping}) == 2
