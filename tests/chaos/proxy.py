"""A TCP proxy whose network can be made to fail, on a thread of its own: put it before PostgreSQL, Redis, S3 or SMTP."""

import asyncio
import contextlib
import threading
from collections.abc import Coroutine
from dataclasses import dataclass, field


@dataclass
class Weather:
    """What the network does. Everything but `refuse` and `cut_after` acts on connections that are open already, too."""

    refuse: bool = False
    """New connections are reset at once."""
    black_hole: bool = False
    """Half-open: connections are accepted and bytes acknowledged, and nothing is passed on, either way."""
    delay: float = 0.0
    """Seconds that each piece takes, each way."""
    cut_after: int | None = None
    """Each connection is reset when so many bytes have come back from the server."""


@dataclass
class Proxy:
    """Listens on a free port of 127.0.0.1 and passes on to `upstream`, as the weather allows."""

    upstream: tuple[str, int]
    weather: Weather = field(default_factory=Weather)
    port: int = field(default=0, init=False)
    taken: int = field(default=0, init=False)
    """Connections taken so far."""
    came_back: int = field(default=0, init=False)
    """Bytes that came back from the server over the connection that ended last."""

    def __post_init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._open: set[asyncio.Task[None]] = set()
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxy", daemon=True)

    def __enter__(self) -> "Proxy":
        self._thread.start()
        self._call(self._listen())
        return self

    def __exit__(self, *_error: object) -> None:
        self._call(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        self._loop.close()

    def cut(self) -> None:
        """Reset every connection that is open now."""
        self._call(self._cut())

    def heal(self, *, cut: bool = True) -> None:
        """Good weather again. With `cut=False` nobody tells the two ends of a lost connection that it is lost."""
        self.weather = Weather()
        if cut:
            self.cut()

    def _call(self, work: Coroutine[object, object, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _close(self) -> None:
        self._server.close()
        await self._cut()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    async def _cut(self) -> None:
        for task in list(self._open):
            task.cancel()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.taken += 1
        task = asyncio.current_task()
        assert task is not None
        self._open.add(task)
        try:
            if not self.weather.refuse:
                await self._join(reader, writer)
        except (OSError, asyncio.CancelledError):
            pass  # a reset is what the other side sees
        finally:
            writer.transport.abort()
            self._open.discard(task)

    async def _join(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await self._passable()
        there, back = await asyncio.open_connection(*self.upstream)
        ways = [
            asyncio.create_task(self._pass_on(reader, back, limited=False)),
            asyncio.create_task(self._pass_on(there, writer, limited=True)),
        ]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            back.transport.abort()

    async def _pass_on(
        self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, *, limited: bool
    ) -> None:
        passed = 0
        with contextlib.suppress(OSError):
            while data := await source.read(16_384):
                await asyncio.sleep(self.weather.delay)
                await self._passable()
                most = self.weather.cut_after
                if limited and most is not None and passed + len(data) > most:
                    sink.write(data[: most - passed])
                    await sink.drain()
                    return
                passed += len(data)
                sink.write(data)
                await sink.drain()
            if limited:
                self.came_back = passed
            sink.write_eof()
            await asyncio.sleep(0.2)  # what is on its way back still arrives

    async def _passable(self) -> None:
        if self.weather.black_hole:
            await (
                asyncio.Event().wait()
            )  # for ever: a connection that the network has lost stays lost
