"""What every TargetServer promises, on PostgreSQL and in memory."""

import os
import threading
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import psycopg
import pytest
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from migrations_portal.adapters.in_memory_server import InMemoryServer
from migrations_portal.adapters.postgres import PostgresServer
from migrations_portal.targets.ports import Endpoint, QueryFailed, TargetServer, TargetUnreachable


class Stage(Protocol):
    """Prepares databases behind the port's back."""

    @property
    def server(self) -> TargetServer: ...
    @property
    def endpoint(self) -> Endpoint: ...
    def name(self) -> str: ...
    def make(self, database: str, *, rows: int) -> Endpoint:
        """Make a database with a table public.students of so many rows."""
        ...

    def add_rows(self, endpoint: Endpoint, *, rows: int) -> None: ...
    def exists(self, database: str) -> bool: ...


@dataclass
class OnPostgres:
    server: PostgresServer
    endpoint: Endpoint
    dsn: str
    made: list[str]

    def name(self) -> str:
        self.made.append(f"wco_contract_{uuid.uuid4().hex[:12]}")
        return self.made[-1]

    def make(self, database: str, *, rows: int) -> Endpoint:
        with psycopg.connect(self.dsn, autocommit=True) as admin:
            admin.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(database)))
        endpoint = self.endpoint.on(database)
        with self._inside(endpoint) as session:
            session.execute(
                "CREATE TABLE students (id int PRIMARY KEY, ssn text UNIQUE CHECK (ssn <> ''))"
            )
        self.add_rows(endpoint, rows=rows)
        return endpoint

    def _inside(self, endpoint: Endpoint) -> psycopg.Connection:
        return psycopg.connect(self.dsn, dbname=endpoint.database, autocommit=True)

    def add_rows(self, endpoint: Endpoint, *, rows: int) -> None:
        with self._inside(endpoint) as session:
            session.execute(
                "INSERT INTO students SELECT n, 'ssn-' || n FROM"
                " (SELECT coalesce(max(id), 0) AS top FROM students) t, generate_series(top + 1, top + %s) n",
                [rows],
            )

    def exists(self, database: str) -> bool:
        with psycopg.connect(self.dsn, autocommit=True) as admin:
            found = admin.execute("SELECT 1 FROM pg_database WHERE datname = %s", [database])
            return found.fetchone() is not None

    def clean(self) -> None:
        with psycopg.connect(self.dsn, autocommit=True) as admin:
            for name in self.made:
                admin.execute(
                    sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name))
                )


@dataclass
class InMemory:
    server: InMemoryServer
    endpoint: Endpoint

    def name(self) -> str:
        return uuid.uuid4().hex[:12]

    def make(self, database: str, *, rows: int) -> Endpoint:
        endpoint = self.endpoint.on(database)
        self.server.add(endpoint).tables["public.students"] = rows
        return endpoint

    def add_rows(self, endpoint: Endpoint, *, rows: int) -> None:
        self.server.find(endpoint).tables["public.students"] += rows

    def exists(self, database: str) -> bool:
        endpoint = self.endpoint.on(database)
        return (endpoint.host, endpoint.port, endpoint.database) in self.server.databases


def superuser() -> Endpoint:
    parts = conninfo_to_dict(os.environ["WCO_TEST_PG_DSN"])
    return Endpoint(
        str(parts["host"]),
        int(str(parts["port"])),
        "postgres",
        str(parts["user"]),
        str(parts["password"]),
    )


@pytest.fixture(params=["postgres", "memory"])
def stage(request: pytest.FixtureRequest) -> Iterator[Stage]:
    if request.param == "memory":
        server = InMemoryServer()
        server.passwords["wco"] = "right"
        endpoint = Endpoint("db.example", 5432, "postgres", "wco", "right")
        server.add(endpoint)
        yield InMemory(server, endpoint)
        return
    real = OnPostgres(PostgresServer(), superuser(), os.environ["WCO_TEST_PG_DSN"], [])
    yield real
    real.clean()


def test_a_session_answers(stage: Stage) -> None:
    with stage.server.session(stage.endpoint, application_name="wcops-test") as session:
        assert session.rows("SELECT 1 AS answers") == [{"answers": 1}]


def test_a_table_is_counted_exactly(stage: Stage) -> None:
    endpoint = stage.make(stage.name(), rows=7)

    with stage.server.session(endpoint, application_name="wcops-test") as session:
        assert session.count("public", "students") == 7


def test_counting_a_table_that_is_not_there_fails_with_its_sqlstate(stage: Stage) -> None:
    endpoint = stage.make(stage.name(), rows=1)

    with (
        stage.server.session(endpoint, application_name="wcops-test") as session,
        pytest.raises(QueryFailed) as failure,
    ):
        session.count("public", "ghosts")

    assert failure.value.sqlstate == "42P01"
    assert "ghosts" in failure.value.sentence


def test_a_held_snapshot_does_not_see_later_rows_and_a_released_one_does(stage: Stage) -> None:
    endpoint = stage.make(stage.name(), rows=3)

    with stage.server.session(endpoint, application_name="wcops-test") as session:
        name = session.hold_snapshot()
        stage.add_rows(endpoint, rows=2)
        during = session.count("public", "students")
        session.release_snapshot()
        after = session.count("public", "students")

    assert name
    assert (during, after) == (3, 5)


def test_a_lock_belongs_to_one_session_and_is_free_when_it_ends(stage: Stage) -> None:
    with stage.server.session(stage.endpoint, application_name="wcops-one") as one:
        assert one.try_lock(0x57C0_0001)
        with stage.server.session(stage.endpoint, application_name="wcops-two") as two:
            assert not two.try_lock(0x57C0_0001)
            assert two.try_lock(0x57C0_0002)

    with stage.server.session(stage.endpoint, application_name="wcops-three") as three:
        assert three.try_lock(0x57C0_0001)


def test_a_wrong_password_is_told_without_showing_it(stage: Stage) -> None:
    wrong = Endpoint(
        stage.endpoint.host, stage.endpoint.port, "postgres", stage.endpoint.user, "hunter2-canary"
    )

    with (
        pytest.raises(TargetUnreachable) as failure,
        stage.server.session(wrong, application_name="wcops-test"),
    ):
        pass

    assert "It refused the password" in failure.value.sentence
    assert "hunter2-canary" not in repr(failure.value) + repr(wrong)


def test_a_database_that_is_not_there_is_told_with_its_place(stage: Stage) -> None:
    nowhere = stage.endpoint.on("wco_nowhere")

    with (
        pytest.raises(TargetUnreachable, match=f"{nowhere.host}:{nowhere.port}"),
        stage.server.session(nowhere, application_name="wcops-test"),
    ):
        pass


def test_a_database_is_made_and_dropped_and_dropping_twice_is_fine(stage: Stage) -> None:
    endpoint = stage.endpoint.on(stage.name())

    stage.server.create_database(endpoint)
    assert stage.exists(endpoint.database)
    stage.server.drop_database(endpoint)
    stage.server.drop_database(endpoint)

    assert not stage.exists(endpoint.database)


def test_a_database_is_not_made_twice(stage: Stage) -> None:
    endpoint = stage.make(stage.name(), rows=1)

    with pytest.raises(QueryFailed) as failure:
        stage.server.create_database(endpoint)

    assert failure.value.sqlstate == "42P04"


def test_swapping_puts_the_replacement_in_the_place_of_the_live_database(stage: Stage) -> None:
    live, replacement = stage.make(stage.name(), rows=1), stage.make(stage.name(), rows=9)
    kept = stage.name()

    stage.server.swap_databases(live, replacement=replacement.database, keep_as=kept)

    with stage.server.session(live, application_name="wcops-test") as session:
        assert session.count("public", "students") == 9
    with stage.server.session(live.on(kept), application_name="wcops-test") as session:
        assert session.count("public", "students") == 1
    assert not stage.exists(replacement.database)


def test_a_swap_with_a_replacement_that_is_not_there_changes_nothing(stage: Stage) -> None:
    live, kept = stage.make(stage.name(), rows=1), stage.name()

    with pytest.raises(QueryFailed, match="nothing was renamed"):
        stage.server.swap_databases(live, replacement="wco_ghost", keep_as=kept)

    assert stage.exists(live.database)
    assert not stage.exists(kept)


def test_a_swap_never_overwrites_what_it_would_keep(stage: Stage) -> None:
    live, replacement = stage.make(stage.name(), rows=1), stage.make(stage.name(), rows=2)
    taken = stage.make(stage.name(), rows=3)

    with pytest.raises(QueryFailed, match="there already"):
        stage.server.swap_databases(live, replacement=replacement.database, keep_as=taken.database)

    with stage.server.session(live, application_name="wcops-test") as session:
        assert session.count("public", "students") == 1


# What only a real server can show.


@pytest.fixture
def real() -> Iterator[OnPostgres]:
    stage = OnPostgres(PostgresServer(), superuser(), os.environ["WCO_TEST_PG_DSN"], [])
    yield stage
    stage.clean()


def test_row_values_never_reach_the_sentence(real: OnPostgres) -> None:
    endpoint = real.make(real.name(), rows=0)
    with real.server.session(endpoint, application_name="wcops-test") as session:
        session.rows("INSERT INTO students VALUES (1, '123-45-6789')")
        broken = (
            "INSERT INTO students VALUES (2, '123-45-6789')",
            "INSERT INTO students VALUES (NULL, '123-45-6789')",
            "SELECT '123-45-6789'::int",
            "DO $$ BEGIN RAISE EXCEPTION 'patient 123-45-6789'; END $$",
            "SELECT max(ssn::int) FROM students",
        )
        told = []
        for query in broken:
            with pytest.raises(QueryFailed) as failure:
                session.rows(query)
            told.append(failure.value)

    assert not [each.sentence for each in told if "6789" in each.sentence]
    assert [each.sqlstate for each in told] == ["23505", "23502", "22P02", "P0001", "22P02"]
    assert "constraint students_ssn_key" in told[0].sentence


def test_a_second_statement_behind_the_first_is_refused(real: OnPostgres) -> None:
    endpoint = real.make(real.name(), rows=2)

    with real.server.session(endpoint, application_name="wcops-test") as session:
        with pytest.raises(QueryFailed):
            session.rows("SELECT 1; DROP TABLE students")
        assert session.count("public", "students") == 2


def test_the_same_query_works_before_and_after_the_table_changed(real: OnPostgres) -> None:
    endpoint = real.make(real.name(), rows=1)

    with real.server.session(endpoint, application_name="wcops-test") as session:
        before = session.rows("SELECT * FROM students")
        session.rows("ALTER TABLE students ADD COLUMN consent boolean DEFAULT false")
        after = session.rows("SELECT * FROM students")

    assert set(after[0]) - set(before[0]) == {"consent"}


def test_a_session_carries_its_name_and_its_limits(real: OnPostgres) -> None:
    with real.server.session(
        real.endpoint, application_name="wcops-7-3", statement_timeout_ms=150
    ) as session:
        name = session.rows("SELECT current_setting('application_name') AS is")[0]["is"]
        check = session.rows("SELECT current_setting('client_connection_check_interval') AS is")
        with pytest.raises(QueryFailed) as failure:
            session.rows("SELECT pg_sleep(5)")

    assert name == "wcops-7-3"
    assert check == [{"is": "500ms"}]
    assert failure.value.sqlstate == "57014"


def test_a_session_that_is_ended_from_outside_says_so(real: OnPostgres) -> None:
    with real.server.session(real.endpoint, application_name="wcops-victim") as session:
        pid = session.rows("SELECT pg_backend_pid() AS pid")[0]["pid"]
        with psycopg.connect(real.dsn, autocommit=True) as admin:
            admin.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])
        with pytest.raises(TargetUnreachable, match="broke off"):
            session.rows("SELECT 1 AS answers")


def test_a_port_where_nothing_listens_is_told_at_once(real: OnPostgres) -> None:
    closed = Endpoint("127.0.0.1", 1, "white_cross_production", "wco", "x")

    with (
        pytest.raises(TargetUnreachable, match=r"127\.0\.0\.1:1 .*Nothing listens there"),
        real.server.session(closed, application_name="wcops-test"),
    ):
        pass


def test_a_swap_ends_busy_sessions_and_keeps_owner_rights_and_settings(real: OnPostgres) -> None:
    live, replacement = real.make(real.name(), rows=1), real.make(real.name(), rows=2)
    role = sql.Identifier(f"{live.database}_app")
    name = sql.Identifier(live.database)
    with psycopg.connect(real.dsn, autocommit=True) as admin:
        for statement in (
            "CREATE ROLE {role} LOGIN",
            "ALTER DATABASE {name} OWNER TO {role}",
            "REVOKE CONNECT ON DATABASE {name} FROM PUBLIC",
            "ALTER DATABASE {name} SET search_path TO clinic, public",
            "ALTER DATABASE {name} SET work_mem TO '7MB'",
            "COMMENT ON DATABASE {name} IS 'run by the ''clinic'' '",
            "ALTER ROLE {role} IN DATABASE {name} SET lock_timeout TO '3s'",
        ):
            admin.execute(sql.SQL(statement).format(role=role, name=name))
    before = _rights(real.dsn, live.database)
    stop = threading.Event()
    errors: list[str] = []
    app = threading.Thread(target=_hammer, args=(real.dsn, live.database, stop, errors))
    app.start()

    real.server.swap_databases(live, replacement=replacement.database, keep_as=real.name())
    stop.set()
    app.join()

    assert _rights(real.dsn, live.database) == before
    assert "clinic, public" in str(before)
    with real.server.session(live, application_name="wcops-test") as session:
        assert session.count("public", "students") == 2
    with psycopg.connect(real.dsn, autocommit=True) as admin:
        for kept in real.made:
            admin.execute(
                sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(kept))
            )
        admin.execute(sql.SQL("DROP ROLE {}").format(role))


def _hammer(dsn: str, database: str, stop: threading.Event, errors: list[str]) -> None:
    """An application that reconnects at once, whatever happens."""
    while not stop.wait(0.005):
        try:
            with psycopg.connect(dsn, dbname=database, autocommit=True) as session:
                session.execute("SELECT pg_sleep(0.05)")
        except psycopg.OperationalError as error:
            errors.append(str(error))


def _rights(dsn: str, database: str) -> list[tuple[object, ...]]:
    with psycopg.connect(dsn, autocommit=True) as admin:
        return admin.execute(
            "SELECT pg_get_userbyid(datdba), shobj_description(oid, 'pg_database'), (SELECT array_agg(a::text ORDER BY a::text) FROM unnest(datacl) a),"
            " (SELECT array_agg((pg_get_userbyid(nullif(setrole, 0)), setconfig::text)::text ORDER BY 1)"
            "    FROM pg_db_role_setting WHERE setdatabase = d.oid)"
            " FROM pg_database d WHERE datname = %s",
            [database],
        ).fetchall()


def test_a_new_database_takes_encoding_and_locale_from_another(real: OnPostgres) -> None:
    source, copy = real.name(), real.endpoint.on(real.name())
    with psycopg.connect(real.dsn, autocommit=True) as admin:
        admin.execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C'").format(
                sql.Identifier(source)
            )
        )

    real.server.create_database(copy, like=source)

    with psycopg.connect(real.dsn, autocommit=True) as admin:
        found = admin.execute(
            "SELECT DISTINCT pg_encoding_to_char(encoding), datcollate, datctype FROM pg_database"
            " WHERE datname = ANY(%s)",
            [[source, copy.database]],
        ).fetchall()
    assert found == [("LATIN1", "C", "C")]
