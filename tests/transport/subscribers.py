"""Subscribers by each transport, with one face: `next()` gives responses, `ended` says how."""

import asyncio
import json
from contextlib import asynccontextmanager

import httpx
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

__all__ = ["TRANSPORTS", "web_socket"]

PATIENCE_S = 30


class Subscriber:
    """Responses as they come. `ended` is "complete", "error", "broken" or a close code."""

    def __init__(self, items):
        self._items = items
        self.ended = None
        self.heartbeats = 0

    async def next(self):
        """The next response; None at the end."""
        while self.ended is None:
            item = await asyncio.wait_for(anext(self._items), PATIENCE_S)
            if item == "heartbeat":
                self.heartbeats += 1
            elif isinstance(item, dict):
                return item
            else:
                self.ended = item
        return None

    async def rest(self):
        found = []
        while (response := await self.next()) is not None:
            found.append(response)
        return found


@asynccontextmanager
async def web_socket(url, headers=None, *, protocol="graphql-transport-ws", **options):
    """A WebSocket, before its first message."""
    address = url.replace("http", "ws", 1)
    async with connect(
        address,
        subprotocols=[protocol] if protocol else None,
        additional_headers=headers or {},
        **options,
    ) as opened:
        yield opened


def _parameters(document, variables):
    """A request's parameters; a document that is no text but parameters names one by an id."""
    asked = document if isinstance(document, dict) else {"query": document}
    return {**asked, "variables": variables}


@asynccontextmanager
async def by_web_socket(url, headers, document, variables=None):
    async with web_socket(url) as opened:
        await opened.send(json.dumps({"type": "connection_init", "payload": headers}))
        assert json.loads(await opened.recv()) == {"type": "connection_ack"}
        payload = _parameters(document, variables)
        await opened.send(json.dumps({"id": "1", "type": "subscribe", "payload": payload}))

        async def items():
            try:
                async for text in opened:
                    message = json.loads(text)
                    if message["type"] == "next":
                        yield message["payload"]
                    elif message["type"] == "error":
                        yield {"errors": message["payload"]}
                        yield "error"
                    else:
                        yield message["type"]
                yield opened.close_code
            except ConnectionClosed:
                yield opened.close_code

        yield Subscriber(items())


@asynccontextmanager
async def _posted(url, headers, document, variables, accept):
    body = _parameters(document, variables)
    async with (
        httpx.AsyncClient(timeout=PATIENCE_S) as client,
        client.stream("POST", url, json=body, headers={**headers, "accept": accept}) as answer,
    ):
        yield answer


@asynccontextmanager
async def by_sse(url, headers, document, variables=None):
    async with _posted(url, headers, document, variables, "text/event-stream") as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")

        async def items():
            event = None
            async for line in answer.aiter_lines():
                name, _, value = line.partition(":")
                if line == ":":
                    yield "heartbeat"
                elif name == "event":
                    event = value.strip()
                elif name == "data":
                    yield json.loads(value) if event == "next" else event
            yield "broken"

        yield Subscriber(items())


@asynccontextmanager
async def by_multipart(url, headers, document, variables=None):
    accept = "multipart/mixed;subscriptionSpec=1.0, application/json"
    async with _posted(url, headers, document, variables, accept) as answer:

        async def items():
            if answer.headers["content-type"].startswith("application/json"):
                yield json.loads(await answer.aread())
                yield "complete"
                return
            buffer = ""
            async for text in answer.aiter_text():
                buffer += text
                # A part ends with the delimiter after it.
                while "\r\n--graphql" in buffer:
                    part, _, buffer = buffer.partition("\r\n--graphql")
                    _, _, body = part.partition("\r\n\r\n")
                    message = json.loads(body)
                    if not message:
                        yield "heartbeat"
                    elif message["payload"] is None:
                        yield "broken"
                    else:
                        yield message["payload"]
            yield "complete"

        yield Subscriber(items())


TRANSPORTS = {"websocket": by_web_socket, "sse": by_sse, "multipart": by_multipart}
