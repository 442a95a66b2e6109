"""One-time codes by the clock (RFC 6238), and the refusals around them. Pure: time and secrets are passed in."""

import base64
import hashlib
import hmac
import secrets
from datetime import datetime, timedelta
from urllib.parse import quote

from migrations_portal.kernel.errors import Refused, Trouble

STEP_SECONDS = 30
DIGITS = 6
DRIFT_STEPS = 1
"""RFC 6238 section 5.2 recommends at most one step for the delay between the two clocks."""
SECRET_BYTES = 20
"""RFC 4226 section 4, R6: 160 bits are recommended."""
RECOVERY_CODES = 10
RECOVERY_BYTES = 15
"""120 bits; from 112 bits on a plain hash is enough (ASVS 6.5.2)."""
MOST_WRONG = 5
LOCKED_FOR = timedelta(minutes=10)
"""Five wrong codes, then ten minutes of none: guessing one of the three valid codes takes years. Chosen by us."""

CHALLENGE_LIVES = timedelta(minutes=5)
"""How long a question to a passkey may wait for its answer (reliability.md, A5)."""
ASKED_AT_MOST = 30
ASKED_WITHIN_SECONDS = 60
"""So many questions to passkeys one person gets within a minute. Chosen by us."""
PASSKEYS_AT_MOST = 20

LINKS_AT_MOST = 3
LINKS_WITHIN = timedelta(hours=1)
"""So many links to choose a password one address gets within an hour, whoever asks for them. Chosen by us."""


class CodeWrong(Refused):
    """This code is not right, or was used already. Wait for the next one and type that."""

    code = "code-wrong"


class CodeLocked(Refused):
    """Too many wrong codes. Wait ten minutes, then try again."""

    code = "code-locked"


class ProofMissing(Refused):
    """Use your passkey, or give password and code in its place. Nothing was done."""

    code = "proof-missing"


class PasskeyRefused(Refused):
    """Your passkey's answer was not accepted. Nothing was done; try again, or give password and code in its place."""

    code = "passkey-refused"


class PasskeyLocked(PasskeyRefused):
    """Too many answers of passkeys were refused. Wait ten minutes, or give password and code in its place."""

    code = "passkey-locked"


class PasskeyCopied(PasskeyRefused):
    """A passkey counts fewer uses than it had, as a copy does. It was not accepted."""

    code = "passkey-copied"


class PasskeyNotFound(Refused):
    """You have no such passkey any more. Load the page again."""

    code = "passkey-not-found"


class PasskeysUnavailable(Refused):
    """Passkeys cannot be used here: the portal's public address is a number, and passkeys are made for names."""

    code = "passkeys-unavailable"


class TooManyPasskeys(Refused):
    """You have as many passkeys as one person may have. Remove one that is no longer used."""

    code = "too-many-passkeys"


class LastFactor(Refused):
    """Signing needs a second factor here, and this is your last one. Add another one, then remove this."""

    code = "last-factor"


class PasswordWrong(Refused):
    """This is not your password. Nothing was changed; try again."""

    code = "password-wrong"


class PasswordRefused(Refused):
    """Choose another password."""

    code = "password-refused"


class LinkNotGood(Refused):
    """This link is not good any more: it was used, or it is older than a day. Ask for a new one."""

    code = "account-link-not-good"


class AdministrationRefused(Refused):
    """This cannot be done with this person."""

    code = "administration-refused"


class RoleHeld(Refused):
    """They hold this role already."""

    code = "role-held"


class RoleNotHeld(Refused):
    """They do not hold this role any more. Load the page again."""

    code = "role-not-held"


class NotActive(Refused):
    """This person is deactivated. Let them in again first."""

    code = "person-not-active"


class Active(Refused):
    """This person is not deactivated. Load the page again."""

    code = "person-active"


class PersonNotFound(Refused):
    """There is no such person, or they have no part in the targets that you administer."""

    code = "person-not-found"


class FactorMissing(Refused):
    """Set up your second factor first, on the page Account."""

    code = "second-factor-missing"


class FactorPresent(Refused):
    """You have a second factor already. Remove it before you set up another one."""

    code = "second-factor-present"


class FactorKeyMissing(Trouble):
    """Second factors cannot be used: WCO_FACTOR_KEY is not set, or is not the key they were stored with."""

    code = "factor-key-missing"
    permanent = True


def new_secret() -> str:
    """Return a new shared secret in base32, as authenticator apps take it."""
    return base64.b32encode(secrets.token_bytes(SECRET_BYTES)).decode()


def step_at(now: datetime) -> int:
    """Return the number of the 30-second step in which `now` lies, counted from 1970."""
    return int(now.timestamp()) // STEP_SECONDS


def code_at(*, secret: str, step: int, digits: int = DIGITS) -> str:
    """Return the code of a step (RFC 4226 section 5.3, with SHA-1 as every app does)."""
    digest = hmac.digest(base64.b32decode(secret), step.to_bytes(8, "big"), hashlib.sha1)
    start = digest[-1] & 0x0F
    number = int.from_bytes(digest[start : start + 4], "big") & 0x7FFF_FFFF
    return str(number % 10**digits).zfill(digits)


def matching_step(*, secret: str, code: str, now: datetime, after: int) -> int | None:
    """Return the step whose code this is, among those newer than `after` (a used code is refused); None for none."""
    middle, found = step_at(now), None
    for step in range(middle - DRIFT_STEPS, middle + DRIFT_STEPS + 1):
        same = hmac.compare_digest(code_at(secret=secret, step=step).encode(), code.encode())
        if same and step > after:
            found = step
    return found


def address(*, secret: str, email: str) -> str:
    """Return the address by which an authenticator app takes the secret."""
    label = quote(f"White Cross Ops:{email}")
    return f"otpauth://totp/{label}?secret={secret}&issuer=White%20Cross%20Ops"


def spaced(text: str) -> str:
    """Return a secret or code in groups of four, as people type it."""
    return " ".join(text[start : start + 4] for start in range(0, len(text), 4))


def plain(text: str) -> str:
    """Return what somebody typed without spaces and dashes, in capitals."""
    return text.replace(" ", "").replace("-", "").upper()


def new_recovery_codes() -> list[str]:
    """Return ten codes, each good once."""
    return [
        base64.b32encode(secrets.token_bytes(RECOVERY_BYTES)).decode()
        for _ in range(RECOVERY_CODES)
    ]


def hash_of(code: str) -> str:
    """Return what is stored of a recovery code."""
    return hashlib.sha256(code.encode()).hexdigest()


PROOF_REFUSED = frozenset(
    {
        each.code
        for each in (
            CodeWrong,
            CodeLocked,
            PasswordWrong,
            FactorMissing,
            ProofMissing,
            PasskeyRefused,
            PasskeyLocked,
            PasskeyCopied,
        )
    }
)
"""The codes of refusals that mean: this person did not prove who they are."""
