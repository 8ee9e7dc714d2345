"""Fills the slots of a compiled plan, level by level. Each value goes on as soon as it is there.

Projecting an object queues its slots. The filler takes all that is queued for a slot at once (all
parents of a level), asks the edge for each of them, and completes what it gets: values at once,
futures when they settle, without a task of their own. Parents that are given the same future or the
same value share one completion where nothing below it can fail by path. A value that the compiled
functions do not take is completed the reference way.
"""

from __future__ import annotations

import asyncio
from asyncio import Future
from inspect import isawaitable
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, TypeVar

from graphql.pyutils import Path

from gateway.loaders.flight import Flight
from gateway.upstream.salvage import is_salvaged

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from graphql.pyutils import AwaitableOrValue

    from gateway.context import Context
    from gateway.execution.plan import Plan, Slot

__all__ = ["Execution", "SlotFiller"]

T = TypeVar("T")

# The keys from the root to a place, as a chain of pairs: ((None, "job"), "name").
Chain: TypeAlias = "tuple[Any, str | int] | Path | None"
# An entity (or another source), the container that its value goes into, and the value's path.
Entry: TypeAlias = tuple[Any, Any, tuple[Chain, str | int]]


# No value was completed yet.
_NOTHING: Any = object()


class Execution(Protocol):
    """What a filler needs of the execution that it works for."""

    context_value: Any

    def arguments(self, slot: Slot) -> dict[str, Any]:
        """What an edge's resolver is given; raises `GraphQLError` where a value does not fit."""

    def execute_at(self, slot: Slot, path: Path, source: Any) -> AwaitableOrValue[Any]:
        """The completed value of an introspection field."""

    def complete_at(self, slot: Slot, path: Path, value: Any) -> AwaitableOrValue[Any]:
        """Complete a slot's value the reference way, with its rules for errors and nulls; an
        exception fails it.

        Raises where null may not stand there.
        """


class PlannedInfo:
    """What a resolver sees of its surroundings when a run calls it; the same three things as
    `schema.fields.Info`. It is one for all parents of a slot that are taken together.
    """

    __slots__ = ("_made", "_slot", "context")

    def __init__(self, context: Context, slot: Slot) -> None:
        self.context = context
        self._slot = slot
        self._made: dict[object, Any] | None = None

    def once(self, make: Callable[..., T], *arguments: Any) -> T:
        """What a function makes of this and of the field's arguments."""
        if self._made is None:
            self._made = {}
        made: T | None = self._made.get(make)
        if made is None:
            made = self._made[make] = make(self, *arguments)
        return made

    def selects(self, *path: str) -> bool:
        """Is the field at this path of GraphQL names, counted from this field, in the selection?"""
        return self._slot.selects(path)


class SlotFiller:
    """Fills the slots below one object, once. Projections leave their slots in `queues`.

    The filler of a whole operation (`is_whole`) does a read itself, in the operation's own task,
    where that read is all that it waits for.
    """

    __slots__ = (
        "_arrived",
        "_entries",
        "_execution",
        "_is_whole",
        "_offered",
        "_queued",
        "_waiting",
        "_waker",
        "queues",
    )

    def __init__(self, execution: Execution, plan: Plan, *, is_whole: bool = False) -> None:
        self._execution = execution
        self._entries: list[list[Entry]] = [[] for _ in plan.slots]
        self._queued = [*zip(plan.slots, self._entries, strict=True)]
        self.queues = [entries.append for entries in self._entries]
        self._is_whole = is_whole
        self._waiting: dict[Future[Any], list[tuple[Slot | None, list[Entry]]]] = {}
        # Those of them that nobody has started.
        self._offered: list[Flight[Any]] = []
        self._arrived: list[Future[Any]] = []
        self._waker: Future[None] | None = None

    def begin(self) -> bool:
        """Fill all that needs no waiting; true if something is still to come (`finish`)."""
        try:
            busy = True
            while busy:
                busy = False
                for slot, queue in self._queued:
                    if queue:
                        entries = queue[:]
                        queue.clear()
                        self._fill(slot, entries)
                        busy = True
        except BaseException:
            self._leave()
            raise
        return bool(self._waiting)

    async def finish(self, result: dict[str, Any]) -> dict[str, Any]:
        """Fill the rest, then give the result back. When this is cancelled, so is everything it
        waits for.
        """
        try:
            while self._waiting:
                if not self._arrived:
                    await self._wait()
                arrived, self._arrived = self._arrived, []
                for future in arrived:
                    for slot, entries in self._waiting.pop(future, ()):
                        self._settle(slot, entries, future)
                self.begin()
        except BaseException:
            self._leave()
            raise
        return result

    async def _wait(self) -> None:
        flights, self._offered = self._offered, []
        if self._is_whole and len(self._waiting) == len(flights) == 1:
            flight = flights[0]
            read = flight.take()
            if read is not None:
                # In this task: what it decodes is then projected while it is in the processor's
                # cache, and none is made for it.
                await flight.drive(read)
                self._arrived.append(flight)
                return
        for flight in flights:
            flight.start()
            flight.add_done_callback(self._arrive)
        self._waker = asyncio.get_running_loop().create_future()
        await self._waker

    def _leave(self) -> None:
        for future in self._waiting:
            future.remove_done_callback(self._arrive)
            future.cancel()
        self._waiting.clear()

    def _fill(self, slot: Slot, entries: list[Entry]) -> None:
        if slot.edge is not None:
            self._resolve(slot, slot.edge.resolve, entries)
        elif slot.hydrates:
            self._hydrate(slot, entries)
        else:
            for source, container, path in entries:
                self._adopt(
                    container, path, self._execution.execute_at(slot, _graphql_path(path), source)
                )

    def _hydrate(self, slot: Slot, entries: list[Entry]) -> None:
        for entry in entries:
            try:
                hydrating = self._execution.context_value.hydrate(entry[0])
            except Exception:  # noqa: BLE001 - fails again, and is reported, where a field needs more
                self._refer(slot, entry, entry[0])
            else:
                self._await(slot, [entry], hydrating)

    def _resolve(self, slot: Slot, resolve: Callable[..., Any], entries: list[Entry]) -> None:
        """Ask an edge for the values of all its parents; parents with the same value are taken
        together.
        """
        execution = self._execution
        try:
            arguments = execution.arguments(slot)
        except Exception as error:  # noqa: BLE001 - a field's error, like any other of this field
            for entry in entries:
                self._refer(slot, entry, error)
            return
        info = PlannedInfo(execution.context_value, slot)
        sharing: dict[int, tuple[Any, list[Entry]]] = {}
        is_alone = len(entries) == 1
        for entry in entries:
            try:
                value = resolve(entry[0], info, **arguments)
            except Exception as error:  # noqa: BLE001 - as above
                self._refer(slot, entry, error)
                continue
            if is_alone:
                sharing[0] = (value, entries)
                break
            shared = sharing.get(id(value))
            if shared is None:
                sharing[id(value)] = (value, [entry])
            else:
                shared[1].append(entry)
        for value, sharers in sharing.values():
            if isinstance(value, Future) or isawaitable(value):
                self._await(slot, sharers, value)
            else:
                self._complete(slot, sharers, value)

    def _await(self, slot: Slot | None, entries: list[Entry], awaitable: Awaitable[Any]) -> None:
        future = awaitable if isinstance(awaitable, Future) else asyncio.ensure_future(awaitable)
        if future.done():
            self._settle(slot, entries, future)
            return
        others = self._waiting.get(future)
        if others is None:
            self._waiting[future] = [(slot, entries)]
            if isinstance(future, Flight) and (
                future.offered is not None or (self._is_whole and future.loader is not None)
            ):
                self._offered.append(future)
            else:
                future.add_done_callback(self._arrive)
        else:
            others.append((slot, entries))

    def _arrive(self, future: Future[Any]) -> None:
        self._arrived.append(future)
        if self._waker is not None and not self._waker.done():
            self._waker.set_result(None)

    def _settle(self, slot: Slot | None, entries: list[Entry], future: Future[Any]) -> None:
        if future.cancelled():
            error: BaseException | None = RuntimeError(
                "a shared read was cancelled by another owner"
            )
        else:
            error = future.exception()
        if slot is None:
            # Completed already; an error here is one that takes the whole answer with it.
            _, container, path = entries[0]
            container[path[1]] = future.result()
        elif error is None:
            self._complete(slot, entries, future.result())
        elif not isinstance(error, Exception):
            raise error
        else:
            if slot.edge is not None and slot.edge.explain is not None:
                error = slot.edge.explain(error)
            for entry in entries:
                # After a failed hydration what is known is still answered; the fields that need
                # more fail one by one.
                self._refer(slot, entry, entry[0] if slot.hydrates else error)

    def _complete(self, slot: Slot, entries: list[Entry], value: Any) -> None:
        """Complete a value at every place it belongs to."""
        complete = slot.complete
        if value is None or complete is None:
            for entry in entries:
                self._refer(slot, entry, value)
            return
        if slot.hydrates and is_salvaged(value):
            # The reference asks for it again, and tells what could not be read.
            for entry in entries:
                self._refer(slot, entry, entry[0])
            return
        shared = _NOTHING
        for entry in entries:
            source, container, path = entry
            if slot.is_closed and shared is not _NOTHING:
                container[path[1]] = shared
                continue
            try:
                if slot.hydrates:
                    complete(value, source, container, path, self.queues)
                else:
                    complete(value, container, path, self.queues)
            except Exception:  # noqa: BLE001, S110 - the reference, below, finds the error and its place
                pass
            else:
                shared = container[path[1]]
                continue
            self._forget_below(path)
            self._refer(slot, entry, source if slot.hydrates else value)

    def _forget_below(self, path: Chain) -> None:
        """Take back what a projection queued before it gave up."""
        for queue in self._entries:
            queue[:] = [entry for entry in queue if not _lies_below(entry[2], path)]

    def _refer(self, slot: Slot, entry: Entry, value: Any) -> None:
        """Complete one value, or fail with an exception, the reference way."""
        _, container, path = entry
        if value is None and slot.is_nullable:
            container[path[1]] = None
            return
        self._adopt(container, path, self._execution.complete_at(slot, _graphql_path(path), value))

    def _adopt(self, container: Any, path: tuple[Chain, str | int], completed: Any) -> None:
        """Put in what was completed the reference way, now or when it is there."""
        container[path[1]] = None
        if isawaitable(completed):
            self._await(None, [(None, container, path)], completed)
        else:
            container[path[1]] = completed


def _graphql_path(chain: Chain) -> Path:
    """The path as graphql-core writes it. A chain below an object that the reference executor came
    to begins with that object's own `Path`.
    """
    assert chain is not None  # noqa: S101 - a value has a key
    if isinstance(chain, Path):
        return chain
    before, key = chain
    return Path(None if before is None else _graphql_path(before), key, None)


def _lies_below(chain: Chain, ancestor: Chain) -> bool:
    while chain is not None and not isinstance(chain, Path):
        if chain is ancestor:
            return True
        chain = chain[0]
    return False
