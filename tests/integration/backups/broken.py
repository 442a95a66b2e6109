"""Ways in which a store, or the way to it, breaks."""

import io
import os
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, BinaryIO
from urllib.parse import urlsplit

from migrations_portal.adapters.s3 import S3Vault
from migrations_portal.adapters.s3_upload import Patience
from migrations_portal.backups.ports import StoredObject


class Damaging:
    """A vault that gives back other bytes than it was given."""

    def __init__(self, vault: Any, damage: Callable[[bytes], bytes]) -> None:
        self._vault, self._damage = vault, damage

    def __getattr__(self, name: str) -> Any:
        return getattr(self._vault, name)

    @contextmanager
    def open(self, stored: StoredObject) -> Iterator[BinaryIO]:
        with self._vault.open(stored) as stream:
            yield io.BytesIO(self._damage(stream.read()))


def cut(share: float) -> Callable[[bytes], bytes]:
    return lambda data: data[: int(len(data) * share)]


def flipped(share: float) -> Callable[[bytes], bytes]:
    def damage(data: bytes) -> bytes:
        at = int(len(data) * share)
        return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]

    return damage


class Proxy:
    """A door in front of the store. While `closed` it refuses; `rewrite` changes what the store answers."""

    def __init__(self, *, rewrite: Callable[[bytes], bytes] = bytes, close_after: int = 0) -> None:
        """Close by itself after so many bytes towards the store (0: never), until `reopen`."""
        where = urlsplit(os.environ["WCO_S3_ENDPOINT"])
        self._store = (str(where.hostname), int(where.port or 80))
        self._rewrite, self._left = rewrite, close_after
        self._limited = close_after > 0
        self.closed = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._serve, daemon=True).start()

    def vault(self, *, patience: float) -> S3Vault:
        return S3Vault(
            os.environ["WCO_S3_BUCKET"],
            endpoint_url=self.url,
            access_key=os.environ["WCO_S3_ACCESS_KEY"],
            secret_key=os.environ["WCO_S3_SECRET_KEY"],
            patience=Patience(seconds=patience, pause=0.2),
        )

    def reopen(self) -> None:
        self._limited = False
        self.closed.clear()

    def stop(self) -> None:
        self._listener.close()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                if self.closed.is_set():
                    client.close()
                    continue
                store = socket.create_connection(self._store)
                for source, sink, change in (
                    (client, store, self._count),
                    (store, client, self._rewrite),
                ):
                    threading.Thread(
                        target=self._pass, args=(source, sink, change), daemon=True
                    ).start()

    def _count(self, data: bytes) -> bytes:
        self._left -= len(data)
        if self._limited and self._left < 0:
            self.closed.set()
        return data

    def _pass(
        self, source: socket.socket, sink: socket.socket, change: Callable[[bytes], bytes]
    ) -> None:
        with suppress(OSError), source, sink:
            while data := source.recv(65_536):
                sink.sendall(change(data))
                if self.closed.is_set():
                    return
