"""Kept reads of one worker of several: each keeps its own, and what one drops is dropped by all."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.upstream.kept import KeptInMemory

if TYPE_CHECKING:
    from gateway.slate import Changes, Subject
    from gateway.upstream.kept import Tag

__all__ = ["KeptByWorkers"]


class KeptByWorkers(KeptInMemory):
    """Keeps as `KeptInMemory` does, and tells the others by `changes` what was dropped: once `drop`
    has returned none of them gives what it was dropped for.
    """

    def __init__(self, max_bytes: int, changes: Changes) -> None:
        super().__init__(max_bytes)
        self._changes = changes

    async def drop(self, *tags: Tag, at: float) -> None:
        await super().drop(*tags, at=at)
        for tag in tags:
            self._changes.note(_subject(tag), at)

    def _is_valid(self, tags: tuple[Tag, ...], begun: float) -> bool:
        return super()._is_valid(tags, begun) and not self._changes.since(
            begun, *map(_subject, tags)
        )


def _subject(tag: Tag) -> Subject:
    return tag if isinstance(tag, int) else f"kept {tag[0]} {tag[1]}"
