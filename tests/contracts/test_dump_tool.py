"""What every DumpTool promises, with the real pg_dump and in memory."""

# ruff: noqa: PT012  # what is done with the open stream belongs to the failure
import io
import os
import signal
import threading
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from migrations_portal.adapters.in_memory import InMemoryDumpTool
from migrations_portal.adapters.in_memory_server import InMemoryServer
from migrations_portal.adapters.pg_dump import PgDumpTool
from migrations_portal.adapters.pg_tool_process import TMPFS
from migrations_portal.adapters.postgres import PostgresServer
from migrations_portal.backups.ports import DumpFailed, DumpTool, DumpToolMissing, RestoreFailed
from migrations_portal.targets.ports import Endpoint, TargetServer

SCHEMA = """
CREATE TABLE students (id int PRIMARY KEY, name text);
CREATE TYPE consent AS ENUM ('given', 'refused');
CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
-- a comment that belongs to the function
SET search_path = public;
RETURN NEW;
END $$;
COMMENT ON TABLE students IS 'pupils';
INSERT INTO students SELECT n, md5(n::text) FROM generate_series(1, 20000) n;
"""


class Stage(Protocol):
    @property
    def tool(self) -> DumpTool: ...
    @property
    def server(self) -> TargetServer: ...
    @property
    def source(self) -> Endpoint: ...
    def empty(self) -> Endpoint:
        """Return a new empty database."""
        ...


@dataclass
class WithPgDump:
    tool: PgDumpTool
    server: PostgresServer
    source: Endpoint
    made: list[Endpoint]

    def empty(self) -> Endpoint:
        self.made.append(self.source.on(f"wco_dump_{uuid.uuid4().hex[:12]}"))
        self.server.create_database(self.made[-1])
        return self.made[-1]

    def run(self, endpoint: Endpoint, statements: str) -> None:
        with psycopg.connect(os.environ["WCO_TEST_PG_DSN"], dbname=endpoint.database) as session:
            session.execute(statements)


@dataclass
class InMemory:
    tool: InMemoryDumpTool
    server: InMemoryServer
    source: Endpoint

    def empty(self) -> Endpoint:
        endpoint = self.source.on(uuid.uuid4().hex)
        self.server.create_database(endpoint)
        return endpoint


@pytest.fixture(params=["pg_dump", "memory"])
def stage(request: pytest.FixtureRequest) -> Iterator[Stage]:
    if request.param == "pg_dump":
        yield from _with_pg_dump()
        return
    server = InMemoryServer()
    source = Endpoint("db.example", 5432, "school", "wco", "x")
    database = server.add(source)
    database.tables["public.students"] = 20_000
    database.schema = "CREATE TABLE public.students ();\n" * 100
    yield InMemory(InMemoryDumpTool(server), server, source)  # noqa: PT022  # the other branch tears down


def _with_pg_dump() -> Iterator[WithPgDump]:
    parts = conninfo_to_dict(os.environ["WCO_TEST_PG_DSN"])
    home = Endpoint(
        str(parts["host"]),
        int(str(parts["port"])),
        "postgres",
        str(parts["user"]),
        str(parts["password"]),
    )
    stage = WithPgDump(PgDumpTool(Path(os.environ["WCO_PG_BIN"])), PostgresServer(), home, [])
    stage.source = stage.empty()
    stage.run(stage.source, SCHEMA)
    yield stage
    for endpoint in stage.made:
        stage.server.drop_database(endpoint)


@pytest.fixture
def real() -> Iterator[WithPgDump]:
    yield from _with_pg_dump()


@pytest.fixture
def large(real: WithPgDump) -> WithPgDump:
    """More than the pipe and the buffers hold, so that pg_dump is at work while a test looks at it."""
    real.run(
        real.source,
        "INSERT INTO students SELECT n, md5(n::text) FROM generate_series(20001, 200000) n",
    )
    return real


def dumped(stage: Stage) -> bytes:
    with stage.tool.dump(stage.source) as stream:
        return stream.read()


def test_the_tool_knows_its_version(stage: Stage) -> None:
    assert 13 <= stage.tool.client_version() <= 30


def test_a_restored_dump_has_the_same_rows_and_the_same_schema(stage: Stage) -> None:
    copy = stage.empty()

    with stage.tool.dump(stage.source) as stream:
        stage.tool.restore(stream, copy)

    with stage.server.session(copy, application_name="wcops-test") as session:
        assert session.count("public", "students") == 20_000
    assert stage.tool.schema(copy) == stage.tool.schema(stage.source)


def test_reading_a_dump_through_says_how_much_it_held(stage: Stage) -> None:
    assert stage.tool.contents(io.BytesIO(dumped(stage))) > 1_000


@pytest.mark.parametrize("percent", [0, 20, 50, 90, 99])
def test_a_dump_that_is_cut_short_is_refused(stage: Stage, percent: int) -> None:
    whole = dumped(stage)
    cut = whole[: len(whole) * percent // 100]

    with pytest.raises(RestoreFailed, match="Take it again"):
        stage.tool.contents(io.BytesIO(cut))


def test_a_dump_that_is_cut_short_does_not_restore(stage: Stage) -> None:
    whole, copy = dumped(stage), stage.empty()

    with pytest.raises(RestoreFailed):
        stage.tool.restore(io.BytesIO(whole[: len(whole) // 2]), copy)


def test_something_else_is_no_dump(stage: Stage) -> None:
    with pytest.raises(RestoreFailed, match="Take it again"):
        stage.tool.contents(io.BytesIO(b"DROP TABLE students;\n" * 1_000))


def test_a_database_that_is_not_empty_is_not_restored_into(stage: Stage) -> None:
    whole = dumped(stage)

    with pytest.raises(RestoreFailed, match="Restore into a new one"):
        stage.tool.restore(io.BytesIO(whole), stage.source)


def test_a_dump_that_nobody_read_to_its_end_is_no_backup(stage: Stage) -> None:
    with (
        pytest.raises(DumpFailed, match="not read to its end"),
        stage.tool.dump(stage.source) as stream,
    ):
        stream.read(100)


def test_a_database_that_is_not_there_cannot_be_dumped(stage: Stage) -> None:
    with (
        pytest.raises(DumpFailed, match="wco_nowhere"),
        stage.tool.dump(stage.source.on("wco_nowhere")) as stream,
    ):
        stream.read()


# What only the real tools can show.


def test_a_missing_pg_dump_is_named_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(DumpToolMissing, match="WCO_PG_BIN"):
        PgDumpTool(tmp_path).client_version()


def test_the_dump_sees_the_snapshot_and_nothing_later(real: WithPgDump) -> None:
    copy = real.empty()
    with real.server.session(real.source, application_name="wcops-test") as session:
        snapshot = session.hold_snapshot()
        real.run(real.source, "INSERT INTO students VALUES (-1, 'too late')")
        with real.tool.dump(real.source, snapshot=snapshot) as stream:
            real.tool.restore(stream, copy)

    with real.server.session(copy, application_name="wcops-test") as session:
        assert session.count("public", "students") == 20_000


def test_equal_schemas_give_equal_text_and_the_noise_is_gone(real: WithPgDump) -> None:
    text = real.tool.schema(real.source)

    assert text == real.tool.schema(real.source)
    assert "restrict" not in text
    assert "Dumped" not in text
    assert "-- a comment that belongs to the function" in text
    assert "\nSET search_path = public;" in text
    assert "COMMENT ON TABLE public.students IS 'pupils'" in text


def test_one_more_column_shows_in_the_schema(real: WithPgDump) -> None:
    before = real.tool.schema(real.source)
    real.run(real.source, "ALTER TABLE students ADD COLUMN consent consent")

    after = real.tool.schema(real.source)

    assert set(after.splitlines()) - set(before.splitlines()) == {
        "    name text,",
        "    consent public.consent",
    }


def test_the_password_is_never_in_an_argument_or_a_variable(large: WithPgDump) -> None:
    with (
        pytest.raises(DumpFailed, match="not read to its end"),
        large.tool.dump(large.source) as stream,
    ):
        stream.read(10)
        seen = b"".join(_pg_dumps(large))

    assert b"PGPASSFILE=/" in seen
    assert large.source.password.encode() not in seen


def test_the_password_file_is_ours_alone_and_gone_afterwards(large: WithPgDump) -> None:
    with (
        pytest.raises(DumpFailed, match="not read to its end"),
        large.tool.dump(large.source) as stream,
    ):
        stream.read(10)
        environment = b"".join(_pg_dumps(large)).split(b"\0")
        (line,) = {each for each in environment if each.startswith(b"PGPASSFILE=")}
        file = Path(line.partition(b"=")[2].decode())
        modes = oct(file.stat().st_mode)[-3:], oct(file.parent.stat().st_mode)[-3:]

    assert modes == ("600", "700")
    assert not file.parent.exists()


def test_nothing_of_pg_dump_is_left_when_the_reader_fails(large: WithPgDump) -> None:
    with pytest.raises(OSError, match="disk full"), large.tool.dump(large.source) as stream:
        stream.read(10)
        raise OSError("disk full")

    assert not list(_pg_dumps(large))


def test_pg_dump_dies_with_the_process_that_started_it(real: WithPgDump) -> None:
    child = os.fork()
    if child == 0:
        with real.tool.dump(real.source) as stream:
            stream.read(10)
            time.sleep(60)
    _wait_for(lambda: bool(list(_pg_dumps(real))))

    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)

    _wait_for(lambda: not list(_pg_dumps(real)))
    real.tool.client_version()
    assert not list(TMPFS.glob(f"wco-pg-{child}-*")), "the next call sweeps the password file"


def test_a_dump_that_pg_dump_broke_off_fails_at_the_end_of_its_stream(real: WithPgDump) -> None:
    def end_it() -> None:
        with psycopg.connect(os.environ["WCO_TEST_PG_DSN"], autocommit=True) as admin:
            admin.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'wcops-victim'"
            )

    real.run(
        real.source,
        "INSERT INTO students SELECT n, (SELECT string_agg(md5((n + i)::text), '') FROM generate_series(1, 400) i)"
        " FROM generate_series(100001, 110000) n",
    )
    with (
        pytest.raises(DumpFailed, match="pg_dump ended with code"),
        real.tool.dump(real.source, application_name="wcops-victim") as stream,
    ):
        stream.read(10)
        end_it()
        stream.read()


def test_a_table_that_somebody_holds_stops_the_dump_with_a_reason(real: WithPgDump) -> None:
    release = threading.Event()
    holder = threading.Thread(target=_hold_table, args=(real.source, release))
    holder.start()
    try:
        with (
            pytest.raises(DumpFailed, match="holds a table exclusively"),
            real.tool.dump(real.source) as stream,
        ):
            stream.read()
    finally:
        release.set()
        holder.join()


def _hold_table(endpoint: Endpoint, release: threading.Event) -> None:
    with psycopg.connect(os.environ["WCO_TEST_PG_DSN"], dbname=endpoint.database) as session:
        session.execute("LOCK TABLE students IN ACCESS EXCLUSIVE MODE")
        release.wait(30)


def test_a_flipped_byte_inside_the_table_of_contents_is_refused(real: WithPgDump) -> None:
    whole = bytearray(dumped(real))
    whole[3] ^= 0xFF

    with pytest.raises(RestoreFailed):
        real.tool.contents(io.BytesIO(bytes(whole)))


def test_row_values_do_not_reach_the_sentence_of_a_failed_restore(real: WithPgDump) -> None:
    real.run(
        real.source,
        "CREATE FUNCTION strict(text) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS"
        " $$ BEGIN RETURN $1::date > '1900-01-01'; END $$;"
        " CREATE TABLE visits (day text CHECK (strict(day)));"
        " INSERT INTO visits VALUES ('2026-01-01');"
        " ALTER TABLE visits DROP CONSTRAINT visits_day_check;"
        " UPDATE visits SET day = 'canary 123-45-6789';"
        " ALTER TABLE visits ADD CONSTRAINT c CHECK (strict(day)) NOT VALID;",
    )
    copy = real.empty()

    with (
        pytest.raises((RestoreFailed, DumpFailed)) as failure,
        real.tool.dump(real.source) as stream,
    ):
        real.tool.restore(stream, copy)
        raise RestoreFailed("It restored; then the case needs another error.")

    assert "canary" not in failure.value.sentence
    assert "6789" not in failure.value.sentence


def _pg_dumps(tool: WithPgDump) -> Iterator[bytes]:
    """Yield command line and environment of each pg_dump that dumps this database; others may run on the machine."""
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if (folder / "comm").read_text().strip() == "pg_dump":
                text = (folder / "cmdline").read_bytes() + (folder / "environ").read_bytes()
                if tool.source.database.encode() in text:
                    yield text
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            continue


def _wait_for(condition: object, seconds: float = 5) -> None:
    assert callable(condition)
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)
