"""What the tests of the page of pipelines share: a world that they move, a gateway that looks
often, and the page with its credential.
"""

import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing

import pytest

from gateway.app import Gateway
from gateway.hooks import CallEvent, Hook
from gateway.sandbox import Sandbox
from gateway.settings import Settings
from gateway.transport.records import Records
from gateway.transport.server import address_of, listen, serving


class Calls(Hook):
    """The calls to the upstream, by route."""

    def __init__(self) -> None:
        self.routes: list[str] = []

    def call_ended(self, call: CallEvent) -> None:
        if not call.is_kept:
            self.routes.append(call.route)


@pytest.fixture
def calls() -> Calls:
    return Calls()


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    """A world whose time the test moves."""
    with closing(Sandbox(jobs=50)) as sandbox:
        yield sandbox


@pytest.fixture
async def gateway(request, sandbox, calls) -> AsyncIterator[Gateway]:
    """Over the test's world, looking often, so that nobody waits; or as it starts by itself."""
    if getattr(request, "param", "") == "by itself":
        async with running(Settings(sandbox_jobs=50), calls) as gateway:
            yield gateway
        return
    listener = listen("127.0.0.1", 0)
    async with serving(sandbox.app, listener, shutdown_timeout_s=1):
        often = {"watch_interval_s": 0.2, "watch_idle_interval_s": 0.5}
        settings = Settings(upstream_url=address_of(listener), **often)
        async with running(settings, calls) as gateway:
            yield gateway


@asynccontextmanager
async def running(settings: Settings, *hooks: Hook) -> AsyncIterator[Gateway]:
    gateway = Gateway(settings, Records(lambda _: None), *hooks)
    async with gateway.running():
        yield gateway


@pytest.fixture
def root(address) -> str:
    """Where the page is."""
    return address.removesuffix("graphql")


@pytest.fixture
async def page(explored, sandbox):
    """With the credential where the explorer keeps it."""
    headers = json.dumps({"PRIVATE-TOKEN": sandbox.tokens["developer"]})
    kept = f"sessionStorage.setItem('jobs-gateway:headers', {json.dumps(headers)})"
    await explored.page.context.add_init_script(kept)
    return explored.page


def panel(page, name):
    return page.get_by_role("region", name=re.compile(name))


def line(page, name):
    """A job's or bridge's line in its stage."""
    return page.locator(".line").filter(has_text=name)


def button(page, name):
    return page.get_by_role("button", name=name)
