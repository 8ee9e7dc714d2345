"""A store of accounts in memory, in plain Python: what the script of `gateway.store` does, too."""

from __future__ import annotations

import asyncio
import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from redis import Redis

from gateway.store.allowances import SETTLE, arguments_of, given_of, named_in
from gateway.upstream.calls.limiter import CLEAN_WINDOWS, KEPT_BACK, PLENTY
from gateway.upstream.calls.pace import MUCH
from gateway.upstream.calls.shared_pace import LAPSE_S, LOTS, TOGETHER_S, Account, Given, Named
from tests.harness.driven import EPOCH

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from gateway.upstream.calls.shared_pace import NewsListener, Then
    from tests.harness.redis import RedisServer

__all__ = ["Accounts", "Book", "Replica", "ScriptedAccounts"]


@dataclass
class Book:
    """One limiter's account; times are of one clock."""

    limit: int = 0
    is_guessed: bool = False
    told: float = 0.0
    window: float = -1.0
    is_fresh: bool = False
    """Did its window begin by the clock, and nobody has told of it?"""
    reset_at: float = 0.0
    next_at: float = 0.0
    until: float = 0.0
    was_refused: bool = False
    is_known: bool = False
    """Have all been told that it is scarce?"""
    clean: int = 0
    window_s: float = 60.0
    replicas: dict[str, tuple[int, int, float]] = field(default_factory=dict)
    """What each holds, how many of it wait, and when it said so."""

    def settle(self, now: float, me: str, account: Account) -> Given:
        """What a replica is given."""
        _, waited, said_at = self.replicas.get(me, (0, 0, -math.inf))
        lasting = [
            (holds, wants)
            for name, (holds, wants, at) in self.replicas.items()
            if name != me and now - at <= LAPSE_S
        ]
        held = account.holds + sum(holds for holds, _ in lasting)
        others = sum(wants for _, wants in lasting)
        is_awaited = others > 0 or (waited > 0 and now - said_at <= LAPSE_S)
        if self.limit == 0 and account.is_guessed and account.limit:
            self.limit, self.is_guessed, self.told = account.limit, True, account.limit
            self.reset_at, self.next_at = now + self.window_s, now
        if self.limit and now >= self.reset_at:
            self._renew(now, held)
        is_news = self._heed_told(now, account)
        self._heed_untold(account)
        is_news = self._heed_refusal(now, account, held) or is_news
        turns, after_s = self._give(now, account, held, others, is_awaited=is_awaited)
        self.replicas[me] = (account.holds + turns, max(account.wants - turns, 0), now)
        return Given(
            turns=turns,
            after_s=after_s,
            next_s=max(self.next_at - now, 0.0),
            reset_s=max(self.reset_at - now, 0.0),
            limit=self.limit,
            left=self.told - held - turns,
            most=self.told,
            others=others,
            is_guessed=self.is_guessed,
            is_news=is_news,
        )

    def _renew(self, now: float, held: int) -> None:
        if self.is_guessed:
            self.clean = self.clean + 1 if self.told - held < 1 else 0
            if self.clean > CLEAN_WINDOWS:
                self.limit += max(self.limit // 10, 1)
        self.told, self.reset_at, self.next_at = self.limit, now + self.window_s, now
        self.is_fresh, self.was_refused, self.is_known = True, False, False

    def _heed_told(self, now: float, account: Account) -> bool:
        told = account.told
        if told is None or not told.limit:
            return False
        is_first = self.limit == 0
        self.limit, self.is_guessed = told.limit, False
        if self.was_refused or (told.window >= 0 and told.reset_s <= 0):
            return False
        if is_first or told.window > self.window + told.slack_s:
            self.told, self.reset_at = told.remaining, now + told.reset_s
            self.next_at = now if is_first else min(self.next_at, now)
            self.window, self.is_known = told.window, False
            self.is_fresh = False
        elif told.window < 0 or (not self.is_fresh and told.window >= self.window - told.slack_s):
            self.told, self.is_fresh = min(self.told, told.remaining), False
        is_news = not self.is_known and (is_first or self.told <= MUCH * self.limit)
        self.is_known = self.is_known or is_news
        return is_news

    def _heed_untold(self, account: Account) -> None:
        if self.is_guessed and self.was_refused:
            self.limit += account.untold
        else:
            self.told -= account.untold

    def _heed_refusal(self, now: float, account: Account, held: int) -> bool:
        refusal = account.refusal
        if refusal is None:
            return False
        is_first = self.limit == 0 or (not self.was_refused and self.told - held >= 1)
        if refusal.limit:
            self.limit, self.is_guessed = refusal.limit, False
        elif self.limit == 0:
            self.limit, self.is_guessed = refusal.served or 1, True
        elif self.is_guessed and not is_first:
            self.limit += refusal.served
        elif self.is_guessed:
            served = int(self.limit - self.told)
            self.limit = served if served > 0 else max(self.limit // 2, 1)
        is_news = not self.was_refused
        if refusal.is_said or is_first:
            self.reset_at, self.window_s = now + refusal.wait_s, refusal.window_s
        self.told, self.was_refused, self.clean = 0.0, True, 0
        self.window, self.is_fresh, self.next_at = -1.0, False, self.reset_at
        return is_news

    def _give(
        self, now: float, account: Account, held: int, others: int, *, is_awaited: bool
    ) -> tuple[int, float]:
        if not self.limit:
            return account.turns, 0.0
        reserve = PLENTY * self.limit
        left = self.told - held
        if left >= 1 and self.next_at >= self.reset_at:
            # There was none left; calls under way were counted twice, or turns given back.
            self.next_at = now
        usable = 0.0 if account.is_patient and left <= KEPT_BACK * reserve else left
        due_at = max(now, self.next_at)
        if not account.turns or usable < 1 or due_at - now > account.useful_s:
            return 0, 0.0
        end = self.reset_at
        if others or account.wants > 1:
            self.until = max(self.until if self.until > now else 0.0, now + account.until_s)
            end = max(min(end, self.until), due_at)
        gap_s = max(end - due_at, 0.0) / (left or 1)
        turns = 1
        if left - reserve >= 1 and not is_awaited and self.next_at <= now:
            above = math.floor(left - reserve)
            lot = 0 if account.wants > account.turns else (above - account.turns) // LOTS
            turns = min(account.turns + max(lot, 0), above)
            gap_s /= turns
        elif gap_s < TOGETHER_S:
            together = TOGETHER_S // gap_s if gap_s > 0 else account.turns
            turns = max(int(min(together, account.turns, usable)), 1)
        left -= turns
        if left > reserve and account.wants <= turns and not others:
            self.next_at = due_at
        elif left < 1:
            self.next_at = self.reset_at
        else:
            self.next_at = due_at + turns * gap_s
        return turns, due_at - now


class Accounts:
    """What replicas share. `latency_s` passes each way."""

    def __init__(self, latency_s: float = 0.0005) -> None:
        self.latency_s = latency_s
        self.is_up = True
        self.books: dict[tuple[str, str], Book] = {}
        self.names: dict[str, dict[str, Named]] = {}
        self.replicas: list[Replica] = []
        self.settled = 0

    def replica(self) -> Replica:
        """One more."""
        self.replicas.append(Replica(self, f"r{len(self.replicas)}"))
        return self.replicas[-1]

    def settle(self, now: float, me: str, owner: str, named: Named, account: Account) -> Given:
        """As the store does it, at a time of its clock."""
        self.settled += 1
        known = self.names.setdefault(owner, {}).get(named.name, named)
        routes = tuple(sorted({*known.routes, *named.routes}))
        self.names[owner][named.name] = Named(named.name, named.is_general, routes)
        book = self.books.setdefault((owner, named.name), Book())
        return book.settle(now, me, account)

    def named(self, owner: str) -> Sequence[Named]:
        return list(self.names.get(owner, {}).values())

    def restart(self) -> None:
        """Be up, and know nothing."""
        self.books.clear()
        self.names.clear()
        self.is_up = True
        for replica in self.replicas:
            replica.come_back()

    def cut_off(self, number: int) -> None:
        """One of them is not heard of any more; the others do not know why."""
        self.replicas[number].is_cut_off = True

    def publish(self, owner: str, named: Named) -> None:
        for replica in self.replicas:
            replica.hear(owner, named)


class ScriptedAccounts(Accounts):
    """A real store's, settled by its script, but for the clock, which is driven."""

    def __init__(self, server: RedisServer, latency_s: float = 0.0005) -> None:
        super().__init__(latency_s)
        self._client = Redis(unix_socket_path=str(server.path))
        self._script = SETTLE.text.replace("redis.call('TIME')", "{ ARGV[#ARGV], 0 }")
        assert self._script != SETTLE.text

    def settle(self, now: float, me: str, owner: str, named: Named, account: Account) -> Given:
        super().settle(now, me, owner, named, account)
        keys = [f"{{{owner}}}:{named.name}", f"{{{owner}}}"]
        arguments = [*arguments_of(me, named, account), repr(EPOCH + now)]
        return given_of(self._client.eval(self._script, 2, *keys, *arguments))

    def named(self, owner: str) -> Sequence[Named]:
        return named_in(self._client.smembers(f"{{{owner}}}"))

    def close(self) -> None:
        self._client.close()


class Replica:
    """The store as one replica reaches it (`SharedPace`)."""

    def __init__(self, accounts: Accounts, name: str) -> None:
        self._accounts = accounts
        self._name = name
        self.is_cut_off = False
        self._listeners: list[NewsListener] = []
        self._returned: list[Callable[[], None]] = []

    @property
    def is_up(self) -> bool:
        return self._accounts.is_up and not self.is_cut_off

    @property
    def replicas(self) -> int:
        return len(self._accounts.replicas)

    async def known(self, owner: str) -> Sequence[Named]:
        await asyncio.sleep(2 * self._accounts.latency_s)
        return self._accounts.named(owner) if self.is_up else []

    def settle(self, owner: str, named: Named, account: Account, then: Then) -> None:
        loop, accounts = asyncio.get_running_loop(), self._accounts

        def arrive() -> None:
            given = None
            if self.is_up:
                given = accounts.settle(loop.time(), self._name, owner, named, account)
                if given.is_news:
                    loop.call_later(accounts.latency_s, accounts.publish, owner, named)
            loop.call_later(accounts.latency_s, then, given)

        loop.call_later(accounts.latency_s, arrive)

    def hear(self, owner: str, named: Named) -> None:
        for listener in self._listeners:
            listener(owner, named)

    def on_news(self, listener: NewsListener) -> None:
        self._listeners.append(listener)

    def on_return(self, listener: Callable[[], None]) -> None:
        self._returned.append(listener)

    def come_back(self) -> None:
        for listener in self._returned:
            listener()
