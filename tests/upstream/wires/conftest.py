"""Every wire, on both event loops, and the raw server's answers."""

from __future__ import annotations

import socket
import ssl
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest
import trustme

from gateway.upstream.wire import WireOptions
from gateway.upstream.wires import WIRES
from tests.upstream.conftest import RawServer, say

if TYPE_CHECKING:
    import asyncio
    from collections.abc import AsyncIterator, Awaitable, Callable


@pytest.fixture(params=["asyncio", "uvloop"])
def anyio_backend(request):
    return "asyncio", {"use_uvloop": request.param == "uvloop"}


@pytest.fixture
async def tls_server(anyio_backend: str) -> AsyncIterator[tuple[RawServer, trustme.CA]]:
    authority = trustme.CA()
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(tls)
    async with RawServer().running(tls) as running:
        yield running, authority


@pytest.fixture(params=sorted(WIRES))
def wire_name(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
async def wire(wire_name: str, server: RawServer) -> AsyncIterator[object]:
    wire = WIRES[wire_name](
        WireOptions(server.origin, connect_timeout_s=2, max_connections=4, max_answer_bytes=10_000)
    )
    yield wire
    await wire.aclose()


@pytest.fixture
def answering() -> Callable[..., Callable[[asyncio.StreamWriter], Awaitable[None]]]:
    return say


@pytest.fixture
def deaf():
    """An origin whose connections are never made: its queue of them is full."""
    with ExitStack() as stack:
        listener = stack.enter_context(socket.socket())
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(3):
            waiting = stack.enter_context(socket.socket())
            waiting.setblocking(False)  # noqa: FBT003 - the standard library's signature
            waiting.connect_ex(listener.getsockname())
        yield "http://{}:{}".format(*listener.getsockname())
