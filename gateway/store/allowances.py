"""One pace for each credential, kept in the store: an account of each limiter, which a script
settles (`settling.lua`), and a channel on which a limiter that has become scarce is told to all.

Keys hold fingerprints, never credentials; of a limiter the store holds its name, as the upstream
tells it, and numbers.
"""

from __future__ import annotations

import asyncio
import hashlib
import secrets
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec

from gateway.store.outcomes import StoreAway
from gateway.store.replicas import Replicas
from gateway.store.script import Script
from gateway.upstream.calls.allowance import WINDOW_S
from gateway.upstream.calls.shared_pace import Given, Named, Refusal, Told

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence

    from gateway.store.connection import Store
    from gateway.upstream.calls.shared_pace import Account, NewsListener, Then

__all__ = ["SETTLE", "Allowances", "arguments_of", "given_of", "named_in", "one_pace"]

SETTLE: Final = Script(Path(__file__).with_name("settling.lua").read_text())
# Longer names are one replica's only, so that no upstream fills the store with them.
MAX_NAME: Final = 200
# Where it is not known which routes a limiter counts.
NO_ROUTE: Final = "-"

_NO_TOLD: Final = Told(0, 0, -1.0, 0.0, 0.0)
_NO_REFUSAL: Final = Refusal(0, 0, 0.0, is_said=False, window_s=0.0)


class _News(msgspec.Struct, frozen=True):
    owner: str
    limiter: Named


_decode_news: Final = msgspec.json.Decoder(_News).decode


class Allowances:
    """What replicas share of limiters (`SharedPace`), over a store."""

    def __init__(self, store: Store, replicas: Replicas) -> None:
        self._store = store
        self._replicas = replicas
        self._channel = store.key("pace")
        # As the accounts name this replica.
        self._name = secrets.token_hex(4)
        self._under_way: set[asyncio.Task[None]] = set()
        self._ends: list[Callable[[], object]] = []

    @property
    def is_up(self) -> bool:
        return self._store.is_up

    @property
    def replicas(self) -> int:
        return self._replicas.number

    async def known(self, owner: str) -> Sequence[Named]:
        try:
            return named_in(await self._store.run("SMEMBERS", self._store.key(owner, "pace")))
        except (StoreAway, ValueError):
            return ()

    def settle(self, owner: str, named: Named, account: Account, then: Then) -> None:
        task = asyncio.create_task(self._settle(owner, named, account, then))
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)

    async def _settle(self, owner: str, named: Named, account: Account, then: Then) -> None:
        store = self._store
        digest = hashlib.blake2b(named.name.encode(errors="replace"), digest_size=8).hexdigest()
        keys = [store.key(owner, "pace", digest), store.key(owner, "pace")]
        try:
            found = await store.script(SETTLE, keys, arguments_of(self._name, named, account))
            given = given_of(found)
        except (StoreAway, ValueError, TypeError):
            then(None)
            return
        then(given)
        if given.is_news and len(named.name) <= MAX_NAME:
            with suppress(StoreAway):
                await store.publish(self._channel, msgspec.json.encode(_News(owner, named)))

    def on_news(self, listener: NewsListener) -> None:
        def hear(message: bytes) -> None:
            with suppress(msgspec.DecodeError):
                news = _decode_news(message)
                listener(news.owner, news.limiter)

        self._ends.append(self._store.on(self._channel, hear))

    def on_return(self, listener: Callable[[], None]) -> None:
        self._ends.append(self._store.on_return(listener))

    async def aclose(self) -> None:
        """Settle nothing more."""
        for end in self._ends:
            end()
        for task in self._under_way:
            task.cancel()
        await asyncio.gather(*self._under_way, return_exceptions=True)


@asynccontextmanager
async def one_pace(store: Store, at_least: int = 1) -> AsyncIterator[Allowances]:
    """The pace that all keep who share a store. Where it was never up each of them takes itself for
    one of `at_least` so many.
    """
    replicas = Replicas(store, at_least)
    allowances = Allowances(store, replicas)
    await replicas.start()
    try:
        yield allowances
    finally:
        await allowances.aclose()
        await replicas.aclose()


def arguments_of(replica: str, named: Named, account: Account) -> list[str | int]:
    """The arguments of the script, in its order."""
    told, refusal = account.told or _NO_TOLD, account.refusal or _NO_REFUSAL
    name = named.name.encode(errors="replace").decode()
    routes = (named.routes or (NO_ROUTE,)) if len(name) <= MAX_NAME else ()
    return [
        replica,
        name,
        "g" if named.is_general else "e",
        " ".join(routes),
        account.holds,
        account.turns,
        repr(account.useful_s),
        account.wants,
        repr(account.until_s),
        int(account.is_patient),
        account.untold,
        account.limit,
        int(account.is_guessed),
        told.limit,
        told.remaining,
        repr(told.window),
        repr(told.slack_s),
        repr(told.reset_s),
        int(account.refusal is not None),
        refusal.limit,
        refusal.served,
        repr(refusal.wait_s),
        int(refusal.is_said),
        repr(refusal.window_s),
    ]


def given_of(found: Sequence[Any]) -> Given:
    """What the script gave; a window is no longer than the upstream's, whatever stands there."""
    turns, after_s, next_s, reset_s, limit, left, most, others, is_guessed, is_news = found
    return Given(
        turns=turns,
        after_s=float(after_s),
        next_s=min(float(next_s), WINDOW_S),
        reset_s=min(float(reset_s), WINDOW_S),
        limit=limit,
        left=float(left),
        most=float(most),
        others=others,
        is_guessed=bool(is_guessed),
        is_news=bool(is_news),
    )


def named_in(entries: Sequence[bytes]) -> Sequence[Named]:
    """The limiters that an owner's entries name."""
    routes: dict[tuple[str, bool], set[str]] = {}
    for entry in entries:
        kind, route, name = entry.decode(errors="replace").split(" ", 2)
        its_routes = routes.setdefault((name, kind == "g"), set())
        if route != NO_ROUTE:
            its_routes.add(route)
    return [
        Named(name, is_general, tuple(sorted(its_routes)))
        for (name, is_general), its_routes in routes.items()
    ]
