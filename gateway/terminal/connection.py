"""One operation over one WebSocket, by the protocol graphql-transport-ws.

    connect ── connection_init (the credential) ── ack ── subscribe ──► next, next, … complete

What breaks may be tried again (`Broken`), what is refused may not (`Refused`).
"""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus, InvalidURI
from websockets.typing import Subprotocol

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Mapping
    from types import TracebackType

__all__ = ["Address", "Broken", "Refused", "responses"]

SUBPROTOCOL: Final = Subprotocol("graphql-transport-ws")
OPEN_S: Final = 10.0
CLOSE_S: Final = 1.0
# A response of the gateway's is no larger than 50 MB, unless it is told otherwise.
MAX_BYTES: Final = 64_000_000
# Close codes after which the same would happen again: the protocol's own, and a message too large.
FINAL_CODES: Final = frozenset({1009, 4400, 4401, 4403, 4406, 4408, 4409, 4429})
# Answers to a handshake that a proxy gives while what is behind it is away.
PASSING_STATUSES: Final = frozenset({429, 502, 503, 504})


class Broken(Exception):
    """No connection, or no longer; it may be tried again. The message says why."""


class Refused(Exception):
    """An answer that would be the same again. `code` is the error's, where there is one, and
    `cause` why the upstream was not reached.
    """

    def __init__(self, message: str, code: str = "", cause: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.cause = cause

    @classmethod
    def by(cls, errors: Any) -> Refused:
        """The refusal that GraphQL errors tell; the first of them counts."""
        first = errors[0]
        extensions = first.get("extensions") or {}
        cause = (extensions.get("upstream") or {}).get("cause", "")
        message = str(first.get("message", "no reason told"))
        return cls(message, str(extensions.get("code", "")), str(cause))


@dataclass(frozen=True, slots=True)
class Address:
    """Where a gateway is, and what is presented to it."""

    url: str
    """Of its GraphQL endpoint, `http://…/graphql`."""
    credential: Mapping[str, str] = field(default_factory=dict, repr=False)
    """By the name of its header; empty for none."""
    by_proxy: bool = True
    """Whether the proxy that the environment names is used."""


class _Connect(connect):
    """Follows no redirects: a credential goes to the address that was named. Leaves no connection
    open.
    """

    def process_redirect(self, exc: Exception) -> Exception | str:
        return exc

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        transport = self.connection.transport
        try:
            await super().__aexit__(exc_type, exc_value, traceback)
        except asyncio.CancelledError:
            # websockets would leave it open until the other end closes it.
            transport.abort()
            raise


async def responses(
    address: Address, document: str, variables: Mapping[str, Any]
) -> AsyncGenerator[dict[str, Any]]:
    """The responses to one operation, until it is complete; raises `Broken` and `Refused`."""
    try:
        async with _Connect(
            address.url.replace("http", "ws", 1),
            subprotocols=[SUBPROTOCOL],
            open_timeout=OPEN_S,
            close_timeout=CLOSE_S,
            max_size=MAX_BYTES,
            proxy=True if address.by_proxy else None,
        ) as socket:
            async with asyncio.timeout(OPEN_S):
                await _begin(socket, address.credential)
            payload = {"query": document, "variables": variables}
            await _say(socket, {"id": "1", "type": "subscribe", "payload": payload})
            while (message := await _heard(socket))["type"] != "complete":
                if message["type"] == "error":
                    raise Refused.by(message.get("payload"))
                if message["type"] == "next":
                    yield message["payload"]
    except ConnectionClosed as closed:
        raise _of_close(closed) from None
    except InvalidStatus as refused:
        raise _of_status(refused.response.status_code, address.url) from None
    except (InvalidURI, InvalidHandshake, LookupError, TypeError, ValueError):
        raise Refused(f"what answers at {address.url} is no gateway") from None
    except (OSError, TimeoutError) as error:
        why = getattr(error, "strerror", None) or "no answer in time"
        raise Broken(f"no connection to {address.url}: {why}") from None


async def _begin(socket: ClientConnection, credential: Mapping[str, str]) -> None:
    await _say(socket, {"type": "connection_init", "payload": dict(credential)})
    while (await _heard(socket))["type"] != "connection_ack":
        pass


async def _say(socket: ClientConnection, message: Mapping[str, Any]) -> None:
    await socket.send(json.dumps(message))


async def _heard(socket: ClientConnection) -> dict[str, Any]:
    """The next message but pings, which are answered. A silent connection is noticed by the
    library's own pings.
    """
    while True:
        message: dict[str, Any] = json.loads(await socket.recv())
        if message["type"] != "ping":
            return message
        await _say(socket, {"type": "pong"})


def _of_close(closed: ConnectionClosed) -> Broken | Refused:
    told = closed.rcvd
    if told is not None and told.code in FINAL_CODES:
        code = "UNAUTHENTICATED" if told.code == 4403 else ""
        return Refused(told.reason or f"the gateway closed the connection ({told.code})", code)
    reason = told.reason if told is not None else ""
    return Broken(reason or "the connection broke off")


def _of_status(status: int, url: str) -> Broken | Refused:
    if status in PASSING_STATUSES:
        return Broken(f"{url} answers {status}")
    if 300 <= status < 400:
        return Refused(f"{url} leads elsewhere ({status}): give the gateway's own address")
    if status == 404:
        return Refused(f"there is no gateway at {url} (404)")
    return Refused(f"{url} refuses the connection ({status})")
