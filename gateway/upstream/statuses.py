"""Status words an upstream does not know: asked for once, then left out (contract, section 6).

An older GitLab refuses a whole list for one unknown word of `scope`. A word it does not know is a
status none of its jobs can have, so leaving it out loses nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from gateway.errors import RequestRefused

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

__all__ = ["KnownStatuses"]

T = TypeVar("T")

# The words that came after the oldest upstream we serve (15.9).
NEWER = frozenset({"waiting_for_callback", "canceling"})


class KnownStatuses:
    """What one upstream has refused so far."""

    def __init__(self) -> None:
        self._refused: frozenset[str] = frozenset()

    async def read(
        self, statuses: tuple[str, ...], read: Callable[[tuple[str, ...]], Awaitable[T]]
    ) -> T | None:
        """What `read` gives for those of the statuses that the upstream knows; None for none.

        Cost: what `read` costs; twice that the first time a word is refused.
        """
        asked = tuple(status for status in statuses if status not in self._refused)
        if not asked:
            return None
        try:
            return await read(asked)
        except RequestRefused as refused:
            newer = NEWER.intersection(asked)
            if refused.status != 400 or "scope" not in (refused.reason or "") or not newer:
                raise
            self._refused |= newer
        asked = tuple(status for status in asked if status not in newer)
        return await read(asked) if asked else None
