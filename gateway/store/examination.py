"""What the doctor finds of a store: whether it is there, and is and lets do what gateways need.

    connected? ─► version, kind ─► commands, news ─► memory, clock, times ─► who shares it

It leaves nothing there (`trials`).
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from statistics import median
from time import perf_counter, time
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qs, urlsplit

from gateway.findings import Finding
from gateway.settings.checks import is_loopback, without_secrets
from gateway.store.connection import PREFIX, Store
from gateway.store.reasons import Reason, reason_of
from gateway.store.replicas import GONE_AFTER_S
from gateway.store.servers import CLUSTER, Broken, Refusal, open_servers
from gateway.store.trials import Trials

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gateway.findings import Kind
    from gateway.store.servers import Line, Servers

__all__ = ["CLUSTER_RULES", "RULES", "examine"]

# What a user of the store needs, as ACL SETUSER takes it; in a cluster besides.
RULES: Final = (
    "~jgw:1:* &jgw:1:* +@read +@write +@scripting +@connection +@pubsub +time -@dangerous"
)
CLUSTER_RULES: Final = "+cluster|slots +cluster|shards +cluster|nodes"
OLDEST: Final = (6, 2)
CONNECT_TIMEOUT_S: Final = 5.0
ANSWER_TIMEOUT_S: Final = 15.0
PINGS: Final = 30
# The look at who else is there ends after so many keys, a thousand at once.
MAX_SCANS: Final = 100
# So much longer than the answer in the middle may one take that is still waited for.
ROOM: Final = 4

# What of GATEWAY_STORE_URL each asks for.
_SET_TO: Final[Mapping[Reason, str]] = {
    Reason.CERTIFICATE_UNTRUSTED: "…?ssl_ca_certs=the PEM file of the authority that signed it",
    Reason.CLIENT_CERTIFICATE_REQUIRED: "…?ssl_certfile=its PEM file&ssl_keyfile=its key's",
    Reason.CLUSTER: "…?cluster=true",
    Reason.NO_CLUSTER: "the same without cluster=true",
    Reason.READ_ONLY: "the address of the primary",
    Reason.TLS_NOT_SPOKEN: "redis://…, or the port that speaks TLS",
    Reason.NOT_REDIS: "rediss://…, or the port of a Redis",
}


class _Over(Exception):
    """No more can be asked."""


async def examine(url: str, *, space: str, patience_s: float) -> list[Finding]:
    """What is to be known of the store at a URL, where this gateway's keys are those of `space`.
    Cost: some 80 commands, and one for each thousand keys that it holds, up to 100.
    """
    servers = open_servers(url)
    examination = _Examination(servers, url, Store(url, space=space), patience_s)
    try:
        with suppress(_Over):
            async with asyncio.timeout(ANSWER_TIMEOUT_S):
                await examination.all()
    except (*Broken, TimeoutError) as error:
        examination.tell_reason("fault", "store", reason_of(error))
    finally:
        await examination.close()
    return examination.found


class _Examination:
    def __init__(self, servers: Servers, url: str, store: Store, patience_s: float) -> None:
        self.found: list[Finding] = []
        self._servers = servers
        self._url = url
        self._parts = urlsplit(url)
        self._options = parse_qs(self._parts.query)
        self._store = store
        self._patience_s = patience_s
        self._lines: list[Line] = []
        # By the store's clock.
        self._now: float | None = None

    async def all(self) -> None:
        """Ask one thing after the other, as long as there is somebody to be asked."""
        await self._reach()
        await self._look_at_kind()
        await self._try()
        await self._look_at_memory()
        await self._look_at_clock()
        await self._look_at_times()
        await self._look_at_gateways()

    async def close(self) -> None:
        """Close all connections."""
        with suppress(*Broken):
            for line in self._lines:
                await line.close()
            await self._servers.close()

    def tell_reason(self, kind: Kind, about: str, reason: Reason) -> None:
        """Tell a reason, with what it asks for to be set."""
        wanted = _SET_TO.get(reason)
        text = reason.advice
        if reason is Reason.NOT_PERMITTED:
            text = f"its user may not do all that the gateway does; give it {self._rules}"
        set_to = () if wanted is None else (f"GATEWAY_STORE_URL={wanted}",)
        self._tell(kind, about, f"{text} ({reason.name})", set_to)

    # -- the server --------------------------------------------------------------------------------

    async def _reach(self) -> None:
        began = perf_counter()
        async with asyncio.timeout(CONNECT_TIMEOUT_S):
            await self._servers.connect(1)
            self._lines = await self._servers.lines()
        took_ms = 1000 * (perf_counter() - began)
        self._tell("ok", "store", f"{without_secrets(self._url)} answers, after {took_ms:.0f} ms")
        if self._parts.scheme == "rediss":
            if self._options.get("ssl_cert_reqs", ["required"]) == ["required"]:
                self._tell("ok", "store tls", "the certificate is trusted")
            else:
                text = "the certificate is not checked: take ssl_cert_reqs out of its address"
                self._tell("note", "store tls", text)
        elif self._is_far:
            text = "redis: passwords and the names of limits travel in plain text; use rediss"
            self._tell("note", "store tls", text)
        if self._is_far and not (self._parts.password or "password" in self._options):
            text = "none is asked for: whoever reaches the store may write to it (SECURITY.md)"
            self._tell("note", "store login", text)

    @property
    def _is_far(self) -> bool:
        """Is it on another machine?"""
        return self._parts.scheme != "unix" and not is_loopback(self._parts.hostname or "")

    async def _look_at_kind(self) -> None:
        """Version, role and kind, as each server tells them of itself."""
        told = []
        for line in self._lines:
            try:
                answer = await line.ask("HELLO")
            except Refusal as refusal:
                if reason_of(refusal) is Reason.NOT_PERMITTED:
                    self._tell("unknown", "store kind", "its user may not ask (HELLO)")
                    return
                self._tell(
                    "fault", "store kind", "older than Redis 6.2: install that or a newer one"
                )
                raise _Over from None
            names = [_text(name) for name in answer[::2]]
            told.append(dict(zip(names, map(_text, answer[1::2]), strict=True)))
        versions = sorted({f"{one['server']} {one['version']}" for one in told})
        if any(_is_too_old(one) for one in told):
            text = f"{', '.join(versions)}: Redis 6.2 or newer is needed, or Valkey"
            self._tell("fault", "store kind", text)
            raise _Over
        if any(one.get("mode") == "sentinel" for one in told):
            text = "a sentinel, which keeps nothing: name the primary that it watches"
            self._tell("fault", "store kind", text)
            raise _Over
        if any(one.get("role") not in {"master", "primary", None} for one in told):
            self.tell_reason("fault", "store kind", Reason.READ_ONLY)
            raise _Over
        is_cluster = self._options.get(CLUSTER) == ["true"]
        if not is_cluster and any(one.get("mode") == "cluster" for one in told):
            self.tell_reason("fault", "store kind", Reason.CLUSTER)
            raise _Over
        kind = f"a cluster of {len(told)} primaries" if is_cluster else "one server"
        self._tell("ok", "store kind", f"{', '.join(versions)}, {kind}")

    # -- what it lets do ---------------------------------------------------------------------------

    async def _try(self) -> None:
        trials = Trials(self._servers, self._lines)
        await trials.commands()
        is_heard = await trials.news()
        if is_heard is not None:
            text = "what is published is heard" if is_heard else "what is published is not heard"
            self._tell("ok" if is_heard else "fault", "store news", text)
        if not trials.refused:
            self._tell(
                "ok", "store rights", "all commands that gateways use, on keys that are gone again"
            )
        for reason, names in trials.refused.items():
            told = ", ".join(names)
            if reason is Reason.NOT_PERMITTED:
                text = f"its user may not use {told}; give it {self._rules}"
                self._tell("fault", "store rights", text)
            elif reason is Reason.REFUSED:
                text = f"it does not know, or refuses, {told}, which gateways need"
                self._tell("fault", "store rights", text)
            else:
                self.tell_reason("fault", "store rights", reason)

    @property
    def _rules(self) -> str:
        is_cluster = self._options.get(CLUSTER) == ["true"]
        return f"{RULES} {CLUSTER_RULES}" if is_cluster else RULES

    # -- how it is ---------------------------------------------------------------------------------

    async def _look_at_memory(self) -> None:
        """The bound on its memory, and what it does there."""
        told = set()
        for line in self._lines:
            try:
                text = _text(await line.ask("INFO", "memory"))
            except Refusal:
                text = "its user may not ask; have maxmemory set, and maxmemory-policy allkeys-lru"
                self._tell("unknown", "store memory", text)
                return
            values = dict(row.split(":", 1) for row in text.splitlines() if ":" in row)
            told.add((int(values.get("maxmemory", 0)), values.get("maxmemory_policy", "")))
        # The worst of them.
        bound, policy = min(told, key=lambda one: (one[0] > 0, one[1] != "noeviction"))
        if not bound:
            text = (
                "has no bound: set its maxmemory, 256mb is plenty, and maxmemory-policy allkeys-lru"
            )
            self._tell("note", "store memory", text)
        elif policy == "noeviction":
            text = (
                "nothing is shared any more when it is full: set its maxmemory-policy to"
                " allkeys-lru, or volatile-lru where others keep in it what must stay"
            )
            self._tell("note", "store memory", text)
        else:
            self._tell("ok", "store memory", f"{bound / 1e6:.0f} MB, then it forgets ({policy})")

    async def _look_at_clock(self) -> None:
        asked = time()
        try:
            answer = await self._lines[0].ask("TIME")
        except Refusal:
            # Told among the rights.
            return
        self._now = float(answer[0]) + float(answer[1]) / 1e6
        ahead_s = self._now - (asked + time()) / 2
        if abs(ahead_s) < 1:
            self._tell("ok", "store clock", "within a second of this one")
            return
        way = "ahead of" if ahead_s > 0 else "behind"
        text = (
            f"{abs(ahead_s):.0f} s {way} this one, which does no harm: only the store's own counts"
        )
        self._tell("ok", "store clock", text)

    async def _look_at_times(self) -> None:
        """How long it takes to answer, beside how long gateways wait."""
        took = []
        for _ in range(PINGS):
            began = perf_counter()
            await self._lines[0].ask("PING")
            took.append(perf_counter() - began)
        middle_s = median(took)
        text = f"{1000 * middle_s:.1f} ms, {1000 * max(took):.1f} ms at most of {PINGS}"
        if ROOM * middle_s <= self._patience_s:
            self._tell("ok", "store times", text)
            return
        wanted = f"GATEWAY_STORE_TIMEOUT_S={ROOM * middle_s:.2g}"
        text += f"; no answer is waited for longer than {1000 * self._patience_s:.0f} ms"
        self._tell("note", "store times", f"{text}: bring it nearer, or set more", (wanted,))

    async def _look_at_gateways(self) -> None:
        """Who else is there: gateways that share with this one, and others."""
        own = self._store.key("replicas").encode()
        there: set[bytes] = set()
        for line in self._lines:
            try:
                there |= await _keys(line, f"{PREFIX}:{{*replicas}}")
            except Refusal:
                return
        try:
            counted = {key: await self._up(key) for key in there | {own}}
        except Refusal:
            self._tell("unknown", "gateways", "its user may not count them")
            return
        same, others = counted.pop(own), sum(counted.values())
        text = f"{same} of this key and upstream {'is' if same == 1 else 'are'} up"
        if others:
            text += f", {others} of another key or upstream, which shares nothing with these"
        self._tell("note" if others and not same else "ok", "gateways", text)

    async def _up(self, key: bytes) -> int:
        since = "-inf" if self._now is None else f"{self._now - GONE_AFTER_S:.3f}"
        [number] = await self._servers.send([("ZCOUNT", key, since, "+inf")])
        if isinstance(number, Refusal):
            raise number
        return int(number)

    def _tell(self, kind: Kind, about: str, text: str, set_to: tuple[str, ...] = ()) -> None:
        self.found.append(Finding(kind, about, text, set_to))


def _is_too_old(told: Mapping[str, str]) -> bool:
    numbers = told.get("version", "").split(".")[:2]
    if told.get("server") != "redis" or not all(number.isdigit() for number in numbers):
        return False
    return tuple(map(int, numbers)) < OLDEST


async def _keys(line: Line, pattern: str) -> set[bytes]:
    """Keys of a server that fit, of the first 100,000."""
    found: set[bytes] = set()
    cursor: bytes | int = 0
    for _ in range(MAX_SCANS):
        cursor, keys = await line.ask("SCAN", cursor, "MATCH", pattern, "COUNT", 1000)
        found.update(keys)
        if int(cursor) == 0:
            break
    return found


def _text(value: object) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)
