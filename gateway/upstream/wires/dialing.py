"""Opens connections to one origin: plain or TLS, straight or through an HTTP proxy."""

from __future__ import annotations

import asyncio
import ssl
from base64 import b64encode
from socket import SOCK_STREAM
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote, urlsplit

from gateway.frames import without_frames
from gateway.turns import Turns
from gateway.upstream.causes import Cause, Troubles, cause_of, cause_of_refused_tunnel
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
    """Opens connections to the origin of the options, and records why one cannot be opened.

    A proxy that is asked in the clear is given the whole address and its user with every request:
    `target_prefix` goes before the target, `fields` among the headers (RFC 9112, 3.2.2).
    """

    def __init__(self, options: WireOptions) -> None:
        self._connect_timeout_s = options.connect_timeout_s
        self._origin = urlsplit(options.origin)
        self._proxy = urlsplit(options.proxy) if options.proxy else None
        is_secure = self._origin.scheme == "https"
        self._tls = tls_context(options) if is_secure else None
        self._proxy_tls: ssl.SSLContext | None = None
        authorization = ""
        if self._proxy is not None:
            authorization = _authorization_of(self._proxy)
            if self._proxy.scheme == "https":
                self._proxy_tls = tls_context(options)
        self._authorization = authorization
        self._scratch = memoryview(bytearray(SCRATCH_BYTES))
        self._troubles = Troubles(options.origin)
        self._turns = Turns()
        is_asked_in_the_clear = self._proxy is not None and not is_secure
        self.target_prefix = options.origin if is_asked_in_the_clear else ""
        self.fields = authorization if is_asked_in_the_clear else ""

    async def dial(self, on_lost: Callable[[Connection], None], deadline: float) -> Connection:
        """A connection ready for requests, by this time of the loop's clock."""
        loop = asyncio.get_running_loop()
        connection = Connection(loop, self._scratch, on_lost, self._troubles, self._turns)
        connected_by = loop.time() + self._connect_timeout_s
        limit = asyncio.timeout_at(min(deadline, connected_by))
        try:
            async with limit:
                return await self._connect(loop, connection)
        except _ProxyError as error:
            cause, detail = error.cause, error.detail
            reason = error.__cause__
        except (OSError, UnicodeError) as error:
            cause, detail = cause_of(error), error
            if connection.unanswered_as is Cause.TLS_CUT_OFF and limit.expired():
                cause = Cause.TLS_UNANSWERED
            elif connection.unanswered_as is Cause.TLS_CUT_OFF and cause is Cause.CONNECTION_LOST:
                cause = Cause.TLS_CUT_OFF
            # The clock does not tell: a timer may ring a little before its time.
            if limit.expired() and deadline <= connected_by:
                message = "no connection to the upstream in time"
                raise TimedOut(message, was_sent=False, cause=cause) from None
            reason = error
        self._troubles.tell(cause, detail)
        try:
            raise NotConnected(cause) from reason and without_frames(reason)
        finally:
            # It holds this frame.
            del reason

    async def _connect(self, loop: asyncio.AbstractEventLoop, connection: Connection) -> Connection:
        if self._proxy is None and self._tls is None:
            connection.unanswered_as = Cause.HUNG_UP
            await _open(loop, connection, self._origin, None)
            return connection
        if self._proxy is None:
            transport = await _open(loop, _Unread(), self._origin, None)
            return await self._secure(loop, transport, connection)
        if self._tls is None:
            await self._open_to_proxy(loop, connection, self._proxy)
            return connection
        tunnel = _Tunnel(loop)
        transport = await self._open_to_proxy(loop, tunnel, self._proxy)
        try:
            host = f"{_written(self._origin.hostname)}:{_port_of(self._origin)}"
            request = f"CONNECT {host} HTTP/1.1\r\nHost: {host}\r\n{self._authorization}\r\n"
            transport.write(request.encode("latin-1"))
            await tunnel.dug
        except BaseException:
            transport.abort()
            raise
        return await self._secure(loop, transport, connection)

    async def _secure(
        self, loop: asyncio.AbstractEventLoop, transport: asyncio.Transport, connection: Connection
    ) -> Connection:
        """Have TLS spoken on what has been opened: so it is known how far a dialing got."""
        connection.unanswered_as = Cause.TLS_CUT_OFF
        try:
            secured = await loop.start_tls(
                transport,
                connection,
                self._tls,  # type: ignore[arg-type]  # there is one
                server_hostname=self._origin.hostname,
            )
        except BaseException:
            transport.abort()
            raise
        if secured is None:
            raise ConnectionResetError
        connection.unanswered_as = Cause.CONNECTION_LOST
        connection.connection_made(secured)
        return connection

    async def _open_to_proxy(
        self, loop: asyncio.AbstractEventLoop, protocol: asyncio.BaseProtocol, proxy: SplitResult
    ) -> asyncio.Transport:
        try:
            return await _open(loop, protocol, proxy, self._proxy_tls)
        except (OSError, UnicodeError) as error:
            raise _ProxyError(Cause.PROXY_UNREACHABLE, error) from error


def tls_context(options: WireOptions) -> ssl.SSLContext:
    """Trusts the usual authorities and those of the options."""
    context = ssl.create_default_context()
    context.set_alpn_protocols(["http/1.1"])
    if options.ca_file is not None:
        context.load_verify_locations(options.ca_file)
        # From Python 3.13 on a leaf must name its authority's key, which those that companies make
        # by hand often do not. Other clients take them, and so do older Pythons.
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    if options.client_cert is not None:
        context.load_cert_chain(options.client_cert)
    if not options.verify_tls:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


class _ProxyError(Exception):
    """The proxy is not there, or does not let the gateway through."""

    def __init__(self, cause: Cause, detail: Exception | str) -> None:
        super().__init__(cause)
        self.cause = cause
        self.detail = detail


class _Unread(asyncio.Protocol):
    """A connection before TLS is spoken on it, which takes what comes from then on."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport.pause_reading()  # type: ignore[attr-defined]  # create_connection makes a stream's


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
        line = self._head.partition(b"\r\n")[0]
        version, _, status = line.partition(b" ")
        if not is_whole or version not in (b"HTTP/1.1", b"HTTP/1.0") or not status[:3].isdigit():
            self.dug.set_exception(_ProxyError(Cause.PROXY_REFUSED, "its answer is no HTTP"))
        elif status.startswith(b"2"):
            self.dug.set_result(None)
        else:
            cause = cause_of_refused_tunnel(int(status[:3]))
            said = f"it answered {status[:100].decode('ascii', 'replace')}"
            self.dug.set_exception(_ProxyError(cause, said))

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.dug.done():
            self.dug.set_exception(_ProxyError(Cause.PROXY_FAILED, exc or "it hung up"))


async def _open(
    loop: asyncio.AbstractEventLoop,
    protocol: asyncio.BaseProtocol,
    goal: SplitResult,
    tls: ssl.SSLContext | None,
) -> asyncio.Transport:
    """A connection to the first address of a name that takes one.

    The name is looked up here: uvloop lets go of a look-up that it is cancelled at, and what fails
    then is recorded as an error that nobody has seen.
    """
    host, port = goal.hostname or "", _port_of(goal)
    name = host if tls is not None else None
    found = await loop.getaddrinfo(host, port, type=SOCK_STREAM)
    # A file of hosts may name one twice.
    hosts = list(dict.fromkeys(str(address[0]) for *_, address in found))
    for number, one in enumerate(hosts, 1):
        try:
            transport, _ = await loop.create_connection(
                lambda: protocol, one, port, ssl=tls, server_hostname=name
            )
        except OSError as error:
            if isinstance(error, ssl.SSLError) or number == len(hosts):
                raise
        else:
            return transport
    raise OSError(f"{host} has no address")


def _authorization_of(proxy: SplitResult) -> str:
    """The header for a proxy whose address holds a user, as a line; empty for others."""
    if proxy.username is None:
        return ""
    user = f"{unquote(proxy.username)}:{unquote(proxy.password or '')}".encode()
    return f"Proxy-Authorization: Basic {b64encode(user).decode()}\r\n"


def _written(host: str | None) -> str:
    """A host as it stands in an address."""
    return f"[{host}]" if host and ":" in host else f"{host}"


def _port_of(goal: SplitResult) -> int:
    return goal.port or _PORTS[goal.scheme]
