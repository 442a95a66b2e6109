"""The secrets of one demo data folder: made once, kept in it, readable by its owner only."""

import json
import os
import secrets
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Self

from migrations_portal.adapters.signing import new_private_key


def _new() -> str:
    return secrets.token_urlsafe(24)


@dataclass(frozen=True)
class Keys:
    """One random secret per purpose. None of them shows in a repr."""

    pg_admin: str = field(default_factory=_new, repr=False)
    """Superuser `wco` of the embedded PostgreSQL."""
    app: str = field(default_factory=_new, repr=False)
    """Role `wco_app`, as which web and workers sign in."""
    owner: str = field(default_factory=_new, repr=False)
    """Role `wco_owner`, owner of the portal's database."""
    migrator: str = field(default_factory=_new, repr=False)
    """Role `wco_migrator`, owner of the target databases."""
    redis: str = field(default_factory=_new, repr=False)
    s3_access: str = field(default_factory=lambda: "wco" + secrets.token_hex(8), repr=False)
    s3_secret: str = field(default_factory=_new, repr=False)
    s3_encryption: str = field(default_factory=_new, repr=False)
    """From which SeaweedFS derives the key of encrypted objects (SSE-S3)."""
    django: str = field(default_factory=lambda: secrets.token_urlsafe(48), repr=False)
    """Django's SECRET_KEY."""
    ledger: str = field(default_factory=new_private_key, repr=False)
    """The Ed25519 key (PEM) that signs the ledger's checkpoints."""

    factor: str = field(default_factory=lambda: secrets.token_urlsafe(48), repr=False)
    """Encrypts the secrets of second factors."""

    @classmethod
    def kept_in(cls, path: Path) -> Self:
        """Read the secrets kept in `path` (mode 0600), after adding those that it lacks."""
        kept = json.loads(path.read_text()) if path.exists() else {}
        known = {each.name for each in fields(cls)}
        keys = cls(**{name: value for name, value in kept.items() if name in known})
        if asdict(keys) != kept:
            half = path.with_suffix(".half")
            half.unlink(missing_ok=True)
            handle = os.open(half, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(handle, "w") as file:
                json.dump(asdict(keys), file, indent=1)
            half.rename(path)
        return keys
