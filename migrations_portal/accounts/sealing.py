"""The secret of a second factor is stored encrypted, with a key that the database does not hold."""

import base64
import hashlib

from cryptography.fernet import Fernet, InvalidToken

from migrations_portal.accounts.rules import FactorKeyMissing

SHORTEST_KEY = 32


def _box(key: str) -> Fernet:
    if len(key) < SHORTEST_KEY:
        raise FactorKeyMissing(
            f"Second factors cannot be used: set WCO_FACTOR_KEY to at least {SHORTEST_KEY} random characters."
        )
    return Fernet(base64.urlsafe_b64encode(hashlib.sha256(key.encode()).digest()))


def seal(secret: str, *, key: str) -> str:
    """Return the secret encrypted; raise `FactorKeyMissing`."""
    return _box(key).encrypt(secret.encode()).decode()


def unseal(sealed: str, *, key: str) -> str:
    """Return the secret; raise `FactorKeyMissing` when this is not the key that it was sealed with."""
    try:
        return _box(key).decrypt(sealed.encode()).decode()
    except InvalidToken:
        raise FactorKeyMissing from None
