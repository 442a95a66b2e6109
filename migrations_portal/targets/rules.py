"""Words about targets, and what may be said about their tables."""

import re
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from urllib.parse import urlsplit
from zoneinfo import available_timezones

from migrations_portal.kernel.errors import Refused
from migrations_portal.people.rules import Role


class EnvironmentKind(StrEnum):
    STAGING = "STAGING"
    PRODUCTION = "PRODUCTION"


class StakeholderKind(StrEnum):
    """The five groups that the spec wants told at T-3."""

    ENGINEERING = "ENGINEERING"
    PRODUCT = "PRODUCT"
    CUSTOMER_SUPPORT = "CUSTOMER_SUPPORT"
    COMPLIANCE = "COMPLIANCE"
    INFRASTRUCTURE = "INFRASTRUCTURE"


PHI_ONLY_STAKEHOLDERS = frozenset({StakeholderKind.COMPLIANCE})
"""Told only when a plan touches PHI (spec, "Stakeholders to Notify")."""

PHI_TABLES_OF_THE_SPEC = ("students", "health_records", "medications", "patients", "consents")
"""Tables that a new target starts with in its PHI catalogue (design section 5)."""


class TagSource(StrEnum):
    """Who says that a table or column holds PHI."""

    LIST = "LIST"
    NAME = "NAME"
    PERSON = "PERSON"

    @property
    def sentence(self) -> str:
        """Where the tag comes from, for the page."""
        return {
            TagSource.LIST: "on the list that the target started with",
            TagSource.NAME: "its name looks like PHI",
            TagSource.PERSON: "tagged by a person",
        }[self]


PHI_TAGGERS = frozenset(
    {Role.PRIVACY_OFFICER, Role.COMPLIANCE_OFFICER, Role.SECURITY_OFFICER, Role.DBA}
)
"""May say that a table or column holds PHI."""
PHI_CLEARERS = frozenset({Role.PRIVACY_OFFICER, Role.COMPLIANCE_OFFICER})
"""May say that it does not: fewer people, because that lowers the care that plans get."""

CATALOGUE_AGE = timedelta(minutes=10)
"""A target's catalogue is read again after this time, so that pages notice changes made outside of the portal."""
RATES_AGE = timedelta(days=30)
"""A calibration is repeated after this time."""


class TargetRefused(Refused):
    """The target cannot be kept like this."""

    code = "target-refused"

    def __init__(self, sentence: str = "", *, field: str = "") -> None:
        """Keep the name of the field that has to be changed, where it is one."""
        super().__init__(sentence)
        self.field = field


CONNECTION = ("host", "port", "database", "credential", "project")
"""What decides which database a plan changes, and with what; frozen while a plan waits that people have seen."""
FIXED = ("name", "environment")
"""Decided once: the ledger names a target by its name, and its environment decides which rules its plans obey."""
LONGEST_WATCH = 3600
MOST_ADDRESSES = 20
_CREDENTIAL = re.compile(r"[A-Za-z0-9._-]{1,80}")
_FOLDER = re.compile(r"[A-Za-z0-9._-]+(/[A-Za-z0-9._-]+)*")
_HOST = re.compile(r"[A-Za-z0-9._:-]{1,255}|/[A-Za-z0-9._/-]{1,254}")
_PRINTED = re.compile(r"[^\W_][\w .-]*")


@dataclass(frozen=True)
class TargetForm:
    """What an administrator says of a target, before it is checked. Credentials are names; the secret itself never comes here."""

    name: str
    environment: str
    host: str
    port: int
    database: str
    credential: str
    project: str
    time_zone: str
    smoke_addresses: tuple[str, ...] = ()
    watch_seconds: int = 300
    traffic_hook: str = ""
    traffic_credential: str = ""
    rds_instance: str = ""
    copies_may_hold_data: bool = True


_PATTERNS = (
    ("name", _PRINTED, "Begin with a letter; letters, digits, blanks, dots and dashes."),
    ("host", _HOST, "A host name, an address, or the folder of a socket; no user and no port."),
    ("credential", _CREDENTIAL, "A name of letters, digits, dots, dashes, underscores."),
    ("project", _FOLDER, "A folder below the projects folder, such as school-health."),
    ("traffic_credential", _CREDENTIAL, "A name of letters, digits, dots, dashes, underscores."),
)
_MAY_BE_EMPTY = {"traffic_credential"}


def check_target(form: TargetForm) -> None:
    """Raise `TargetRefused`, with the field and what to write there, for what cannot be kept."""
    for field, pattern, hint in _PATTERNS:
        value = getattr(form, field)
        empty = field in _MAY_BE_EMPTY and not value
        if not empty and (not pattern.fullmatch(value) or ".." in value):
            raise TargetRefused(hint, field=field)
    if form.environment not in set(EnvironmentKind):
        raise TargetRefused("Choose staging or production.", field="environment")
    if form.time_zone not in available_timezones():
        raise TargetRefused("Write a zone such as America/New_York.", field="time_zone")
    if not 0 <= form.watch_seconds <= LONGEST_WATCH:
        raise TargetRefused(f"Between 0 and {LONGEST_WATCH} seconds.", field="watch_seconds")
    _check_addresses(form)


def _check_addresses(form: TargetForm) -> None:
    if len(form.smoke_addresses) > MOST_ADDRESSES:
        raise TargetRefused(f"At most {MOST_ADDRESSES} addresses.", field="smoke_addresses")
    for address in form.smoke_addresses:
        _check_address(address, field="smoke_addresses")
    if form.traffic_hook:
        _check_address(form.traffic_hook, field="traffic_hook")


def _check_address(address: str, *, field: str) -> None:
    """Refuse what is no plain web address: with a user name or a password in it, or readable in two ways."""
    try:
        split = urlsplit(address)
        plain = split.scheme in {"http", "https"} and bool(split.hostname) and split.port != 0
    except ValueError:
        plain = False
    odd = {"@", "\\", "#"} & set(address) or ".." in address or any(each <= " " for each in address)
    if not plain or odd:
        raise TargetRefused(
            "This is no plain address. Write one like https://staging.example.org/health, without a user or a password in it.",
            field=field,
        )


LONGEST_LIST = 2_000
"""Lines of a list that are taken at once."""
_NAME = re.compile(r'"[^"\x00]{1,63}"|[^\W\d][\w$]{0,62}')


class NotAName(Refused):
    """This is no name of a table or column."""

    code = "not-a-name"


@dataclass(frozen=True)
class Tagged:
    """A table, or one of its columns."""

    relation: str
    column: str = ""

    def __str__(self) -> str:
        return f"{self.relation}.{self.column}" if self.column else self.relation


def parsed_list(text: str, *, known: frozenset[str]) -> list[Tagged]:
    """Read names one a line: `table`, `schema.table`, `table.column` or `schema.table.column`; `#` begins a comment.

    `known` are the tables of the target as `schema.table`; they decide whether `a.b` means a table or a column.
    Raises `NotAName` with the line that cannot be read.
    """
    lines = text.splitlines()
    if len(lines) > LONGEST_LIST:
        raise NotAName(
            f"The list has {len(lines)} lines; at most {LONGEST_LIST} are taken at once."
        )
    found = []
    for number, line in enumerate(lines, start=1):
        name = line.partition("#")[0].strip()
        if name:
            found.append(_parsed(name, number=number, known=known))
    return found


def _parsed(name: str, *, number: int, known: frozenset[str]) -> Tagged:
    parts = name.split(".")
    if len(parts) > 3 or not all(_NAME.fullmatch(part) for part in parts):  # noqa: PLR2004 - schema, table, column
        raise NotAName(
            f"Line {number}: “{name[:80]}” is no name of a table or column. "
            "Write students, public.students or public.students.email."
        )
    parts = [part.strip('"') for part in parts]
    if len(parts) == 3:  # noqa: PLR2004 - schema, table, column
        return Tagged(f"{parts[0]}.{parts[1]}", parts[2])
    if len(parts) == 1:
        return Tagged(qualified(parts[0], known=known))
    whole = ".".join(parts)
    table = qualified(parts[0], known=known)
    return Tagged(table, parts[1]) if whole not in known and table in known else Tagged(whole)


def qualified(name: str, *, known: frozenset[str]) -> str:
    """Return `schema.table` for a bare name when exactly one schema has it; otherwise the name as it is."""
    if "." in name:
        return name
    matching = [each for each in known if each.partition(".")[2] == name]
    return matching[0] if len(matching) == 1 else name
