"""The words for statuses (upstream.md, 6): what they mean, and which an upstream does not know.

An older GitLab refuses a whole list for one unknown word of `scope`. A word it does not know is a
status none of its jobs can have, so it is asked for once, and leaving it out then loses nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeVar

from gateway.errors import RequestRefused

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

__all__ = ["ACTIVE", "FINISHED", "KnownStatuses"]

T = TypeVar("T")

# Of what is not left by itself.
FINISHED: Final = frozenset({"success", "failed", "canceled", "skipped"})
# Of what changes by itself; a manual job waits for a person.
ACTIVE: Final = frozenset(
    {
        "created",
        "waiting_for_resource",
        "preparing",
        "waiting_for_callback",
        "pending",
        "running",
        "canceling",
        "scheduled",
    }
)
# The words that came after the oldest upstream we serve (15.9), the latest first.
NEWER: Final = ("canceling", "waiting_for_callback")


class KnownStatuses:
    """What one upstream has refused so far."""

    def __init__(self) -> None:
        self._refused: frozenset[str] = frozenset()

    async def read(
        self, statuses: Iterable[str], read: Callable[[tuple[str, ...]], Awaitable[T]]
    ) -> T | None:
        """What `read` gives for those of the statuses that the upstream knows; None for none.

        Cost: what `read` costs, and once more for each word that is refused for the first time.
        """
        asked = tuple(status for status in statuses if status not in self._refused)
        while asked:
            try:
                return await read(asked)
            except RequestRefused as refused:
                newest = next((word for word in NEWER if word in asked), None)
                if newest is None or not _is_about_words(refused):
                    raise
            self._refused |= {newest}
            asked = tuple(status for status in asked if status != newest)
        return None


def _is_about_words(refused: RequestRefused) -> bool:
    return refused.status == 400 and "does not have a valid value" in (refused.reason or "")
