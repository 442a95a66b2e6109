"""The client's half of PostgreSQL's password authentication: SCRAM-SHA-256 (RFC 5802, RFC 7677), md5, clear text.

Pure: no sockets here. Channel binding is not offered (`n,,`).
"""

import base64
import hashlib
import hmac
import secrets
import stringprep
import unicodedata

MECHANISM = "SCRAM-SHA-256"
FEWEST_ITERATIONS = 1
MOST_ITERATIONS = 10_000_000
"""A server that asks for more would only burn our processor."""


class ServerNotProven(Exception):
    """The server could not prove that it knows the password; it may be an impostor."""


def prepared(password: str) -> bytes:
    """Return the password as SASLprep (RFC 4013) wants it; as it stands where SASLprep forbids it, like libpq."""
    mapped = "".join(
        " " if stringprep.in_table_c12(char) else char
        for char in password
        if not stringprep.in_table_b1(char)
    )
    normal = unicodedata.normalize("NFKC", mapped)
    forbidden = (
        stringprep.in_table_c12,
        stringprep.in_table_c21_c22,
        stringprep.in_table_c3,
        stringprep.in_table_c4,
        stringprep.in_table_c5,
        stringprep.in_table_c6,
        stringprep.in_table_c7,
        stringprep.in_table_c8,
        stringprep.in_table_c9,
        stringprep.in_table_a1,
    )
    if any(table(char) for char in normal for table in forbidden):
        return password.encode()
    return normal.encode()


def md5_answer(*, user: str, password: str, salt: bytes) -> bytes:
    """Return the answer to an AuthenticationMD5Password request, without its zero byte."""
    inner = hashlib.md5(f"{password}{user}".encode(), usedforsecurity=False).hexdigest()
    outer = hashlib.md5(inner.encode() + salt, usedforsecurity=False).hexdigest()
    return b"md5" + outer.encode()


class Scram:
    """One SCRAM-SHA-256 exchange: `first()`, then `final(challenge)`, then `check(outcome)`."""

    def __init__(self, *, password: str, nonce: str = "") -> None:
        """Keep the password for the length of the exchange; `nonce` is random unless a test gives one."""
        self._password = prepared(password)
        self._nonce = nonce or base64.b64encode(secrets.token_bytes(18)).decode()
        self._first = f"n=,r={self._nonce}"
        self._server_signature = b""

    def first(self) -> bytes:
        """Return the client's first message; the user name stays empty, as PostgreSQL takes it from the startup."""
        return f"n,,{self._first}".encode()

    def final(self, challenge: bytes) -> bytes:
        """Return the proof; raises `ServerNotProven` for a challenge that is not one."""
        values = _attributes(challenge)
        try:
            nonce, salt, rounds = values["r"], base64.b64decode(values["s"]), int(values["i"])
        except (KeyError, ValueError) as broken:
            raise ServerNotProven("the server's SCRAM challenge cannot be read") from broken
        if not nonce.startswith(self._nonce) or len(nonce) == len(self._nonce):
            raise ServerNotProven("the server's SCRAM challenge answers somebody else")
        if not FEWEST_ITERATIONS <= rounds <= MOST_ITERATIONS:
            raise ServerNotProven(f"the server asks for {rounds} SCRAM rounds")
        salted = hashlib.pbkdf2_hmac("sha256", self._password, salt, rounds)
        client_key = _mac(salted, b"Client Key")
        without_proof = f"c=biws,r={nonce}"
        signed = f"{self._first},{challenge.decode()},{without_proof}".encode()
        signature = _mac(hashlib.sha256(client_key).digest(), signed)
        proof = bytes(a ^ b for a, b in zip(client_key, signature, strict=True))
        self._server_signature = _mac(_mac(salted, b"Server Key"), signed)
        return f"{without_proof},p={base64.b64encode(proof).decode()}".encode()

    def check(self, outcome: bytes) -> None:
        """Raise `ServerNotProven` unless the server shows that it knows the password too."""
        said = base64.b64decode(_attributes(outcome).get("v", ""))
        if not self._server_signature or not hmac.compare_digest(said, self._server_signature):
            raise ServerNotProven("the server could not prove that it knows the password")


def _mac(key: bytes, text: bytes) -> bytes:
    return hmac.new(key, text, "sha256").digest()


def _attributes(line: bytes) -> dict[str, str]:
    return {
        part[0]: part[2:] for part in line.decode("utf-8", "replace").split(",") if part[1:2] == "="
    }
