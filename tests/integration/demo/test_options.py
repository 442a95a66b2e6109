import socket
from pathlib import Path

import pytest

from migrations_portal.demo.options import (
    NotOnThisMachine,
    PortTaken,
    check_nothing_real,
    choose_port,
    read_options,
)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("WCO_DATABASE_URL", "postgresql://wco:secret@db.whitecross.example/wco"),
        ("WCO_DATABASE_URL", "postgresql://wco:secret@127.0.0.1,10.0.0.7/wco"),
        ("DATABASE_URL", "postgres://10.1.2.3/wco"),
        ("WCO_REDIS_URL", "redis://192.168.0.4:6379/0"),
        ("WCO_DATABASE_URL_FILE", "/run/secrets/database"),
        ("WCO_PUBLIC_URL", "https://ops.whitecross.example"),
    ],
)
def test_the_demo_refuses_an_environment_of_another_machine(name: str, value: str) -> None:
    with pytest.raises(NotOnThisMachine) as refused:
        check_nothing_real({name: value})

    assert name.removesuffix("_FILE") in refused.value.sentence
    assert "secret" not in refused.value.sentence


def test_the_demo_does_not_mind_an_environment_of_this_machine() -> None:
    check_nothing_real(
        {
            "WCO_DATABASE_URL": "postgresql://wco:x@127.0.0.1:5432/wco",
            "WCO_REDIS_URL": "redis://[::1]:6379/0",
            "WCO_PUBLIC_URL": "http://localhost:8000",
            "WCO_S3_ENDPOINT": "",
        }
    )


def test_a_wanted_port_that_is_taken_is_refused(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = other.getsockname()[1]

        with pytest.raises(PortTaken, match=f"Port {taken} of 127.0.0.1 is taken"):
            choose_port(taken, data=tmp_path)


def test_the_port_of_the_last_time_is_taken_again_unless_somebody_has_it(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        (tmp_path / "port").write_text(str(port))

        assert choose_port(None, data=tmp_path) != port

    assert choose_port(None, data=tmp_path) == port


@pytest.mark.parametrize("wrong", [["--port", "70000"], ["--port", "web"], ["--host", "10.0.0.7"]])
def test_a_wrong_argument_ends_with_a_sentence(
    wrong: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        read_options(wrong)

    assert ended.value.code == 2
    assert wrong[0] in capsys.readouterr().err


def test_the_data_folder_is_made_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    assert read_options(["--data", "here"]).data == tmp_path.resolve() / "here"
