"""A passkey in software: makes key pairs and signs, as a device does, or as one that lies does."""

import hashlib
import json
import secrets
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import cbor2
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from webauthn.helpers import bytes_to_base64url as b64

from migrations_portal.accounts import enrolling, passkeys
from migrations_portal.accounts.models import Passkey
from migrations_portal.accounts.passkeys import Answer, Site
from migrations_portal.people.models import Person

HERE = Site("http://localhost:8000")
PRESENT, VERIFIED, HAS_KEY = 1, 4, 64
"""Flags of what a device says: somebody touched it; it knows that it was its owner; a public key follows."""


@dataclass
class Authenticator:
    """One device with one key. `origin` and `rp_id` are what its browser says of the page; `verifies`: whether it checks its owner."""

    origin: str = HERE.origin
    rp_id: str = HERE.rp_id
    verifies: bool = True
    count: int = 0
    credential_id: bytes = field(default_factory=lambda: secrets.token_bytes(32))
    key: ec.EllipticCurvePrivateKey = field(
        default_factory=lambda: ec.generate_private_key(ec.SECP256R1())
    )

    def make(self, told: dict[str, Any]) -> str:
        """Answer `navigator.credentials.create`: attestation "none"."""
        self.count += 1
        data = self._data(extra=HAS_KEY)
        data += bytes(16) + len(self.credential_id).to_bytes(2, "big") + self.credential_id
        data += self._public_key()
        seen = {"fmt": "none", "attStmt": {}, "authData": data}
        return self._told(
            client=self._client("webauthn.create", told["challenge"]),
            attestationObject=b64(cbor2.dumps(seen)),
            transports=["internal"],
        )

    def sign(self, told: dict[str, Any]) -> str:
        """Answer `navigator.credentials.get`."""
        self.count += 1
        data, client = self._data(), self._client("webauthn.get", told["challenge"])
        signed = self.key.sign(data + hashlib.sha256(client).digest(), ec.ECDSA(hashes.SHA256()))
        return self._told(client=client, authenticatorData=b64(data), signature=b64(signed))

    def _data(self, *, extra: int = 0) -> bytes:
        flags = PRESENT | extra | (VERIFIED if self.verifies else 0)
        return (
            hashlib.sha256(self.rp_id.encode()).digest()
            + bytes([flags])
            + self.count.to_bytes(4, "big")
        )

    def _client(self, kind: str, challenge: str) -> bytes:
        return json.dumps({"type": kind, "challenge": challenge, "origin": self.origin}).encode()

    def _public_key(self) -> bytes:
        """The key in COSE form: EC2, ES256, P-256, x, y."""
        point = self.key.public_key().public_numbers()
        x, y = (number.to_bytes(32, "big") for number in (point.x, point.y))
        return cbor2.dumps({1: 2, 3: -7, -1: 1, -2: x, -3: y})

    def _told(self, *, client: bytes, **response: Any) -> str:
        it = b64(self.credential_id)
        response["clientDataJSON"] = b64(client)
        return json.dumps({"id": it, "rawId": it, "type": "public-key", "response": response})


def give_passkey(
    person: Person, *, name: str = "Work laptop", at: datetime | None = None, site: Site = HERE
) -> tuple[Authenticator, list[str]]:
    """Have the person add a passkey; return their device, and the recovery codes that they got."""
    device, now = Authenticator(origin=site.origin, rp_id=site.rp_id), at or datetime.now(UTC)
    told = enrolling.begin(person=person, bound_to="add", site=site, now=now)
    answer = Answer(text=device.make(told), bound_to="add", site=site)
    return device, enrolling.add(person=person, answer=answer, name=name, now=now)


def asked(person: Person, *, bound_to: str, now: datetime) -> dict[str, Any]:
    """Return what the person's passkeys are asked for an act."""
    return passkeys.ask(person=person, bound_to=bound_to, site=HERE, now=now)


def stored(device: Authenticator) -> Passkey:
    """Return the row of a device."""
    return Passkey.objects.get(credential_id=device.credential_id)
