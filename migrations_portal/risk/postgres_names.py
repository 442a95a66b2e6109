"""What every PostgreSQL knows without our schema: its functions with their volatility, and its types.

The lists were read from `pg_proc` and `pg_type` of real servers 13 to 18.
"""

from __future__ import annotations

from importlib import resources


def _sections() -> dict[str, frozenset[str]]:
    text = resources.files("migrations_portal.risk").joinpath("data/postgres_names.txt").read_text()
    names: dict[str, list[str]] = {}
    section = ""
    for line in text.splitlines():
        if line.startswith("["):
            section = line.strip("[]")
        elif not line.startswith("#"):
            names.setdefault(section, []).extend(line.split())
    return {section: frozenset(words) for section, words in names.items()}


_SECTIONS = _sections()
VOLATILE_FUNCTIONS = _SECTIONS["volatile"]
STABLE_FUNCTIONS = _SECTIONS["stable"]
IMMUTABLE_FUNCTIONS = _SECTIONS["immutable"]
FUNCTIONS = VOLATILE_FUNCTIONS | STABLE_FUNCTIONS | IMMUTABLE_FUNCTIONS
TYPES = _SECTIONS["types"]
SERIAL_TYPES = {
    "smallserial": "int2", "serial2": "int2",
    "serial": "int4", "serial4": "int4",
    "bigserial": "int8", "serial8": "int8",
}  # fmt: skip
