"""What is Alembic's own: a chain of revisions, of which only the newest are recorded; and files that mean harm."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from migrations_portal.adapters.alembic_tool import AlembicDriver
from migrations_portal.adapters.postgres import PostgresServer
from migrations_portal.execution.ports import ApprovedFile, Bundle, ChildResult, DriverMissing
from tests.driver_kit import LIMITS, Target, alembic_bundle, alembic_revision, fresh_target, plus

ROOT = Path(__file__).resolve().parents[3] / "manage.py"
FIRST = alembic_revision(
    "a1", up=["CREATE TABLE one (id int)"], down=["DROP TABLE one"], follows=None
)
SECOND = alembic_revision(
    "b2", up=["ALTER TABLE one ADD b int"], down=["ALTER TABLE one DROP b"], follows="a1"
)
SIDE = alembic_revision(
    "c3", up=["ALTER TABLE one ADD c int"], down=["ALTER TABLE one DROP c"], follows="a1"
)
MERGE = alembic_revision("m4", up=[], down=[], follows=("b2", "c3"))


@pytest.fixture
def target() -> Iterator[Target]:
    with fresh_target() as made:
        yield made


class Desk:
    """A driver with a project on one target."""

    def __init__(self, tmp_path: Path, target: Target, *own: ApprovedFile) -> None:
        self.driver = AlembicDriver(scratch=tmp_path / "scratch")
        self.own, self.target = alembic_bundle(tmp_path, *own), target

    def bundle(self, *files: ApprovedFile) -> Bundle:
        return plus(self.own, *files)

    def up(self, file: ApprovedFile) -> ChildResult:
        return self.driver.up(
            self.target.endpoint, self.bundle(file), name=file.name, limits=LIMITS
        )

    def down(self, file: ApprovedFile) -> ChildResult:
        return self.driver.down(
            self.target.endpoint, self.bundle(file), name=file.name, limits=LIMITS
        )

    def history(self, *files: ApprovedFile) -> list[str]:
        with PostgresServer().session(self.target.endpoint, application_name="tests") as session:
            return list(self.driver.history(session, self.bundle(*files)))


def test_a_chain_goes_up_in_its_order_and_down_only_from_its_end(
    tmp_path: Path, target: Target
) -> None:
    desk = Desk(tmp_path, target, FIRST, SECOND, SIDE)

    early = desk.up(SECOND)
    for each in (FIRST, SECOND, SIDE, MERGE):
        result = desk.up(each)
        assert result.exit_code == 0, result.output
    held = desk.down(SECOND)

    assert "follows 2025_a1.py, which is not applied" in early.output
    assert (early.exit_code, early.committed_writes) == (1, ())
    assert target.rows("SELECT version_num FROM alembic_version") == [{"version_num": "m4"}]
    assert desk.history(MERGE) == [each.name for each in (FIRST, SECOND, SIDE, MERGE)]
    assert "2025_m4.py follows 2025_b2.py and is applied; undo that first" in held.output + (
        desk.driver.down(
            target.endpoint, desk.bundle(MERGE), name=SECOND.name, limits=LIMITS
        ).output
    )
    assert target.relations() == ["one.b", "one.c", "one.id"]

    undone = [desk.down(each) for each in (MERGE, SIDE)]
    assert [each.exit_code for each in undone] == [0, 0]
    assert desk.history() == [FIRST.name, SECOND.name]
    assert target.relations() == ["one.b", "one.id"]


def test_files_are_marked_in_any_order(tmp_path: Path, target: Target) -> None:
    desk = Desk(tmp_path, target, FIRST, SECOND, SIDE, MERGE)

    with PostgresServer().session(target.endpoint, application_name="tests") as session:
        for each in (SECOND, FIRST, SIDE):
            desk.driver.mark(session, desk.own, name=each.name)

    assert desk.history() == [FIRST.name, SECOND.name, SIDE.name]
    status = desk.driver.status(target.endpoint, desk.own, limits=LIMITS)
    assert status.pending == (MERGE.name,)


def test_a_project_without_its_packages_says_how_they_come(tmp_path: Path, target: Target) -> None:
    desk = Desk(tmp_path, target)
    (desk.own.project / "site-packages").unlink()

    with pytest.raises(DriverMissing, match="pip install --require-hashes"):
        desk.up(FIRST)


NOSY = """
import os, sys
    seen = {name: value for name, value in os.environ.items()}
    print("environment", sorted(seen))
    for module in ("django", "migrations_portal", "boto3", "whitecross_ops"):
        try:
            __import__(module); print("imported", module)
        except ImportError:
            pass
    for path in ("MANAGE", "/home", "/srv", "/etc/shadow", "/bundle/.env"):
        print("sees", path) if os.path.exists(path) else None
    for path in ("/bundle/x", "/opt/migrations/versions/x.py", "/opt/python/x"):
        try:
            open(path, "w"); print("wrote", path)
        except OSError:
            pass
    import socket
    try:
        socket.create_connection(("127.0.0.1", 5432), 1); print("network")
    except OSError:
        pass
"""


def test_a_file_sees_nothing_of_the_portal(
    tmp_path: Path, target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WCO_CANARY", "canary-of-the-portal")
    file = alembic_revision(
        "n1", up=["SELECT 1"], follows=None, body=NOSY.strip().replace("MANAGE", str(ROOT))
    )

    result = Desk(tmp_path, target).up(file)

    assert result.exit_code == 0, result.output
    line, *rest = result.output.splitlines()
    assert line.startswith("environment")
    assert "WCO" not in line
    assert "PASS" not in line
    assert rest == ["2025_n1.py: applied"]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("raise SystemExit(0)", "ERROR: SystemExit at 2025_h1.py, line"),
        ("import os; os._exit(0)", ""),
        ("raise ValueError('999-12-3456')", "ERROR: ValueError at 2025_h1.py, line"),
    ],
)
def test_a_file_that_ends_itself_is_not_recorded(
    tmp_path: Path, target: Target, body: str, said: str
) -> None:
    file = alembic_revision("h1", up=["CREATE TABLE one (id int)"], follows=None, body=body)
    desk = Desk(tmp_path, target)

    result = desk.up(file)

    assert said in result.output
    assert "999-12-3456" not in result.output
    assert (result.committed_writes, desk.history(file), target.relations()) == ((), [], [])
