"""What an operation wrote, for its record: action, job and what came of it; never a variable."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol, TypeVar

from gateway.errors import GatewayError
from gateway.hooks import WRITES, WriteEvent

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from gateway.schema.action_errors import ActionError
    from gateway.schema.inputs import Target
    from gateway.upstream.entities import Item

__all__ = ["Note", "noted"]


class _Result(Protocol):
    @property
    def item(self) -> Item | None: ...

    @property
    def errors(self) -> Sequence[ActionError]: ...


R = TypeVar("R", bound=_Result)


class Note:
    """One write, while it is under way."""

    def __init__(self, event: WriteEvent) -> None:
        self._event = event

    def of(self, result: R) -> R:
        """The same result, noted."""
        if result.errors:
            self._event.outcome = " ".join(dict.fromkeys(each.code.name for each in result.errors))
        else:
            self._event.outcome = "DONE"
            item = result.item
            self._event.made = item.id if item is not None and item.id != self._event.job else None
        return result


@contextmanager
def noted(action: str, target: Target) -> Iterator[Note]:
    """Note a write from its beginning, so that one whose caller leaves is told of as well."""
    is_job = target.kind == "job"
    event = WriteEvent(
        action,
        target.project,
        target.number if is_job else None,
        None if is_job else target.number,
    )
    writes = WRITES.get()
    if writes is not None:
        writes.append(event)
    try:
        yield Note(event)
    except GatewayError as error:
        event.outcome = error.code
        raise
