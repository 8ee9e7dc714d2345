"""The upstream itself: by its address, and what it says of itself."""

from __future__ import annotations

from typing import ClassVar

from msgspec import Struct

from gateway.upstream.entities.values import Known, ours

__all__ = ["UpstreamHandle", "UpstreamVersion"]


class UpstreamHandle(Struct, frozen=True, gc=False):
    """The upstream by its address; anything else about it costs a call."""

    known: ClassVar[Known] = Known.HANDLE

    url: str


class UpstreamVersion(Struct, frozen=True, gc=False):
    """What the upstream says of itself."""

    known: ClassVar[Known] = Known.LONG

    version: str | None = None
    revision: str | None = None
    # Its handle has it.
    url: str | None = ours()
