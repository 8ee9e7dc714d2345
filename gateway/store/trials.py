"""Tries all that gateways do with a store, one by one, and tells what is refused.

It works on keys of its own, which are deleted in the end, and last 10 s where that fails.
"""

from __future__ import annotations

import hashlib
import secrets
from collections import defaultdict
from typing import TYPE_CHECKING, Final

from gateway.store.connection import PREFIX
from gateway.store.reasons import reason_of
from gateway.store.servers import Refusal

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from gateway.store.reasons import Reason
    from gateway.store.servers import Command, Line, Servers

__all__ = ["Trials"]

LASTS_S: Final = 10
LASTS_MS: Final = 1000 * LASTS_S
HEARD_S: Final = 2.0
# As those of the gateway do, it asks for the time, then writes.
SCRIPT: Final = "redis.call('TIME') redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2]) return 1"
SHA1: Final = hashlib.sha1(SCRIPT.encode(), usedforsecurity=False).hexdigest()


class Trials:
    """Tries commands, over a line to each server where they have no key."""

    def __init__(self, servers: Servers, lines: Sequence[Line]) -> None:
        self.refused: defaultdict[Reason, list[str]] = defaultdict(list)
        """Names of commands by why they are refused."""
        self._servers = servers
        self._lines = lines
        # Of one tag, which no gateway has.
        self._tag = f"{PREFIX}:{{doctor-{secrets.token_hex(4)}}}:"

    async def commands(self) -> None:
        """Try all but those of channels; raises `Broken`."""
        text = self._tag + "text"
        await self._try_all(_on_text(text))
        if {"EXPIRE", "DEL"} <= self._names():
            # What has no end of its own would stay.
            return
        keys = {name: self._tag + name for name in ("hash", "set", "sorted")}
        await self._try_all(_on_others(keys["hash"], keys["set"], keys["sorted"]))
        script = (1, text, "1", LASTS_MS)
        await self._try_all([("EVAL", SCRIPT, *script)])
        for line in self._lines:
            await self._try_by(line, "SCRIPT", "LOAD", SCRIPT)
            await self._try_by(line, "TIME")
        if "SCRIPT" not in self._names():
            await self._try_all([("EVALSHA", SHA1, *script)])
        await self._try_all(("DEL", key) for key in (text, *keys.values()))

    async def news(self) -> bool | None:
        """Is what is published heard? None where that is refused; raises `Broken`."""
        channel = f"{self._tag}channel".encode()
        hearing = await self._servers.hearing()
        asked = "SUBSCRIBE"
        try:
            await hearing.subscribe([channel])
            is_confirmed = await hearing.next(HEARD_S) is not None
            await self._try_by(self._lines[0], "PUBLISH", channel, "1")
            if "PUBLISH" in self._names():
                return None
            is_heard = await hearing.next(HEARD_S) is not None
            asked = "UNSUBSCRIBE"
            await hearing.unsubscribe([channel])
            await hearing.next(HEARD_S)
        except Refusal as refusal:
            self._note(asked, refusal)
            return None
        finally:
            await hearing.close()
        return is_confirmed and is_heard

    async def _try_all(self, commands: Iterable[Command]) -> None:
        for command in commands:
            [answer] = await self._servers.send([command])
            if isinstance(answer, Exception):
                self._note(str(command[0]), answer)

    async def _try_by(self, line: Line, name: str, *rest: bytes | str) -> None:
        try:
            await line.ask(name, *rest)
        except Refusal as refusal:
            self._note(name, refusal)

    def _note(self, name: str, error: Exception) -> None:
        names = self.refused[reason_of(error)]
        if name not in names:
            names.append(name)

    def _names(self) -> set[str]:
        return {name for names in self.refused.values() for name in names}


def _on_text(key: str) -> list[Command]:
    return [
        ("SET", key, "1", "PX", LASTS_MS),
        ("GET", key),
        ("PTTL", key),
        ("EXPIRE", key, LASTS_S),
        ("PEXPIRE", key, LASTS_MS),
        ("DEL", key),
    ]


def _on_others(fields: str, members: str, scores: str) -> list[Command]:
    return [
        ("HSET", fields, "a", "1"),
        ("EXPIRE", fields, LASTS_S),
        ("HGET", fields, "a"),
        ("HMGET", fields, "a"),
        ("HGETALL", fields),
        ("HKEYS", fields),
        ("HDEL", fields, "a"),
        ("SADD", members, "a"),
        ("EXPIRE", members, LASTS_S),
        ("SCARD", members),
        ("SMEMBERS", members),
        ("ZADD", scores, 1, "a"),
        ("EXPIRE", scores, LASTS_S),
        ("ZCARD", scores),
        ("ZREMRANGEBYSCORE", scores, "-inf", 0),
        ("ZREM", scores, "a"),
    ]
