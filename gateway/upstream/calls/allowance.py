"""What the upstream tells of its limits: how many calls a credential has left, until when, and
which calls a 429 is about.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from msgspec import Struct

from gateway.upstream.answers import THROTTLED, retry_after_s

if TYPE_CHECKING:
    from gateway.upstream.wire import Answer, HeaderLookUp

__all__ = ["WINDOW_S", "Allowance", "Served", "is_gitlabs", "is_of_endpoint", "reset_after_s"]

# GitLab's limits are by the minute; a clock that is wrong must not stop anybody for longer.
WINDOW_S: Final = 60.0


class Allowance(Struct, frozen=True):
    """What a limiter leaves a credential: `remaining` of `limit` until `reset_at`, a time of the
    loop's clock; None for what the upstream has not told.
    """

    limit: int | None = None
    remaining: int | None = None
    reset_at: float | None = None


class Served(Struct, eq=False):
    """How many calls of a route were served in the minute that ends `until`."""

    until: float = 0.0
    count: int = 0


def reset_after_s(header: HeaderLookUp) -> float | None:
    """Seconds until a window ends, as headers tell it; None where nothing does."""
    wait_s = retry_after_s(header)
    return None if wait_s is None else min(wait_s, WINDOW_S)


def is_of_endpoint(answer: Answer) -> bool:
    """Is it a 429 of one endpoint's limiter? GitLab says so in words (upstream.md, 9)."""
    return THROTTLED.encode() in bytes(answer.body[:1000])


def is_gitlabs(answer: Answer) -> bool:
    """Is it a 429 of GitLab itself, not of something before it?"""
    kind = answer.header("content-type") or ""
    return is_of_endpoint(answer) or kind.startswith("text/plain")
