"""What pg_dump and pg_restore said, made fit for people: no row values (S10), and what to do."""

import re

_ADVICE = (
    (
        "server version mismatch",
        "Install PostgreSQL client tools that are at least as new as the server.",
    ),
    ("password authentication failed", "Renew the target's credential."),
    ("no password supplied", "Store a password in the target's credential."),
    ("connection refused", "Check that PostgreSQL runs, and the target's host and port."),
    (
        "timeout expired",
        "The server did not answer in time. Check the network and the target's host and port.",
    ),
    (
        "does not answer any more",
        "Check the network between this worker and the server, and try again.",
    ),
    ("could not translate host name", "Check the target's host."),
    (
        "permission denied",
        "Grant the portal's role the right to read everything (pg_read_all_data), and try again.",
    ),
    (
        "lock timeout",
        "Another session holds a table exclusively. Wait until it is done and try again.",
    ),
    (
        "statement timeout",  # what pg_dump's --lock-wait-timeout looks like
        "Another session holds a table exclusively. Wait until it is done and try again.",
    ),
    (
        "could not obtain lock",
        "Another session holds a table exclusively. Wait until it is done and try again.",
    ),
    (
        "could not lock",
        "Another session holds a table exclusively. Wait until it is done and try again.",
    ),
    (
        "invalid snapshot identifier",
        "The session that held the snapshot has ended. Run the backup again.",
    ),
    ("does not exist", "Check the target's database name and role."),
    ("no space left on device", "A disk is full. Make room on it and try again."),
    (
        "server closed the connection",
        "The server or somebody on it ended the connection. Try again when it is up.",
    ),
    (
        "terminating connection",
        "Somebody ended our session on the server. Find out who, and try again.",
    ),
    ("unexpected end of file", "The backup is cut short. Take it again."),
    ("input file is too short", "The backup is empty or cut short. Take it again."),
    ("could not read from input file", "The backup is cut short. Take it again."),
    (
        "does not appear to be a valid archive",
        "This is no backup of ours, or its beginning is damaged. Take it again.",
    ),
    ("could not uncompress", "The backup is damaged. Take it again."),
    ("could not decompress", "The backup is damaged. Take it again."),
    ("unrecognized data block type", "The backup is damaged. Take it again."),
    ("corrupt", "The backup is damaged. Take it again."),
    ("already exists", "The database to restore into is not empty. Restore into a new one."),
    (
        "does not support compression",
        "This build of the tools cannot read the backup's compression. Use the build that wrote it.",
    ),
)
"""Pieces of the tools' messages (lower case, `LC_ALL=C`), and what to do then."""

_ERROR = re.compile(r"^(?:\S+: )?(?:error|fatal):\s*(.*)", re.IGNORECASE)
_CONTINUES = re.compile(
    r"^(?:\S+: )?(detail|context|hint|statement|command was|warning|from toc|where|location)\b",
    re.IGNORECASE,
)
_CHATTER = re.compile(
    r"^pg_(?:dump|restore): (?!error|fatal|detail|hint|warning).*$", re.MULTILINE | re.IGNORECASE
)
"""What `--verbose` says while all is well; it names tables, and so could hold any word."""
_DATA_ERROR = re.compile(
    r"invalid|out of range|too long|malformed|overflow|violates|duplicate|copy failed",
    re.IGNORECASE,
)
_QUOTED_TAIL = re.compile(r": (\"[^\"]*\"|'[^']*').*", re.DOTALL)
LONGEST = 300
"""Characters of a tool's message that are shown."""


def first_error(said: str) -> str:
    """Return the first error of a tool's stderr without DETAIL, CONTEXT, commands or input values; "" when none."""
    for line in said.splitlines():
        found = _ERROR.match(line.strip())
        if found and not _CONTINUES.match(line):
            return _without_values(found.group(1))[:LONGEST]
    return ""


def _without_values(message: str) -> str:
    if _DATA_ERROR.search(message):
        return _QUOTED_TAIL.sub(": [value removed]", message)
    return message


def sentence(*, tool: str, subject: str, code: int, said: str) -> str:
    """Return one sentence on what failed, why, and what to do."""
    error = first_error(said)
    how = f"was ended by signal {-code}" if code < 0 else f"ended with code {code}"
    why = f": {error.rstrip('.')}." if error else "."
    lowered = _CHATTER.sub("", said).lower()
    advice = next(
        (each for piece, each in _ADVICE if piece in lowered),
        "Look at the server's log, and try again.",
    )
    return f"{subject} failed: {tool} {how}{why} {advice}"
