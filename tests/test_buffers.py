"""Through the whole gateway, over an upstream whose answers fail: nothing of them is held when the
operation has been answered, without the cyclic collector.
"""

import gc

import pytest

from tests.harness.app import running_app
from tests.upstream.conftest import RawServer
from tests.upstream.wires.test_buffers import FAILURES, SIZE_BYTES, grown_bytes

pytestmark = [pytest.mark.anyio, pytest.mark.timed]

JOB = '{ job(by: {path: "1", id: "2"}) { name log { tail { text } } } }'
SEVERAL = f"""{{
  a: project(id: "1") {{ jobs {{ nodes {{ name }} }} pipeline(id: "3") {{ ref }} }}
  nodes(ids: ["gid://gitlab/Ci::Build/1"]) {{ id }}
  b: {JOB[1:-1]}
}}"""
FAILING = [name for name in FAILURES if name != "out of time"]


@pytest.mark.parametrize("wire", ["http1", "httpx"])
@pytest.mark.parametrize("failure", FAILING)
async def test_an_answered_operation_holds_no_answer_that_failed(failure, wire):
    async with RawServer().running() as server:
        server.answer = FAILURES[failure]
        settings = {"wire": wire, "request_timeout_s": 1, "max_answer_bytes": 2 * SIZE_BYTES}
        async with running_app(upstream_url=server.origin, **settings) as api:

            async def ask():
                answer = await api(SEVERAL)
                assert answer["errors"]

            gc.collect()
            gc.disable()
            try:
                grown = await grown_bytes(ask)
            finally:
                gc.enable()

    assert grown < 2 * SIZE_BYTES
