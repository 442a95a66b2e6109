"""A schema as text, such that two equal schemas give equal text."""

import re

from migrations_portal.execution.recording import HISTORY_TABLES

NO_BOOKKEEPING = tuple(f'--exclude-table=*."{name}"' for name in HISTORY_TABLES)
"""A tool makes its history table when it first runs, even for a file that then fails: the schema is still the same."""

_NOISE = re.compile(
    r"""^(?:
      \\(?:un)?restrict\ \S+
    | --
    | --\ (?:Name|Data\ for\ Name|Dependencies|TOC\ entry|PostgreSQL\ database\ dump|Dumped\ (?:from|by))\b.*
    | SET\ (?:statement_timeout|lock_timeout|idle_in_transaction_session_timeout|transaction_timeout|client_encoding
        |standard_conforming_strings|check_function_bodies|xmloption|client_min_messages|row_security
        |default_tablespace|default_table_access_method|default_with_oids|escape_string_warning)\ =\ .*;
    | SELECT\ pg_catalog\.set_config\('search_path',\ '',\ false\);
    )$""",
    re.VERBOSE,
)
"""Lines that pg_dump writes by itself. `\\restrict` carries a random token; versions and times differ from run to run.

Each is spelled out, because a line that begins with SET or with two dashes may also be part of a function's body.
"""


def normalised(dump: str) -> str:
    """Return `pg_dump --schema-only` without its noise, with single blank lines between the statements."""
    kept: list[str] = []
    for line in dump.splitlines():
        if _NOISE.match(line) or (not line and (not kept or not kept[-1])):
            continue
        kept.append(line)
    return "\n".join(kept).strip() + "\n"
