"""GraphQL over WebSocket: the protocol graphql-transport-ws, at `/graphql`.

    handshake ── origin, subprotocol ── connection_init ── credential ──► ack
    subscribe ──► engine ──► next, next, … complete          ping ──► pong

Follows https://github.com/enisdenjo/graphql-ws/blob/master/PROTOCOL.md. A mistake of the client's
closes the connection with the code that says so:

    4400 a message that is none   4401 subscribe before the ack   4403 a credential that is refused
    4406 another subprotocol      4408 no connection_init         4409 an id that is in use
    4429 a second connection_init                                 1012 the gateway stops: come again

The credential comes from the handshake's headers or from the payload of `connection_init`, under
the same names; the payload wins. One that the upstream takes no more closes the connection (4403).
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any, Final

import msgspec

from gateway.errors import BadInput
from gateway.execution.request import Carrier
from gateway.transport.origins import origin_in
from gateway.transport.request import HttpError, read_body
from gateway.transport.subscription_quota import TooManySubscriptions
from gateway.transport.websocket_messages import (
    CREDENTIAL_HEADERS,
    INVALID,
    READ_HEADERS,
    Close,
    decode_message,
    headers_in,
    id_of,
    payload_of,
    refuse,
)

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from gateway.execution.engine import Engine
    from gateway.execution.request import Caller, GraphQLRequest
    from gateway.execution.response import GraphQLResponse
    from gateway.settings import Settings
    from gateway.transport.callers import Callers
    from gateway.transport.subscription_quota import SubscriptionQuota
    from gateway.transport.websocket_messages import Message
    from gateway.upstream.credential import Credential

__all__ = ["SUBPROTOCOL", "WebSockets"]

_log: Final = logging.getLogger("gateway.transport")

SUBPROTOCOL: Final = "graphql-transport-ws"
CARRIER: Final = Carrier("websocket")
# A close frame holds no more.
REASON_BYTES: Final = 120

_encode = msgspec.json.Encoder().encode


class WebSockets:
    """Answers the WebSockets at `/graphql` with an engine."""

    def __init__(
        self, engine: Engine, callers: Callers, settings: Settings, quota: SubscriptionQuota
    ) -> None:
        self.engine = engine
        self.callers = callers
        self.init_timeout_s = settings.receive_timeout_s
        self.max_operations = settings.max_connection_subscriptions
        self.max_values = settings.max_values
        self.quota = quota
        self._origins = frozenset(settings.cors_origins)
        self._sessions: set[_Session] = set()
        self._is_hung_up = False

    def __len__(self) -> int:
        """How many connections there are."""
        return len(self._sessions)

    def hang_up(self) -> None:
        """Tell every client to come again, and who connects from now on: the gateway stops."""
        self._is_hung_up = True
        for session in self._sessions:
            session.hang_up()

    async def __call__(
        self,
        scope: Any,
        receive: Callable[[], Awaitable[Any]],
        send: Callable[[Any], Awaitable[None]],
    ) -> None:
        await receive()
        headers = dict(reversed(scope["headers"]))
        if not self._takes(headers):
            await refuse(send, 403, "the origin of this page is not among GATEWAY_CORS_ORIGINS")
            return
        if SUBPROTOCOL not in scope["subprotocols"]:
            await send({"type": "websocket.accept"})
            reason = f"this server speaks {SUBPROTOCOL}"
            await send({"type": "websocket.close", "code": 4406, "reason": reason})
            return
        await send({"type": "websocket.accept", "subprotocol": SUBPROTOCOL})
        session = _Session(self, scope, headers, receive, send)
        self._sessions.add(session)
        if self._is_hung_up:
            session.hang_up()
        try:
            await session.run()
        finally:
            self._sessions.discard(session)

    def _takes(self, headers: dict[bytes, bytes]) -> bool:
        """May this page connect? Pages of this host may, and what is no page."""
        origin = headers.get(b"origin")
        if origin is None or "*" in self._origins:
            return True
        told = origin.decode("latin-1")
        host = headers.get(b"host", b"").decode("latin-1")
        return told in self._origins or told.partition("://")[2] == host


class _Session:
    """One connection."""

    def __init__(
        self,
        all_of_them: WebSockets,
        scope: Any,
        headers: dict[bytes, bytes],
        receive: Callable[[], Awaitable[Any]],
        send: Callable[[Any], Awaitable[None]],
    ) -> None:
        self._all = all_of_them
        self._scope = scope
        self._headers: Mapping[bytes, bytes] = {
            name: headers[name] for name in READ_HEADERS if name in headers
        }
        self._address = all_of_them.callers.address_of(scope)
        self._origin = origin_in(headers, self._address)
        self._receive = receive
        self._send = send
        self._credential: Credential | None = None
        self._is_init = False
        self._is_acked = False
        self._is_closed = False
        self._operations: dict[str, asyncio.Task[None]] = {}
        self._callers: dict[str, Caller] = {}
        self._task = asyncio.current_task()
        self._is_hung_up = False

    async def run(self) -> None:
        """Take messages until the connection ends."""
        try:
            await self._take_messages()
        except Close as close:
            await self._close(close.code, close.reason)
        except asyncio.CancelledError:
            if not self._is_hung_up or (self._task is not None and self._task.uncancel()):
                raise
            await self._close(1012, "the gateway stops; come again")
        except OSError:
            # The client is gone.
            pass
        finally:
            await self._end_operations()

    def hang_up(self) -> None:
        """End the connection with the word to come again."""
        if not self._is_hung_up and self._task is not None:
            self._is_hung_up = True
            for caller in self._callers.values():
                caller.is_cut_off = True
            self._task.cancel()

    async def _take_messages(self) -> None:
        until = asyncio.get_running_loop().time() + self._all.init_timeout_s
        try:
            async with asyncio.timeout_at(until):
                while not self._is_acked:
                    if not await self._take():
                        return
        except TimeoutError:
            raise Close(4408, "Connection initialisation timeout") from None
        while await self._take():
            pass

    async def _take(self) -> bool:
        """Take one message; False where there are no more."""
        received = await self._receive()
        if received["type"] == "websocket.disconnect" or self._is_closed:
            return False
        text = received.get("text")
        if text is None:
            raise Close(INVALID, "messages are text")
        try:
            message = decode_message(text)
        except (msgspec.DecodeError, RecursionError):
            raise Close(INVALID, "a message is a JSON object with a type") from None
        await self._heed(message)
        return True

    async def _heed(self, message: Message) -> None:
        match message.type:
            case "connection_init":
                await self._init(message)
            case "ping":
                payload = message.payload
                if payload_of(message) is None:
                    await self._say({"type": "pong"})
                else:
                    await self._say({"type": "pong", "payload": payload})
            case "pong":
                payload_of(message)
            case "subscribe":
                await self._subscribe(message)
            case "complete":
                self._complete(id_of(message))
            case _:
                raise Close(INVALID, f"no message has the type {message.type!r:.40}")

    async def _init(self, message: Message) -> None:
        if self._is_init:
            raise Close(4429, "Too many initialisation requests")
        self._is_init = True
        try:
            told = headers_in(payload_of(message))
            headers = told if any(name in told for name in CREDENTIAL_HEADERS) else self._headers
            if b"sudo" in self._headers:
                # Whoever sends it must not act as somebody else, wherever the credential is.
                headers = {b"sudo": self._headers[b"sudo"], **headers}
            self._credential = self._all.callers.credential_among(headers, self._address)
            self._origin = origin_in({**self._headers, **told}, self._address)
        except BadInput as error:
            raise Close(4403, f"Forbidden: {error.message}") from None
        await self._say({"type": "connection_ack"})
        self._is_acked = True

    async def _subscribe(self, message: Message) -> None:
        if not self._is_acked:
            raise Close(4401, "Unauthorized")
        name = id_of(message)
        if message.payload is msgspec.UNSET:
            raise Close(INVALID, "subscribe has a payload")
        try:
            asked = read_body(bytes(message.payload), max_batch=0, max_values=self._all.max_values)
        except HttpError as error:
            raise Close(INVALID, error.message) from None
        if isinstance(asked, list) or not asked.names_document:
            raise Close(INVALID, "the payload of subscribe has a query or a documentId")
        if name in self._operations:
            raise Close(4409, f"Subscriber for {name} already exists")
        if len(self._operations) >= self._all.max_operations:
            await self._refuse(
                name,
                f"this connection holds {self._all.max_operations} operations, as many as it may"
                " (GATEWAY_MAX_CONNECTION_SUBSCRIPTIONS)",
            )
            return
        caller = self._all.callers.of_message(
            self._address, CARRIER, self._credential, self._origin
        )
        self._callers[name] = caller
        self._operations[name] = asyncio.create_task(self._operate(name, asked, caller))

    def _complete(self, name: str) -> None:
        """The client wants no more of an operation."""
        task = self._operations.pop(name, None)
        if task is not None:
            self._callers.pop(name).has_left = True
            task.cancel()

    async def _operate(self, name: str, asked: GraphQLRequest, caller: Caller) -> None:
        """Run an operation, in a task of its own."""
        try:
            await self._run(name, asked, caller)
        except TooManySubscriptions as error:
            await self._refuse(name, str(error))
        except OSError:
            # The client is gone, which the task that receives sees.
            return
        except Exception:  # noqa: BLE001 - the edge of an operation: recorded, told by its id only
            _log.exception("request %s failed unexpectedly", caller.request_id)
            await self._close(1011, "internal error")
        finally:
            if self._callers.get(name) is caller:
                del self._callers[name], self._operations[name]

    async def _run(self, name: str, asked: GraphQLRequest, caller: Caller) -> None:
        with self._all.quota.held(caller.credential):
            responses = self._all.engine.subscribe(asked, caller)
            try:
                async for response in responses:
                    if not await self._tell(name, response):
                        return
            finally:
                await responses.aclose()
        if self._callers.get(name) is caller and not caller.is_cut_off:
            # Its id is free before the client knows that it is complete.
            del self._callers[name], self._operations[name]
            await self._say({"id": name, "type": "complete"})

    async def _tell(self, name: str, response: GraphQLResponse) -> bool:
        """Tell of a response; False where it is the last."""
        if response.kind != "executed":
            await self._say({"id": name, "type": "error", "payload": response.errors})
            return False
        body = response.body.decode()
        head = _encode(name).decode()
        await self._say_text(f'{{"id":{head},"type":"next","payload":{body}}}')
        if response.is_revoked:
            await self._close(4403, "Forbidden: the upstream does not accept the credential")
            return False
        return True

    async def _refuse(self, name: str, message: str) -> None:
        error = {"message": message, "extensions": {"code": TooManySubscriptions.code}}
        await self._say({"id": name, "type": "error", "payload": [error]})

    async def _say(self, message: dict[str, Any]) -> None:
        await self._say_text(_encode(message).decode())

    async def _say_text(self, text: str) -> None:
        """Send a message; raises `OSError` where nobody takes it any more."""
        if self._is_closed:
            raise ConnectionResetError
        try:
            await self._send({"type": "websocket.send", "text": text})
        except RuntimeError:
            # The server has closed it, for a client that did not answer its pings.
            raise ConnectionResetError from None

    async def _close(self, code: int, reason: str) -> None:
        if self._is_closed:
            return
        self._is_closed = True
        told = reason.encode()[:REASON_BYTES].decode(errors="ignore")
        try:
            await self._send({"type": "websocket.close", "code": code, "reason": told})
        except (OSError, RuntimeError):
            # The client is gone, or the server has closed the connection.
            return

    async def _end_operations(self) -> None:
        tasks = list(self._operations.values())
        for caller in self._callers.values():
            caller.has_left = not caller.is_cut_off
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        for task in tasks:
            if not task.cancelled() and (error := task.exception()) is not None:
                _log.error("an operation over WebSocket failed unexpectedly", exc_info=error)
