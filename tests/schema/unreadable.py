"""An engine and a reference executor over answers written by hand."""

from __future__ import annotations

import asyncio
import logging

from gateway.context import Context
from gateway.execution.engine import Engine
from gateway.execution.masking import format_error
from gateway.execution.request import GraphQLRequest
from gateway.execution.running import Budget
from gateway.execution.schema import make_schema
from gateway.upstream.client import Client, ClientConfig
from gateway.upstream.credential import Credential
from gateway.upstream.scope import CallScope
from gateway.upstream.web_urls import WebUrls
from gateway.upstream.wire import Answer
from tests.harness.over import make_caller

__all__ = ["Gate"]

logging.getLogger("strawberry.execution").setLevel(logging.CRITICAL)

API = "https://gitlab.test/api/v4"


class Served:
    """Answers by route, written by hand; `text` as it is to be sent."""

    def __init__(self):
        self.texts = {}
        self.called = []

    async def send(self, method, target, headers, *, body=None, timeout_s):
        path = target.removeprefix("/api/v4").partition("?")[0]
        self.called.append(f"{method} {path}")
        text = self.texts.get(path)
        if text is None:
            return Answer(404, {}.get, b'{"message":"404 Not found"}')
        # Latin-1 keeps the byte that is no UTF-8.
        kind = "text/html" if text.startswith("<") else "application/json"
        headers = {"x-next-page": "", "content-type": kind}
        return Answer(200, headers.get, text.encode("latin-1"))

    async def aclose(self):
        """Nothing is open."""


class Gate:
    """An engine and a reference executor over the same answers."""

    def __init__(self):
        self.served = Served()
        self._urls = WebUrls(API)
        self._client = Client(self.served, ClientConfig(url=API, retry_pause_s=0.0))
        self._engine = Engine(self._client, self._urls, budget=Budget(calls=10_000))
        self._reference = make_schema(None)
        self._runner = asyncio.Runner()

    def _scope(self):
        credential = Credential("PRIVATE-TOKEN", "glpat-x")
        return CallScope(credential, asyncio.get_running_loop().time() + 30, "test")

    def planned(self, document):
        async def run():
            caller = make_caller(Credential("PRIVATE-TOKEN", "glpat-x"))
            return await self._engine.execute(GraphQLRequest(query=document), caller)

        outcome = self._runner.run(run())
        return outcome.data, outcome.errors or []

    def reference(self, document):
        async def run():
            context = Context(self._client, self._scope(), self._urls)
            return await self._reference.execute(document, context_value=context)

        result = self._runner.run(run())
        return result.data, [format_error(error, "test") for error in result.errors or []]

    def close(self):
        self._runner.close()
