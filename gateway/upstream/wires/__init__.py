"""The wires to choose from, by the name of the setting."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final, Literal, TypeAlias

from gateway.upstream.wires.http1 import Http1Wire
from gateway.upstream.wires.httpx import HttpxWire

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from gateway.upstream.wire import Wire, WireOptions

__all__ = ["WIRES", "Http1Wire", "HttpxWire", "WireName", "open_wire"]

WireName: TypeAlias = Literal["http1", "httpx"]

WIRES: Final[dict[WireName, type[Http1Wire | HttpxWire]]] = {
    "http1": Http1Wire,
    "httpx": HttpxWire,
}


@asynccontextmanager
async def open_wire(name: WireName, options: WireOptions) -> AsyncIterator[Wire]:
    """A wire by name, closed when the block is left."""
    wire = WIRES[name](options)
    try:
        yield wire
    finally:
        await wire.aclose()
