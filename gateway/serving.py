"""How a gateway is served from its start to its end, in one process or as one of several."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from gateway.memory import settle_in
from gateway.transport.sending import MAX_WAITING_BYTES
from gateway.transport.server import serving

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

    from gateway.app import Gateway
    from gateway.transport.server import Serving

__all__ = ["Stop", "serve"]


class Stop(Protocol):
    """What tells that the gateway should stop. `on_second` is called when it should hurry."""

    on_second: Callable[[], object]

    async def first(self) -> None:
        """Wait until it should."""

    async def wait_for_second(self, timeout_s: float) -> None:
        """Wait for as long as it should go on as before."""


async def serve(
    gateway: Gateway,
    listener: socket.socket | None,
    stop: Stop,
    begin: Callable[[Serving], object],
    *,
    count: Callable[[int, int], object] | None = None,
) -> None:
    """Serve until it is time to stop, and end in peace. `begin` is called when all is there;
    `count` is that of `serving`.
    """
    settings = gateway.settings
    async with (
        gateway.running(),
        serving(
            gateway,
            listener,
            shutdown_timeout_s=settings.shutdown_timeout_s,
            receive_timeout_s=settings.receive_timeout_s,
            hang_up=gateway.hang_up,
            send_timeout_s=settings.send_timeout_s,
            cut_off=gateway.cut_off,
            max_message_bytes=settings.max_body_bytes,
            max_waiting_bytes=MAX_WAITING_BYTES // settings.workers,
            count=count,
        ) as server,
    ):
        begin(server)
        settle_in()
        await stop.first()
        stop.on_second = server.hurry
        gateway.drain()
        server.close_after_responses()
        await stop.wait_for_second(settings.drain_s)
