"""The Python that runs customers' files in the sandbox: the worker's interpreter and standard library, none of our packages."""

import os
import sys
import sysconfig
from functools import cache
from pathlib import Path

from migrations_portal.adapters.sandbox import Mount, libraries
from migrations_portal.execution.ports import DriverMissing

HOME = "/opt/python"
NOT_OURS = ("site-packages", "dist-packages")
"""Folders of the standard library's folder where packages of the worker may be; the sandbox sees them empty."""

MANYLINUX = (
    *("libgcc_s.so.1", "libstdc++.so.6", "libm.so.6", "libdl.so.2", "librt.so.1", "libc.so.6"),
    *("libpthread.so.0", "libutil.so.1", "libresolv.so.2", "libz.so.1", "libexpat.so.1"),
)
"""What a wheel may take from the system (PEP 600), where the system has it."""


def version() -> str:
    """Return the version that a project's packages have to be prepared for, such as 3.11."""
    return f"{sys.version_info.major}.{sys.version_info.minor}"


def mounts(*, empty: Path) -> tuple[Mount, ...]:
    """Return interpreter, standard library and system libraries; `empty` is a folder that hides the worker's packages."""
    program, library = _interpreter()
    inside = f"{HOME}/lib/python{version()}"
    hidden = [name for name in NOT_OURS if (library / name).is_dir()]
    return (
        Mount(program, f"{HOME}/bin/python3"),
        Mount(library, inside),
        *(Mount(empty, f"{inside}/{name}") for name in hidden),
        *(Mount(path, str(path)) for path in _libraries()),
    )


def library_path() -> str:
    """Return where the loader finds the system libraries."""
    return ":".join(sorted({str(path.parent) for path in _libraries()}))


@cache
def _interpreter() -> tuple[Path, Path]:
    base = Path(sys.base_prefix)
    program = base / "bin" / f"python{version()}"
    library = Path(sysconfig.get_path("stdlib", vars={"installed_base": sys.base_prefix}))
    if not program.is_file() or not (library / "os.py").is_file():
        raise DriverMissing(f"The worker's Python is not complete at {base}; install it again.")
    return program.resolve(), library


@cache
def _libraries() -> tuple[Path, ...]:
    program, library = _interpreter()
    found = set(libraries(program, *sorted((library / "lib-dynload").glob("*.so"))))
    folders = {path.parent for path in found}
    found |= {folder / name for folder in folders for name in MANYLINUX if (folder / name).exists()}
    return tuple(sorted(found, key=os.fspath))
