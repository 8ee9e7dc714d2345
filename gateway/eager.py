"""Eager starts: the first step of a coroutine at once, and what is left of it in a task.

    start ── first step ──┬── done: no task, no turn of the loop
                          └── waits for something: a task goes on when that has come

A task and the turn of the loop in which it begins take a tenth of what a small operation takes, and
an operation that asks nobody, or for what is kept, waits for nothing. Python 3.12 has the like
(`eager_start`), and makes the task all the same.

The first step has no task, so neither `asyncio.timeout` nor `asyncio.TaskGroup` can be entered
there: they raise `RuntimeError`. Who needs them awaits `own_task` before.
"""

from __future__ import annotations

import asyncio
from contextvars import copy_context
from types import coroutine
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Coroutine, Generator

__all__ = ["own_task", "start"]

T = TypeVar("T")


def start(steps: Coroutine[Any, Any, T], loop: asyncio.AbstractEventLoop) -> asyncio.Task[T] | None:
    """Take the first step, in a callback of the loop; a task for the rest, or None where nothing is
    left. Raises what the first step raises; of what it returns nothing is told.
    """
    context = copy_context()
    try:
        awaited = context.run(steps.send, None)
    except StopIteration:
        return None
    rest = _rest(steps, awaited)
    # From here on it hears of its task's cancellation, also before that has begun.
    rest.send(None)
    return loop.create_task(rest, context=context)


async def own_task() -> None:
    """Go on in a task of one's own. Costs a turn of the loop in the first step of an eager start,
    and nothing elsewhere.
    """
    if asyncio.current_task() is None:
        await asyncio.sleep(0)


async def _rest(steps: Coroutine[Any, Any, T], awaited: Any) -> T:
    """What a task can be made of: from Python 3.12 on that is no generator."""
    return await _steps_from_second(steps, awaited)


@coroutine
def _steps_from_second(steps: Coroutine[Any, Any, T], awaited: Any) -> Generator[Any, Any, T]:
    """The steps from the second on; the first waits for `awaited`."""
    thrown: BaseException | None = None
    try:
        # Until the task begins.
        yield
        yield awaited
    except BaseException as error:  # noqa: BLE001 - passed on
        thrown = error
    if thrown is None:
        value: T = yield from steps
        return value
    if awaited is not None:
        # As a task does that is cancelled while it waits.
        awaited.cancel()
    try:
        awaited = steps.throw(thrown)
    except StopIteration as stop:
        value = stop.value
        return value
    finally:
        # It holds this frame.
        del thrown
    value = yield from _steps_from_second(steps, awaited)
    return value
