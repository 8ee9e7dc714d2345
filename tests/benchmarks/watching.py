"""What stands between two layers for a while, and notes what the one asks of the other."""

from __future__ import annotations

import asyncio
from functools import partial
from inspect import iscoroutinefunction
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from gateway.context import Context

__all__ = ["Asked", "AtHand", "Loaded", "Loads", "Watch", "Waves", "ask_again"]

# What one layer asks of the next: name, positional and other arguments.
Asked: TypeAlias = tuple[str, tuple[Any, ...], dict[str, Any]]
# In waves, of which each began when something of the one before it had ended.
Waves: TypeAlias = list[list[Asked]]
# What a context gave, by name, in order.
Loaded: TypeAlias = dict[str, list[Any]]


async def ask_again(waves: Waves, ask: Callable[[Asked], Awaitable[Any]]) -> list[Any]:
    """Ask the same once more."""
    given: list[Any] = []
    for wave in waves:
        if len(wave) == 1:
            given.append(await ask(wave[0]))
        else:
            given += await asyncio.gather(*map(ask, wave))
    return given


class Watch:
    """Stands before an object, and notes what coroutines of it are asked."""

    def __init__(self, real: Any) -> None:
        self.waves: Waves = []
        self._real = real
        self._ends = True

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._real, name)
        return partial(self._note, name, value) if iscoroutinefunction(value) else value

    async def _note(self, name: str, real: Any, *arguments: Any, **options: Any) -> Any:
        if self._ends:
            self.waves.append([])
            self._ends = False
        self.waves[-1].append((name, arguments, options))
        try:
            return await real(*arguments, **options)
        finally:
            self._ends = True


class Loads:
    """Stands before an operation's context, and notes what it gives, in order."""

    def __init__(self, real: Context) -> None:
        self._given: list[tuple[str, Any]] = []
        self._real = real

    @property
    def loaded(self) -> Loaded:
        """What it gave by name, once that is there."""
        loaded: Loaded = {}
        for name, given in self._given:
            value = given.result() if isinstance(given, asyncio.Future) else given
            loaded.setdefault(name, []).append(value)
        return loaded

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._real, name)
        return partial(self._note, name, value) if callable(value) else value

    def _note(self, name: str, real: Any, *arguments: Any, **options: Any) -> Any:
        given = real(*arguments, **options)
        self._given.append((name, given))
        return given


class AtHand:
    """A context whose reads have been made: what they gave, in the same order."""

    def __init__(self, real: Context, loaded: Loaded) -> None:
        self._real = real
        self._left = {name: iter(values) for name, values in loaded.items()}

    def __getattr__(self, name: str) -> Any:
        left = self._left.get(name)
        return getattr(self._real, name) if left is None else partial(_next, left)


def _next(left: Any, *_: Any, **__: Any) -> Any:
    return next(left)
