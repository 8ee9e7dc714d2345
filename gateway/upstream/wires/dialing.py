"""Opens connections to one origin: plain or TLS, straight or through an HTTP proxy."""

from __future__ import annotations

import asyncio
import ssl
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from gateway.upstream.wire import NotConnected, TimedOut
from gateway.upstream.wires.connection import Connection

if TYPE_CHECKING:
    from collections.abc import Callable
    from urllib.parse import SplitResult

    from gateway.upstream.wire import WireOptions

__all__ = ["Dialer", "tls_context"]

# Holds a head and a small answer; what is longer than that would only be copied once more.
SCRATCH_BYTES: Final = 64 * 1024
MAX_HEAD_BYTES: Final = 16 * 1024
_PORTS: Final = {"http": 80, "https": 443}


class Dialer:
    """Opens connections to the origin of the options.

    `target_prefix` goes before the target of every request: a proxy that is asked in the clear is
    given the whole address (RFC 9112, 3.2.2).
    """

    def __init__(self, options: WireOptions) -> None:
        self._connect_timeout_s = options.connect_timeout_s
        self._origin = urlsplit(options.origin)
        self._proxy = urlsplit(options.proxy) if options.proxy else None
        self._tls = tls_context(options)
        self._scratch = memoryview(bytearray(SCRATCH_BYTES))
        self.target_prefix = options.origin if self._proxy and self._tls is None else ""

    async def dial(self, on_lost: Callable[[Connection], None], deadline: float) -> Connection:
        """A connection ready for requests, by this time of the loop's clock."""
        loop = asyncio.get_running_loop()
        connected_by = loop.time() + self._connect_timeout_s
        limit = asyncio.timeout_at(min(deadline, connected_by))
        try:
            async with limit:
                return await self._connect(loop, Connection(loop, self._scratch, on_lost))
        except TimeoutError:
            # The clock does not tell: a timer may ring a little before its time.
            if limit.expired() and deadline <= connected_by:
                raise TimedOut("no connection to the upstream in time", was_sent=False) from None
            raise NotConnected("no connection to the upstream in time") from None
        except ssl.SSLError as error:
            raise NotConnected("no secure connection to the upstream") from error
        except OSError as error:
            raise NotConnected("no connection to the upstream") from error

    async def _connect(self, loop: asyncio.AbstractEventLoop, connection: Connection) -> Connection:
        if self._proxy is None:
            await _open(loop, connection, self._origin, self._tls)
            return connection
        to_proxy = ssl.create_default_context() if self._proxy.scheme == "https" else None
        if self._tls is None:
            await _open(loop, connection, self._proxy, to_proxy)
            return connection
        tunnel = _Tunnel(loop)
        transport = await _open(loop, tunnel, self._proxy, to_proxy)
        try:
            host = f"{self._origin.hostname}:{_port_of(self._origin)}"
            transport.write(f"CONNECT {host} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
            await tunnel.dug
            secured = await loop.start_tls(
                transport, connection, self._tls, server_hostname=self._origin.hostname
            )
        except BaseException:
            transport.abort()
            raise
        if secured is None:
            raise ConnectionResetError
        connection.connection_made(secured)
        return connection


def tls_context(options: WireOptions) -> ssl.SSLContext | None:
    """Trusts the usual authorities and those of the options; None where the origin has no TLS."""
    if not options.origin.startswith("https:"):
        return None
    context = ssl.create_default_context()
    context.set_alpn_protocols(["http/1.1"])
    if options.ca_file is not None:
        context.load_verify_locations(options.ca_file)
    if not options.verify_tls:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


class _Tunnel(asyncio.Protocol):
    """What the proxy says to CONNECT; `dug` is done once it said yes."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self.dug = loop.create_future()
        self._head = b""

    def data_received(self, data: bytes) -> None:
        self._head += data
        is_whole = b"\r\n\r\n" in self._head
        if self.dug.done() or not (is_whole or len(self._head) > MAX_HEAD_BYTES):
            return
        if is_whole and self._head.startswith((b"HTTP/1.1 2", b"HTTP/1.0 2")):
            self.dug.set_result(None)
        else:
            self.dug.set_exception(ConnectionRefusedError("the proxy does not let it through"))

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.dug.done():
            self.dug.set_exception(exc or ConnectionResetError())


async def _open(
    loop: asyncio.AbstractEventLoop,
    protocol: asyncio.BaseProtocol,
    goal: SplitResult,
    tls: ssl.SSLContext | None,
) -> asyncio.Transport:
    transport, _ = await loop.create_connection(
        lambda: protocol, goal.hostname or "", _port_of(goal), ssl=tls
    )
    return transport


def _port_of(goal: SplitResult) -> int:
    return goal.port or _PORTS[goal.scheme]
