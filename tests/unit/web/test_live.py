"""One look per second is shared by all viewers of a run; the portal's database may be away for some of them."""

import asyncio
import logging

import pytest

from migrations_portal.web import live

SEEN = live.Look(parts={True: {}, False: {}}, lines=(), live=True)
OVER = live.Look(parts={True: {}, False: {}}, lines=(), live=False)


class Looks:
    """Answers each look with the next of its results; the last one stays."""

    def __init__(self, *results: live.Look | Exception) -> None:
        self.results = list(results)

    def __call__(self, run_id: int) -> live.Look:
        result = self.results.pop(0) if len(self.results) > 1 else self.results[0]
        if isinstance(result, Exception):
            raise result
        return result


def _heard(hub: live.Hub) -> list[str]:
    async def listen() -> list[str]:
        return [text async for text in hub.events(run_id=1, may_order=False, after=0)]

    return asyncio.run(asyncio.wait_for(listen(), 20))


@pytest.fixture(autouse=True)
def at_once(monkeypatch):
    monkeypatch.setattr(live, "LOOK_SECONDS", 0)


@pytest.mark.parametrize("times", [1, 3])
def test_viewers_go_on_after_looks_that_failed_and_the_log_tells_once(monkeypatch, caplog, times):
    away = RuntimeError("the portal's database was away for a moment")
    monkeypatch.setattr(live, "_look", Looks(SEEN, *[away] * times, OVER))

    with caplog.at_level(logging.WARNING, logger=live.logger.name):
        heard = _heard(live.Hub())

    assert heard[-1] == live.event_text("over", 1)
    assert [each.levelname for each in caplog.records] == ["ERROR", "WARNING"]
    assert caplog.records[0].exc_info[1] is away


def test_a_run_that_ended_ends_the_stream(monkeypatch):
    monkeypatch.setattr(live, "_look", Looks(OVER))

    assert len(_heard(live.Hub())) == 2
