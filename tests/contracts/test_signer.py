"""What every signer of checkpoints promises: a key in a file, and AWS KMS behind its HTTP protocol."""

import base64
import json
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import boto3
import pytest
from botocore.config import Config
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from migrations_portal.adapters.signing import KeyFileSigner, KmsSigner, new_private_key
from migrations_portal.audit.ports import Signer, SigningFailed

KEY = "alias/white-cross-ledger"
DER, SPKI = serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo


class KeyService(ThreadingHTTPServer):
    """The two calls of AWS KMS that a signer makes, on a key of this process: same words, same refusals."""

    def __init__(self, key: Ed25519PrivateKey | ec.EllipticCurvePrivateKey) -> None:
        super().__init__(("127.0.0.1", 0), _Call)
        self.key = key
        self.refuses = False
        self.asked: list[dict[str, Any]] = []

    def answer(self, action: str, asked: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        self.asked.append({"action": action, **asked})
        if asked["KeyId"] != KEY:
            return 400, {"__type": "NotFoundException", "message": "Key not found"}
        if self.refuses:
            return 400, {"__type": "DisabledException", "message": f"{KEY} is disabled."}
        if action == "GetPublicKey":
            spki = self.key.public_key().public_bytes(DER, SPKI)
            return 200, {"KeyId": KEY, "PublicKey": base64.b64encode(spki).decode()}
        assert action == "Sign"
        assert asked["MessageType"] == "RAW"
        assert asked["SigningAlgorithm"] == "ED25519_SHA_512"
        assert isinstance(self.key, Ed25519PrivateKey)
        signature = self.key.sign(base64.b64decode(asked["Message"]))
        return 200, {"KeyId": KEY, "Signature": base64.b64encode(signature).decode()}


class _Call(BaseHTTPRequestHandler):
    server: KeyService

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        action = self.headers["X-Amz-Target"].rpartition(".")[2]
        status, said = self.server.answer(action, asked)
        body = json.dumps(said).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/x-amz-json-1.1")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing in the tests' output."""


@pytest.fixture
def serve() -> Iterator[Callable[..., KeyService]]:
    started: list[KeyService] = []

    def start(key: Ed25519PrivateKey | ec.EllipticCurvePrivateKey) -> KeyService:
        started.append(KeyService(key))
        Thread(target=started[-1].serve_forever, daemon=True).start()
        return started[-1]

    yield start
    for each in started:
        each.shutdown()
        each.server_close()


def by_kms(service: KeyService, *, key: str = KEY) -> KmsSigner:
    client = boto3.client(
        "kms",
        region_name="us-east-1",
        endpoint_url=f"http://127.0.0.1:{service.server_port}",
        aws_access_key_id="tests",
        aws_secret_access_key="tests",
        config=Config(retries={"max_attempts": 1}),
    )
    return KmsSigner(key, region="us-east-1", client=client)


@pytest.fixture(params=["file", "kms"])
def signer(request: pytest.FixtureRequest, serve: Callable[..., KeyService]) -> Signer:
    if request.param == "file":
        return KeyFileSigner(new_private_key())
    return by_kms(serve(Ed25519PrivateKey.generate()))


def test_what_is_signed_is_verified_by_the_public_key_and_nothing_else_is(signer: Signer) -> None:
    public = Ed25519PublicKey.from_public_bytes(bytes.fromhex(signer.public_key()))
    signature = bytes.fromhex(signer.sign(b'{"seq":7}'))

    public.verify(signature, b'{"seq":7}')
    with pytest.raises(InvalidSignature):
        public.verify(signature, b'{"seq":8}')


def test_the_public_key_stays_the_same(signer: Signer) -> None:
    assert signer.public_key() == signer.public_key()
    assert len(signer.public_key()) == 64


def test_kms_is_asked_for_its_public_key_once(serve: Callable[..., KeyService]) -> None:
    service = serve(Ed25519PrivateKey.generate())
    signer = by_kms(service)

    signer.public_key()
    signer.public_key()

    assert [call["action"] for call in service.asked] == ["GetPublicKey"]


def test_a_key_of_another_kind_is_refused_with_what_is_needed(
    serve: Callable[..., KeyService],
) -> None:
    with pytest.raises(SigningFailed, match="ECC_NIST_EDWARDS25519"):
        by_kms(serve(ec.generate_private_key(ec.SECP256R1()))).public_key()


@pytest.mark.parametrize("act", [lambda s: s.sign(b"x"), lambda s: s.public_key()])
def test_what_kms_refuses_is_said(
    serve: Callable[..., KeyService], act: Callable[[Signer], str]
) -> None:
    service = serve(Ed25519PrivateKey.generate())
    service.refuses = True

    with pytest.raises(SigningFailed, match="is disabled"):
        act(by_kms(service))
    service.refuses = False
    with pytest.raises(SigningFailed, match="not found"):
        act(by_kms(service, key="alias/another"))
