"""What an operation wrote, for its record: action, job and what came of it; never a variable."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from gateway.errors import GatewayError
from gateway.hooks import WRITES, WriteEvent

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gateway.schema.actions import ActionResult
    from gateway.schema.inputs import Target

__all__ = ["Note", "noted"]


class Note:
    """One write, while it is under way."""

    def __init__(self, event: WriteEvent) -> None:
        self._event = event

    def of(self, result: ActionResult) -> ActionResult:
        """The same result, noted."""
        event, item = self._event, result.item
        if result.errors:
            event.outcome = " ".join(dict.fromkeys(each.code.name for each in result.errors))
            return result
        event.outcome = "DONE"
        # What is made of a pipeline is no new one.
        if event.job is not None and item is not None and item.id != event.job:
            event.made = item.id
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
