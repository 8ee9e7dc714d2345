"""The floor: what answering the benchmarks' operations costs when everything is written by hand.

    python -m tests.benchmarks.floor PORT UPSTREAM_API_URL [own]

A bare ASGI application. It knows the operations by their text, makes the same upstream reads with
the fastest client library, or with the gateway's own wire (`own`), decodes only the fields it needs
into their types, copies them into the answer by one dict display a job, and encodes. The collector
has nothing to look at but what a request makes: a decoded job holds no cycle. No GraphQL, no
limits, no records, no errors but a 500.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import gc
import sys
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

import uvicorn
from msgspec import Struct
from msgspec.json import Decoder, Encoder
from pyreqwest.client import ClientBuilder

from gateway.upstream.wire import WireOptions
from gateway.upstream.wires.http1 import Http1Wire
from tests.benchmarks.floor_rows import (
    Row,
    decode_children,
    decode_parents,
    decode_row,
    decode_rows,
    decode_wide_rows,
    global_id,
    show_child,
    show_row,
    show_wide_row,
)
from tests.benchmarks.floor_stages import (
    decode_bridges,
    decode_ids,
    decode_jobs,
    show_stages,
)
from tests.benchmarks.operation import FIFTY_JOBS, GROWTH, OPERATIONS

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from contextlib import AbstractAsyncContextManager

    # Reads a path with a token: the body, and what finds one of the answer's headers.
    Read = Callable[[str, str], Awaitable[tuple[Any, Callable[[str], str | None]]]]


class Request(Struct, gc=False):
    query: str
    variables: dict[str, Any]


_decode_request = Decoder(Request).decode
_encode = Encoder().encode


@asynccontextmanager
async def by_library(api_url: str) -> AsyncIterator[Read]:
    """Reads by the fastest client library."""
    async with ClientBuilder().build() as client:

        async def read(path: str, token: str) -> Any:
            request = client.get(api_url + path).header("PRIVATE-TOKEN", token).build()
            response = await request.send()
            if response.status != 200:
                raise RuntimeError(f"upstream answered {response.status} to {path}")
            return await response.bytes(), response.get_header

        yield read


@asynccontextmanager
async def by_own_wire(api_url: str) -> AsyncIterator[Read]:
    """Reads by the wire that the gateway has by default."""
    url = urlsplit(api_url)
    wire = Http1Wire(WireOptions(f"{url.scheme}://{url.netloc}"))

    async def read(path: str, token: str) -> Any:
        headers = {"PRIVATE-TOKEN": token}
        answer = await wire.send("GET", url.path + path, headers, timeout_s=30)
        if answer.status != 200:
            raise RuntimeError(f"upstream answered {answer.status} to {path}")
        return answer.body, answer.header

    yield read
    await wire.aclose()


class Floor:
    """The application. What reads is opened and closed with it."""

    def __init__(self, reading: AbstractAsyncContextManager[Read]) -> None:
        self._reading = reading
        self._read: Read
        self._answers: dict[str, Callable[[dict[str, Any], str], Awaitable[dict[str, Any]]]] = {
            OPERATIONS["typename"].text: self._typename,
            OPERATIONS["one_job"].text: self._one_job,
            GROWTH["few_20"].text: self._few_fields,
            GROWTH["many_20"].text: self._many_fields,
            OPERATIONS["nested"].text: self._nested,
            OPERATIONS["fifty_jobs"].text: self._fifty_jobs,
            OPERATIONS["sixty_nodes"].text: self._sixty_nodes,
            OPERATIONS["whole_pipeline"].text: self._whole_pipeline,
        }

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            await self._live(receive, send)
            return
        body = b""
        more = True
        while more:
            message = await receive()
            body += message["body"]
            more = message["more_body"]
        token = next(value for name, value in scope["headers"] if name == b"private-token")
        request = _decode_request(body)
        data = await self._answers[request.query](request.variables, token.decode())
        answer = _encode({"data": data})
        headers = [
            (b"content-type", b"application/json"),
            (b"content-length", b"%d" % len(answer)),
        ]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": answer})

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Have what reads open."""
        async with self._reading as self._read:
            yield

    async def _live(self, receive: Any, send: Any) -> None:
        await receive()
        async with self.running():
            gc.freeze()
            await send({"type": "lifespan.startup.complete"})
            await receive()
        await send({"type": "lifespan.shutdown.complete"})

    async def _get(self, path: str, token: str) -> Any:
        body, _ = await self._read(path, token)
        return body

    async def _typename(self, _variables: dict[str, Any], _token: str) -> dict[str, Any]:
        return {"__typename": "Query"}

    async def _one_job(self, variables: dict[str, Any], token: str) -> dict[str, Any]:
        path = f"/projects/{quote(variables['project'], '')}/jobs/{int(variables['job'])}"
        return {"job": show_row(decode_row(await self._get(path, token)))}

    async def _few_fields(self, variables: dict[str, Any], token: str) -> dict[str, Any]:
        rows = decode_rows(await self._get(_newest_jobs(variables), token))
        return {"project": {"jobs": {"nodes": [show_row(row) for row in rows]}}}

    async def _many_fields(self, variables: dict[str, Any], token: str) -> dict[str, Any]:
        rows = decode_wide_rows(await self._get(_newest_jobs(variables), token))
        return {"project": {"jobs": {"nodes": [show_wide_row(row) for row in rows]}}}

    async def _nested(self, variables: dict[str, Any], token: str) -> dict[str, Any]:
        parents = decode_parents(await self._get(_newest_jobs(variables), token))
        prefix = f"/projects/{quote(variables['project'], '')}/pipelines"
        pipelines = {parent.pipeline.id: parent.pipeline for parent in parents}
        pages = await asyncio.gather(
            *[
                self._get(f"{prefix}/{number}/jobs?page=1&per_page=20", token)
                for number in pipelines
            ]
        )
        shown = {
            pipeline.id: {
                "databaseId": pipeline.id,
                "status": pipeline.status.upper(),
                "jobs": {"nodes": [show_child(child) for child in decode_children(page)]},
            }
            for pipeline, page in zip(pipelines.values(), pages, strict=True)
        }
        nodes = [
            {
                "id": global_id(parent.pipeline, parent.id),
                "databaseId": parent.id,
                "name": parent.name,
                "status": parent.status.upper(),
                "pipeline": shown[parent.pipeline.id],
            }
            for parent in parents
        ]
        return {"project": {"jobs": {"nodes": nodes}}}

    async def _fifty_jobs(self, _variables: dict[str, Any], token: str) -> dict[str, Any]:
        """By windows of the project's list, from the highest id asked for to the lowest."""
        found: dict[int, Row] = {}
        before = FIFTY_JOBS[0] + 1
        while before > FIFTY_JOBS[-1]:
            cursor = base64.urlsafe_b64encode(b'{"id":"%d","_kd":"n"}' % before).decode()
            path = f"/projects/278964/jobs?cursor={cursor}&pagination=keyset&per_page=100"
            rows = decode_rows(await self._get(path, token))
            found.update([(row.id, row) for row in rows])
            before = rows[-1].id
        return {
            f"job{place}": show_row(found[number]) for place, number in enumerate(FIFTY_JOBS, 1)
        }

    async def _sixty_nodes(self, variables: dict[str, Any], token: str) -> dict[str, Any]:
        """By the list of the one pipeline all are of."""
        places = [binascii.a2b_base64(text + "==").split(b":") for text in variables["ids"]]
        _, project, pipeline, _ = places[0]
        numbers = [int(job) for _, _, _, job in places]
        prefix = f"/projects/{int(project)}/pipelines/{int(pipeline)}/jobs"
        found: dict[int, Row] = {}
        missing, page = set(numbers), 1
        while missing:
            path = f"{prefix}?include_retried=true&page={page}&per_page=100"
            rows = decode_rows(await self._get(path, token))
            found.update([(row.id, row) for row in rows])
            missing.difference_update(found)
            page += 1
        return {"nodes": [show_row(found[number]) for number in numbers]}

    async def _whole_pipeline(self, variables: dict[str, Any], token: str) -> dict[str, Any]:
        """By its lists, the further pages side by side; the first with retried jobs shows that
        there are none.
        """
        number = int(variables["pipeline"])
        prefix = f"/projects/{quote(variables['project'], '')}/pipelines/{number}"
        (first, header), (every, header_of_every), bridges = await asyncio.gather(
            self._read(f"{prefix}/jobs?page=1&per_page=100", token),
            self._read(f"{prefix}/jobs?include_retried=true&page=1&per_page=100", token),
            self._get(f"{prefix}/bridges?page=1&per_page=100", token),
        )
        jobs, total = decode_jobs(first), header("x-total")
        if [row.id for row in decode_ids(every)] != [row.id for row in jobs] or (
            header_of_every("x-total") != total
        ):
            raise RuntimeError("jobs were retried, which is not for the floor")
        pages = await asyncio.gather(
            *[
                self._get(f"{prefix}/jobs?page={page}&per_page=100", token)
                for page in range(2, -(-int(total or 0) // 100) + 1)
            ]
        )
        for page in pages:
            jobs += decode_jobs(page)
        stages = show_stages(jobs, decode_bridges(bridges))
        return {"pipeline": {"databaseId": number, "stages": {"nodes": stages}}}


def _newest_jobs(variables: dict[str, Any]) -> str:
    project = quote(variables["project"], "")
    return f"/projects/{project}/jobs?pagination=keyset&per_page={variables['first']}"


if __name__ == "__main__":
    uvicorn.run(
        Floor((by_own_wire if sys.argv[3:] == ["own"] else by_library)(sys.argv[2])),
        port=int(sys.argv[1]),
        loop="uvloop",
        http="httptools",
        ws="none",
        # Beside one that is slow, turns may be far apart.
        timeout_keep_alive=60,
        access_log=False,
        log_level="warning",
    )
