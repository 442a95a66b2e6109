"""Target credentials from a folder that only the executor may read (S6): one file `<name>.json` for each target."""

import json
import re
from pathlib import Path

from migrations_portal.targets.ports import Credential, CredentialMissing

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_OTHERS = 0o077
"""Mode bits of group and others."""


class FolderCredentials:
    """Reads `{"user": …, "password": …}`. Keeps nothing: the file is read at the start of each step."""

    def __init__(self, folder: Path) -> None:
        """Read from `folder`."""
        self._folder = folder

    def fetch(self, name: str) -> Credential:
        """Return the credential that lies under `name`."""
        if not _NAME.fullmatch(name):
            raise CredentialMissing(
                "The name of the target's credential may hold letters, digits, dots, dashes and underscores only."
            )
        path = self._folder / f"{name}.json"
        try:
            mode, text = path.stat().st_mode, path.read_text(encoding="utf-8")
        except FileNotFoundError:
            raise CredentialMissing(
                f"No credential {name} is stored. Put {name}.json into {self._folder}."
            ) from None
        except (OSError, UnicodeDecodeError) as error:
            raise CredentialMissing(
                f"The credential {path} cannot be read ({type(error).__name__})."
            ) from None
        if mode & _OTHERS:
            raise CredentialMissing(
                f"The credential {path} can be read by others, so it is not used. Run: chmod 600 {path}"
            )
        return _parse(text, path=path)


def _parse(text: str, *, path: Path) -> Credential:
    try:
        found = json.loads(text)
    except json.JSONDecodeError:
        found = None  # the parser's message would quote the secret
    if (
        isinstance(found, dict)
        and isinstance(user := found.get("user"), str)
        and isinstance(password := found.get("password"), str)
        and user
    ):
        return Credential(user, password)
    raise CredentialMissing(
        f'The credential {path} must hold {{"user": "…", "password": "…"}}.'
    ) from None
