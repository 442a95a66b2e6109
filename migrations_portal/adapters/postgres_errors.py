"""Turns psycopg's errors into sentences for people. Row values never pass (S10)."""

import psycopg

from migrations_portal.adapters.pg_wire_errors import without_values
from migrations_portal.targets.ports import Endpoint, QueryFailed, TargetUnreachable

_FIELDS = {
    "S": "severity",
    "C": "sqlstate",
    "M": "message_primary",
    "H": "message_hint",
    "s": "schema_name",
    "t": "table_name",
    "c": "column_name",
    "n": "constraint_name",
    "R": "source_function",
}
"""The protocol's letters, and what psycopg calls the same fields."""

_NAMED = (("t", "table"), ("c", "column"), ("n", "constraint"))

_ADVICE = {
    "57014": "It took longer than it may (statement_timeout) or was cancelled.",
    "55P03": "Another session holds a lock that it needs. Wait until that session is done and try again.",
    "42501": "Grant the portal's role on this target the right that is named, and try again.",
    "53100": "The server's disk is full. Make room on it and try again.",
    "25006": "The session may only read.",
}
"""What to do, by SQLSTATE, where the message alone does not say it."""

_WHY_UNREACHABLE = (
    ("password authentication failed", "It refused the password. Renew the target's credential."),
    ("no password supplied", "It wants a password. Store one in the target's credential."),
    (
        "no pg_hba.conf entry",
        "Its pg_hba.conf does not let this machine in. Add a line for the portal's worker.",
    ),
    (
        "too many clients",
        "It has no connection left. Raise max_connections or end idle sessions, and try again.",
    ),
    (
        "connection slots",
        "It has no connection left. Raise max_connections or end idle sessions, and try again.",
    ),
    ("starting up", "It is starting up. Try again in a minute."),
    ("shutting down", "It is shutting down. Find out why, and try again when it is back."),
    (
        "connection refused",
        "Nothing listens there. Check that PostgreSQL runs, and the target's host and port.",
    ),
    (
        "timeout",
        "It did not answer in time. Check the network, the firewall and the target's host and port.",
    ),
    ("no route to host", "The network has no way there. Check the firewall and the target's host."),
    (
        "network is unreachable",
        "The network has no way there. Check the firewall and the target's host.",
    ),
    ("resolve", "The host name is not known. Check the target's host."),
    ("name or service not known", "The host name is not known. Check the target's host."),
    ("not permitted to log in", "Its role may not log in. Ask the DBA for a role with LOGIN."),
    (
        "not currently accepting connections",
        "The database does not accept connections. Ask the DBA who closed it.",
    ),
    ("certificate", "Its TLS certificate is not trusted. Check sslmode and the certificate."),
)
"""Pieces of libpq's and the server's messages (lower case), and what to do then."""


def query_failed(error: psycopg.Error) -> QueryFailed:
    """Say what the server refused, with names and SQLSTATE, never with row values."""
    diag = error.diag
    fields = {
        letter: getattr(diag, name) for letter, name in _FIELDS.items() if getattr(diag, name)
    }
    kept = without_values(fields)
    sqlstate = kept.get("C", "")
    names = "".join(f", {word} {kept[letter]}" for letter, word in _NAMED if letter in kept)
    sentence = (
        f"The database refused a query: {kept['M']} (SQLSTATE {sqlstate or 'unknown'}{names})."
    )
    advice = _ADVICE.get(sqlstate, "")
    return QueryFailed(f"{sentence} {advice}".rstrip(), sqlstate=sqlstate)


def unreachable(error: psycopg.Error, endpoint: Endpoint) -> TargetUnreachable:
    """Say where we knocked, why nobody opened, and what to do."""
    said = str(error).lower()
    where = f"The database {endpoint.database} at {endpoint.host}:{endpoint.port} cannot be reached as {endpoint.user}."
    if f'database "{endpoint.database.lower()}" does not exist' in said:
        return TargetUnreachable(
            f"{where} The server has no database of that name. Check the target's database name."
        )
    for piece, advice in _WHY_UNREACHABLE:
        if piece in said:
            return TargetUnreachable(f"{where} {advice}")
    return TargetUnreachable(
        f"{where} Check host, port and credential of the target, and the server's log."
    )


def lost(endpoint: Endpoint) -> TargetUnreachable:
    """Say that an open session broke off."""
    return TargetUnreachable(
        f"The connection to {endpoint.database} at {endpoint.host}:{endpoint.port} broke off in the middle. "
        "Check that the server is up and that nobody ended our session, then try again."
    )
