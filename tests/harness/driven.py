"""Time that tests drive: a loop whose clock moves on when nothing else is left to do, and an
upstream in memory that answers by that clock.

def test_a_minute():
    drive(asyncio.sleep(60))            at once
"""

from __future__ import annotations

import asyncio
import re
import selectors
from collections import Counter
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email.utils import formatdate
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from gateway.upstream.wire import Answer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping

__all__ = ["EPOCH", "Asked", "Upstream", "drive", "job_body"]

T = TypeVar("T")

# What the upstream's clock says when a loop begins: a full minute.
EPOCH = 1_800_000_000


class _Selector(selectors.DefaultSelector):
    now = 0.0

    def select(self, timeout: float | None = None) -> list[Any]:
        if timeout is None:
            raise RuntimeError("nothing will ever happen: everybody waits, and for no time")
        self.now += max(timeout, 0.0)
        events: list[Any] = super().select(0)
        return events


class DrivenLoop(asyncio.SelectorEventLoop):
    """Begins at 0 s. Timers ring at once, in order, when nothing else is left to do."""

    def __init__(self) -> None:
        self._driven = _Selector()
        super().__init__(self._driven)

    def time(self) -> float:
        return self._driven.now


def drive(work: Coroutine[Any, Any, T]) -> T:
    """What the work gives, on a driven loop of its own."""
    with asyncio.Runner(loop_factory=DrivenLoop) as runner:
        return runner.run(work)


@dataclass(frozen=True, slots=True)
class Asked:
    """A request as the upstream got it, at a time of the loop."""

    at: float
    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes | None

    @property
    def token(self) -> str:
        return self.headers.get("PRIVATE-TOKEN", "")


@dataclass(slots=True)
class Upstream:
    """A wire. `answer` gives each request's answer, half of `latency_s` after it came; the other
    half passes on the way back. Answers are JSON, an `Answer`, or an exception to be raised.
    """

    answer: Callable[[Asked], Any]
    latency_s: Callable[[Asked], float] = lambda _: 0.02
    asked: list[Asked] = field(default_factory=list)
    at_once: int = 0
    most_at_once: int = 0

    async def send(
        self,
        method: str,
        target: str,
        headers: Mapping[str, str],
        *,
        body: bytes | None = None,
        timeout_s: float,
    ) -> Answer:
        async with asyncio.timeout(min(timeout_s, 1e6)):
            loop = asyncio.get_running_loop()
            asked = Asked(loop.time(), method, target, dict(headers), body)
            self.asked.append(asked)
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
            latency_s = self.latency_s(asked)
            try:
                await asyncio.sleep(latency_s / 2)
                made = self.answer(asked)
                if isinstance(made, Exception):
                    raise made
                await asyncio.sleep(latency_s / 2)
            finally:
                self.at_once -= 1
        return made if isinstance(made, Answer) else answer_of(made, now=loop.time())

    @asynccontextmanager
    async def stream(
        self, method: str, target: str, headers: Mapping[str, str], *, timeout_s: float
    ) -> AsyncIterator[_Stream]:
        yield _Stream(await self.send(method, target, headers, timeout_s=timeout_s))

    async def aclose(self) -> None:
        """Nothing is open."""

    def calls(self) -> Counter[str]:
        """How often each method and path was asked, without queries."""
        return Counter(f"{asked.method} {asked.target.partition('?')[0]}" for asked in self.asked)


class _Stream:
    def __init__(self, answer: Answer) -> None:
        self.status, self.header, self._body = answer.status, answer.header, answer.body

    async def chunks(self) -> AsyncIterator[bytes]:
        yield bytes(self._body)

    async def read(self, max_bytes: int) -> bytes:
        return bytes(self._body[:max_bytes])


def answer_of(body: object, status: int = 200, *, now: float = 0.0, **headers: object) -> Answer:
    """An answer as the upstream gives it at a time of the loop; `_` in names stands for `-`."""
    values = {name.replace("_", "-").lower(): str(value) for name, value in headers.items()}
    values.setdefault("date", formatdate(EPOCH + now, usegmt=True))
    if not isinstance(body, bytes):
        values.setdefault("content-type", "application/json")
        body = msgspec.json.encode(body)
    return Answer(status, lambda name: values.get(name.lower()), body)


def job_body(job_id: int, *, status: str = "success", **more: Any) -> dict[str, Any]:
    """A job as its own endpoint answers it, as far as most operations read it."""
    return {
        "id": job_id,
        "status": status,
        "name": "build",
        "stage": "build",
        "ref": "main",
        "created_at": "2026-01-01T00:00:00Z",
        "web_url": f"https://gitlab.test/g/p/-/jobs/{job_id}",
        "artifacts": [],
        "pipeline": {"id": 6, "project_id": 1, "status": "success", "ref": "main"},
        **more,
    }


async def settled(awaitables: list[Awaitable[T]]) -> list[T | BaseException]:
    """What each gave or failed with."""
    return await asyncio.gather(*awaitables, return_exceptions=True)


def number_in(target: str, name: str) -> int:
    """The number after a name in a path: `/jobs/7`."""
    return int(re.findall(rf"/{name}/(\d+)", target)[-1])
