import json
import subprocess
from pathlib import Path

import pytest

from migrations_portal.demo.data_folder import (
    clear,
    default_folder,
    keep_port,
    kept_port,
    sign_in_password,
)
from migrations_portal.demo.processes import Child, service_account
from migrations_portal.demo.servers import MARKER, DataFolderUnfit


def test_a_folder_without_the_marker_is_never_emptied(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")

    with pytest.raises(DataFolderUnfit, match="is left alone"):
        clear(tmp_path)

    assert (tmp_path / "thesis.txt").read_text() == "years of work"


def test_nothing_is_cleared_where_nothing_is(tmp_path: Path) -> None:
    assert not clear(tmp_path / "new")
    assert not clear(tmp_path)


def test_what_a_link_leads_to_survives(tmp_path: Path) -> None:
    data, others = tmp_path / "data", tmp_path / "others"
    others.mkdir()
    (others / "kept").touch()
    data.mkdir()
    (data / MARKER).touch()
    (data / "projects").symlink_to(others)
    (data / "pgdata").mkdir()
    (data / "pgdata" / "PG_VERSION").touch()

    assert clear(data)

    assert list(data.iterdir()) == []
    assert (others / "kept").exists()


def test_what_a_killed_demo_left_running_is_ended_before_its_data_go(tmp_path: Path) -> None:
    (tmp_path / MARKER).touch()
    left = Child(
        name="sleeper",
        log=tmp_path / "logs" / "sleeper.log",
        record=tmp_path / "run" / "sleeper.pid",
        account=service_account(),
    )
    sleeper = subprocess.Popen(["/bin/sleep", "600"])
    started = Path(f"/proc/{sleeper.pid}/stat").read_text().rpartition(")")[2].split()[19]
    left.record.parent.mkdir()
    left.record.write_text(json.dumps({"pid": sleeper.pid, "started": started}))

    assert clear(tmp_path)

    assert sleeper.wait(1) != 0


def test_a_process_that_only_got_the_same_number_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / MARKER).touch()
    (tmp_path / "run").mkdir()
    sleeper = subprocess.Popen(["/bin/sleep", "600"])
    record = {"pid": sleeper.pid, "started": "1"}
    (tmp_path / "run" / "web.pid").write_text(json.dumps(record))

    clear(tmp_path)

    assert sleeper.poll() is None
    sleeper.kill()
    sleeper.wait()


def test_the_password_is_made_once_and_only_the_owner_reads_it(tmp_path: Path) -> None:
    first = sign_in_password(tmp_path)

    assert sign_in_password(tmp_path) == first
    assert len(first) >= 12
    assert (tmp_path / "sign-in-password").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(("written", "read"), [("8123\n", 8123), ("", None), ("99999999", None)])
def test_the_kept_port_is_read_with_care(tmp_path: Path, written: str, read: int | None) -> None:
    (tmp_path / "port").write_text(written)

    assert kept_port(tmp_path) == read


def test_a_port_is_kept(tmp_path: Path) -> None:
    assert kept_port(tmp_path) is None

    keep_port(tmp_path, 8321)

    assert kept_port(tmp_path) == 8321


@pytest.mark.parametrize(
    ("uid", "environment", "folder"),
    [
        (0, {"HOME": "/root"}, "/var/lib/wco-demo"),
        (1000, {"HOME": "/home/ana"}, "/home/ana/.local/share/wco-demo"),
        (1000, {"HOME": "/home/ana", "XDG_DATA_HOME": "/big"}, "/big/wco-demo"),
    ],
)
def test_where_the_data_are_unless_one_says_otherwise(
    monkeypatch: pytest.MonkeyPatch, uid: int, environment: dict[str, str], folder: str
) -> None:
    monkeypatch.setattr("os.geteuid", lambda: uid)
    monkeypatch.delenv("XDG_DATA_HOME", raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)

    assert default_folder() == Path(folder)
