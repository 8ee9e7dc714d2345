"""The wires to choose from, by the name of the setting."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Literal

from gateway.upstream.wires.httpx import HttpxWire
from gateway.upstream.wires.pyreqwest import PyreqwestWire

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from gateway.upstream.wire import Wire, WireOptions

__all__ = ["WIRES", "HttpxWire", "PyreqwestWire", "open_wire"]


WIRES = {"pyreqwest": PyreqwestWire, "httpx": HttpxWire}


@asynccontextmanager
async def open_wire(
    name: Literal["pyreqwest", "httpx"], options: WireOptions
) -> AsyncIterator[Wire]:
    """A wire by name, closed when the block is left."""
    wire = WIRES[name](options)
    try:
        yield wire
    finally:
        await wire.aclose()
