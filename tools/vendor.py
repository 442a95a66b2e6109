"""Fetch the few third-party browser files that are committed, and hold them against their lock.

`python -m tools.vendor` checks the committed files. With `--fetch` it gets the locked versions
again by `npm pack` and refuses a package whose content changed. `--renew uplot@1.6.33` moves one
package to another version and writes the lock.
"""

import argparse
import base64
import hashlib
import json
import subprocess
import sys
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
FOLDERS = (ROOT / "static" / "vendor", ROOT / "tests" / "vendor")
"""What pages load, and what only tests load. Each folder has its own LOCK.json."""


class VendorMismatch(Exception):
    """A vendored file or package is not what the lock says."""


@dataclass(frozen=True)
class Package:
    """One package as fetched: the hash of its archive and the bytes of the files we keep."""

    sha512: str
    contents: dict[str, bytes]


def read_lock(*, folder: Path) -> list[dict[str, Any]]:
    """Return the packages that the folder's LOCK.json names."""
    packages: list[dict[str, Any]] = json.loads((folder / "LOCK.json").read_text())["packages"]
    return packages


def problems(*, folder: Path) -> list[str]:
    """Return a sentence for each file that is missing, changed, or not in the lock."""
    found = []
    locked = {"LOCK.json"}
    for package in read_lock(folder=folder):
        for file in package["files"]:
            locked.add(file["file"])
            path = folder / file["file"]
            if not path.is_file():
                found.append(f"{path} is missing. Run: python -m tools.vendor --fetch")
            elif hashlib.sha256(path.read_bytes()).hexdigest() != file["sha256"]:
                found.append(
                    f"{path} is not the file of {package['package']} {package['version']}."
                )
    present = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    found += [f"{folder / name} is in no lock." for name in sorted(present - locked)]
    return found


def pack(*, name: str, version: str, wanted: list[str]) -> Package:
    """Fetch one package by `npm pack` and return the wanted files of it."""
    with tempfile.TemporaryDirectory() as scratch:
        command = ["npm", "pack", "--silent", "--pack-destination", scratch, f"{name}@{version}"]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        (archive,) = Path(scratch).glob("*.tgz")
        raw = archive.read_bytes()
        with tarfile.open(archive) as tar:
            contents = {}
            for path in wanted:
                member = tar.extractfile(f"package/{path}")
                if member is None:
                    raise VendorMismatch(f"{name} {version} holds no file {path}.")
                contents[path] = member.read()
    return Package(
        sha512=base64.b64encode(hashlib.sha512(raw).digest()).decode(), contents=contents
    )


def fetch(*, folder: Path, renew: dict[str, str]) -> list[str]:
    """Write the locked files of a folder again; return the packages that `renew` moved."""
    packages = read_lock(folder=folder)
    moved = []
    for package in packages:
        name = package["package"]
        version = renew.get(name, package["version"])
        got = pack(name=name, version=version, wanted=[file["from"] for file in package["files"]])
        if name in renew:
            moved.append(name)
        elif got.sha512 != package["tarball_sha512"]:
            raise VendorMismatch(
                f"The content of {name} {version} changed. Look before you trust it."
            )
        package |= {"version": version, "tarball_sha512": got.sha512}
        for file in package["files"]:
            content = got.contents[file["from"]]
            file["sha256"] = hashlib.sha256(content).hexdigest()
            path = folder / file["file"]
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
    (folder / "LOCK.json").write_text(json.dumps({"packages": packages}, indent=2) + "\n")
    return moved


def main() -> int:
    """Check, or fetch and then check."""
    parser = argparse.ArgumentParser(description="Check, fetch or renew the vendored files.")
    parser.add_argument("--fetch", action="store_true", help="get the locked versions again")
    parser.add_argument("--renew", action="append", default=[], metavar="NAME@VERSION")
    arguments = parser.parse_args()
    renew = dict(each.rsplit("@", 1) for each in arguments.renew)
    if arguments.fetch or renew:
        moved = {name for folder in FOLDERS for name in fetch(folder=folder, renew=renew)}
        if unknown := renew.keys() - moved:
            raise VendorMismatch(f"No lock names {sorted(unknown)}. Add it to a LOCK.json first.")
    wrong = [sentence for folder in FOLDERS for sentence in problems(folder=folder)]
    for sentence in wrong:
        print(sentence)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
