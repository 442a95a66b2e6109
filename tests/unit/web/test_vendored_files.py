"""The committed third-party files are the ones that the lock names, with their licences beside them."""

import json
import shutil

import pytest

from tools.vendor import FOLDERS, problems, read_lock


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.parent.name)
def test_every_vendored_file_has_the_hash_of_its_lock(folder):
    assert problems(folder=folder) == []


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.parent.name)
def test_every_package_has_its_licence_text_beside_it(folder):
    for package in read_lock(folder=folder):
        licences = [file["file"] for file in package["files"] if file["from"].startswith("LICENSE")]

        assert licences, package["package"]
        assert (folder / licences[0]).stat().st_size > 100
        assert package["licence"] in {"MIT", "0BSD", "OFL-1.1", "MPL-2.0"}


def test_a_changed_a_missing_and_a_stray_file_are_named(tmp_path):
    folder = tmp_path / "vendor"
    shutil.copytree(FOLDERS[0], folder)
    script = folder / "idiomorph" / "idiomorph-ext.min.js"
    script.write_bytes(script.read_bytes() + b" ")
    (folder / "uplot" / "LICENSE").unlink()
    (folder / "stray.js").write_text("")

    named = problems(folder=folder)

    assert len(named) == 3
    assert "idiomorph-ext.min.js is not the file of idiomorph" in named[1]
    assert "LICENSE is missing" in named[0]
    assert "stray.js is in no lock" in named[2]


def test_no_lock_names_an_address():
    for folder in FOLDERS:
        assert "://" not in json.dumps(read_lock(folder=folder))
