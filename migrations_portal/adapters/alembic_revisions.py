"""Which revision an Alembic file is and which it follows: read from the text, which is never run here."""

import ast
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from migrations_portal.execution.ports import Bundle, DriverFailed

MOST_BYTES = 1024 * 1024
_SAID = ("revision", "down_revision", "depends_on")


@dataclass(frozen=True)
class Revision:
    """One file, as it names itself."""

    file: str
    id: str
    parents: tuple[str, ...]
    """Ids that have to be applied before: what it follows, and what it depends on."""


def read_revision(*, name: str, text: str) -> Revision:
    """Read the three assignments at the top of a file; raises `DriverFailed` with what is missing."""
    try:
        module = ast.parse(text)
    except SyntaxError as wrong:
        raise DriverFailed(f"{name} is not Python: {wrong.msg} (line {wrong.lineno}).") from None
    except (RecursionError, MemoryError, ValueError):
        raise DriverFailed(
            f"{name} is not Python that can be read: it is nested too deep."
        ) from None
    said = dict(_assignments(module, name))
    if not isinstance(said.get("revision"), str) or not said["revision"]:
        raise DriverFailed(
            f'{name} does not say which revision it is. It needs a line such as `revision = "1975ea83b712"`.'
        )
    if "down_revision" not in said:
        raise DriverFailed(
            f"{name} does not say what it follows. It needs a line `down_revision = ...` (None for the first)."
        )
    parents = (*_ids(name, said["down_revision"]), *_ids(name, said.get("depends_on")))
    return Revision(name, str(said["revision"]), parents)


def _assignments(module: ast.Module, name: str) -> Iterable[tuple[str, object]]:
    for line in module.body:
        targets = line.targets if isinstance(line, ast.Assign) else []
        if isinstance(line, ast.AnnAssign) and line.value is not None:
            targets = [line.target]
        for target in targets:
            if isinstance(target, ast.Name) and target.id in _SAID:
                yield target.id, _literal(name, target.id, line)


def _literal(name: str, word: str, line: ast.stmt) -> object:
    value = line.value if isinstance(line, (ast.Assign, ast.AnnAssign)) else None
    try:
        return ast.literal_eval(value) if value is not None else None
    except (ValueError, TypeError, RecursionError, MemoryError):
        raise DriverFailed(
            f"{name} must say {word} as plain text, not as a computed value."
        ) from None


def _ids(name: str, said: object) -> tuple[str, ...]:
    found = (said,) if isinstance(said, str) else said or ()
    if not isinstance(found, (tuple, list)) or not all(isinstance(each, str) for each in found):
        raise DriverFailed(f"{name}: down_revision and depends_on are revision ids or None.")
    return tuple(found)


class Revisions:
    """The revisions of a bundle: those of the project, and the approved files over them."""

    def __init__(self, found: Sequence[Revision]) -> None:
        """Take them; raises `DriverFailed` when two files are the same revision."""
        self._by_id: dict[str, Revision] = {}
        for each in found:
            if each.id in self._by_id:
                raise DriverFailed(
                    f"{each.file} and {self._by_id[each.id].file} are both revision {each.id}. Give one a new id."
                )
            self._by_id[each.id] = each

    @classmethod
    def of(cls, bundle: Bundle, *, versions: Path) -> "Revisions":
        """Read all files of a bundle; raises `DriverFailed` for one that cannot be read."""
        texts: dict[str, bytes] = {}
        for path in sorted(versions.glob("*.py")):
            if path.name != "__init__.py" and path.stat().st_size <= MOST_BYTES:
                texts[path.name] = path.read_bytes()
        texts |= {each.name: each.content for each in bundle.files}
        return cls([_decoded(name, content) for name, content in texts.items()])

    @property
    def files(self) -> Mapping[str, Revision]:
        """The revisions by their file."""
        return {each.file: each for each in self._by_id.values()}

    def applied(self, heads: Iterable[str]) -> tuple[Revision, ...]:
        """Return everything that the heads stand on; raises `DriverFailed` for a head that no file is."""
        found: dict[str, Revision] = {}
        waiting = list(heads)
        while waiting:
            number = waiting.pop()
            if number in found:
                continue
            if number not in self._by_id:
                raise DriverFailed(
                    f"Revision {number} is applied on the target, and none of the project's files is it. "
                    "Bring the prepared project on the worker up to date. Nothing was run."
                )
            found[number] = self._by_id[number]
            waiting += found[number].parents
        return tuple(found.values())

    @staticmethod
    def heads(applied: Iterable[Revision]) -> set[str]:
        """Return the ids that nothing else of `applied` stands on."""
        there = list(applied)
        below = {parent for each in there for parent in each.parents}
        return {each.id for each in there} - below


def _decoded(name: str, content: bytes) -> Revision:
    try:
        return read_revision(name=name, text=content.decode())
    except UnicodeDecodeError:
        raise DriverFailed(f"{name} is not UTF-8 text; nothing was run.") from None
