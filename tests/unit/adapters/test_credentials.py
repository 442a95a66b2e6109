"""The folder of credentials."""

from pathlib import Path

import pytest

from migrations_portal.adapters.credentials import FolderCredentials
from migrations_portal.targets.ports import Credential, CredentialMissing


def keep(folder: Path, text: str, *, mode: int = 0o600) -> FolderCredentials:
    file = folder / "production.json"
    file.write_text(text)
    file.chmod(mode)
    return FolderCredentials(folder)


def test_a_credential_is_read(tmp_path: Path) -> None:
    source = keep(tmp_path, '{"user": "wco", "password": "p:w"}')

    assert source.fetch("production") == Credential("wco", "p:w")


@pytest.mark.parametrize("name", ["../production", "", ".hidden", "a/b", "staging"])
def test_a_name_that_is_not_there_or_climbs_out_is_refused(tmp_path: Path, name: str) -> None:
    source = keep(tmp_path, '{"user": "wco", "password": "x"}')

    with pytest.raises(CredentialMissing):
        source.fetch(name)


def test_a_file_that_others_can_read_is_not_used(tmp_path: Path) -> None:
    with pytest.raises(CredentialMissing, match="chmod 600"):
        keep(tmp_path, '{"user": "wco", "password": "x"}', mode=0o644).fetch("production")


@pytest.mark.parametrize(
    "text", ["", "canary", '{"user": "canary"}', '["canary"]', '{"user": "", "password": "canary"}']
)
def test_a_broken_file_is_told_without_its_content(tmp_path: Path, text: str) -> None:
    with pytest.raises(CredentialMissing) as failure:
        keep(tmp_path, text).fetch("production")

    assert "canary" not in failure.value.sentence
