"""Errors without their frames.

Frames hold on to what was at hand where they failed, whole answers among it. An error that is kept
where its frames can reach it is a cycle, and waits for the collector.
"""

from __future__ import annotations

from typing import TypeVar

__all__ = ["without_frames"]

E = TypeVar("E", bound=BaseException)


def without_frames(error: E) -> E:
    """The same error without its traceback, and so its causes (a GraphQL error's original too)."""
    found: BaseException | None = error
    seen: set[int] = set()
    while found is not None and id(found) not in seen:
        seen.add(id(found))
        found.__traceback__ = None
        found = getattr(found, "original_error", None) or found.__cause__ or found.__context__
    return error
