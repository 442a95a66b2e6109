"""Keys that sign the ledger's checkpoints: a key file for one machine, AWS KMS for a company."""

from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from migrations_portal.audit.ports import SigningFailed


def new_private_key() -> str:
    """Return a new Ed25519 private key as PEM."""
    return (
        Ed25519PrivateKey.generate()
        .private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        .decode()
    )


def _hex(key: Ed25519PublicKey) -> str:
    return key.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw).hex()


def public_hex(pem: str) -> str:
    """Return the 64 hex digits of a public key given as PEM (public or private); raise `SigningFailed`."""
    try:
        if "PRIVATE" in pem:
            return KeyFileSigner(pem).public_key()
        key = serialization.load_pem_public_key(pem.encode())
    except ValueError as error:
        raise SigningFailed(f"This is not a key in PEM form: {error}") from None
    if not isinstance(key, Ed25519PublicKey):
        raise SigningFailed("The ledger's key has to be an Ed25519 key.")
    return _hex(key)


class KeyFileSigner:
    """Signs with a private key in PEM form. The key stays in this process."""

    def __init__(self, pem: str) -> None:
        """Read the key; raise `SigningFailed` when it is not an Ed25519 private key."""
        try:
            key = serialization.load_pem_private_key(pem.encode(), password=None)
        except (ValueError, TypeError):
            raise SigningFailed(
                "WCO_LEDGER_KEY is not a private key in PEM form (openssl genpkey -algorithm ed25519)."
            ) from None
        if not isinstance(key, Ed25519PrivateKey):
            raise SigningFailed("WCO_LEDGER_KEY has to be an Ed25519 key.")
        self._key = key

    def public_key(self) -> str:
        """Return the public key as hex."""
        return _hex(self._key.public_key())

    def sign(self, content: bytes) -> str:
        """Return the signature as hex."""
        return self._key.sign(content).hex()


class KmsSigner:
    """Signs by AWS KMS (key spec ECC_NIST_EDWARDS25519): the private key never leaves it."""

    def __init__(self, key_id: str, *, region: str, client: Any = None) -> None:
        """Use the key; credentials come from the worker's role, as AWS recommends."""
        self._key_id, self._public = key_id, ""
        self._client = client or boto3.client(
            "kms", region_name=region, config=Config(connect_timeout=5, read_timeout=10)
        )

    def public_key(self) -> str:
        """Return the public key as hex, asked once."""
        if not self._public:
            try:
                answer = self._client.get_public_key(KeyId=self._key_id)
            except (BotoCoreError, ClientError) as error:
                raise SigningFailed(
                    f"KMS does not give the ledger's public key: {error}"
                ) from error
            key = serialization.load_der_public_key(answer["PublicKey"])
            if not isinstance(key, Ed25519PublicKey):
                raise SigningFailed(
                    "WCO_LEDGER_KMS_KEY has to be a key of the spec ECC_NIST_EDWARDS25519."
                )
            self._public = _hex(key)
        return self._public

    def sign(self, content: bytes) -> str:
        """Return the signature as hex."""
        try:
            answer = self._client.sign(
                KeyId=self._key_id,
                Message=content,
                MessageType="RAW",
                SigningAlgorithm="ED25519_SHA_512",
            )
        except (BotoCoreError, ClientError) as error:
            raise SigningFailed(f"KMS does not sign the ledger's checkpoint: {error}") from error
        return bytes(answer["Signature"]).hex()
