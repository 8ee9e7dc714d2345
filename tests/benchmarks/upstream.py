"""The cheapest upstream: the read endpoints of the Jobs API that the benchmarked programs use.

    python -m tests.benchmarks.upstream PORT

Bodies are encoded at start; an answer is put together once for each request target and then copied
from a dict. Lists are answered as GitLab does (upstream.md, 8.1 and 8.2): project jobs by keyset
cursor with a `Link` only while there is more, pipeline jobs by page with the `X-*` headers.
`GET /-/calls` tells how many calls were answered so far (itself not counted).
"""

from __future__ import annotations

import asyncio
import base64
import json
import sys
from typing import cast
from urllib.parse import parse_qs, quote, unquote

import uvloop

from tests.benchmarks.world import PROJECT, World

# As long as GitLab makes them.
TOKEN = "glpat-benchmark01234567890"

_API = "/api/v4"


class Answers:
    """Whole HTTP answers by request target; counts those it gives."""

    def __init__(self, world: World) -> None:
        self.calls = 0
        self._world = world
        self._prepared: dict[bytes, bytes] = {}

    def of(self, request: bytes) -> bytes:
        """The answer to one GET; 401 without the benchmark's credential, which all must pass on."""
        target = request.split(b" ", 2)[1]
        if target == b"/-/calls":
            return _http(200, b"%d" % self.calls)
        self.calls += 1
        if TOKEN.encode() not in request:
            return _http(401, b'{"message":"401 Unauthorized"}')
        answer = self._prepared.get(target)
        if answer is None:
            answer = self._prepared[target] = self._make(target.decode())
        return answer

    def _make(self, target: str) -> bytes:
        path, _, query_text = target.partition("?")
        query = {key: values[-1] for key, values in parse_qs(query_text).items()}
        prefix, _, rest = path.partition(f"/projects/{PROJECT}/")
        if prefix != _API:
            return _NOT_FOUND
        match rest.split("/"):
            case ["jobs"]:
                return self._keyset(path, query)
            case ["jobs", job]:
                return _one(self._world.jobs, job)
            case ["pipelines", pipeline]:
                return _one(self._world.pipelines, pipeline)
            case ["pipelines", pipeline, ("jobs" | "bridges") as kind]:
                return self._offset(path, int(pipeline), query, kind)
        return _NOT_FOUND

    def _keyset(self, path: str, query: dict[str, str]) -> bytes:
        """A page of project jobs; `pagination=keyset` is the only way here."""
        if query.get("pagination") != "keyset":
            return _http(400, b'{"error":"this upstream lists project jobs by keyset only"}')
        ids = self._world.job_ids
        if "cursor" in query:
            cursor = json.loads(base64.urlsafe_b64decode(unquote(query["cursor"])))
            below = int(cursor["id"])
            ids = [number for number in ids if number < below]
        per_page = int(query.get("per_page", "20"))
        page = ids[:per_page]
        headers = ""
        if len(ids) > per_page:
            after = json.dumps({"id": str(page[-1]), "_kd": "n"}, separators=(",", ":"))
            text = quote(base64.urlsafe_b64encode(after.encode()))
            headers = (
                f"Link: <http://127.0.0.1{path}?cursor={text}&id={PROJECT}&page=1"
                f'&pagination=keyset&per_page={per_page}>; rel="next"\r\n'
            )
        return _http(200, _list(self._world.jobs, page), headers)

    def _offset(self, path: str, pipeline: int, query: dict[str, str], kind: str) -> bytes:
        """A page of a pipeline's jobs or bridges; nothing was retried, so `include_retried` adds
        nothing.
        """
        world = self._world
        bodies, ids_of = (
            (world.jobs, world.jobs_of) if kind == "jobs" else (world.bridges, world.bridges_of)
        )
        ids = ids_of.get(pipeline)
        if ids is None:
            return _NOT_FOUND
        page, per_page = int(query.get("page", "1")), int(query.get("per_page", "20"))
        last = max(1, -(-len(ids) // per_page))
        shared = f"id={PROJECT}&include_retried={query.get('include_retried', 'false')}"
        rels = {"prev": page - 1, "next": page + 1, "first": 1, "last": last}
        links = ", ".join(
            f"<http://127.0.0.1{path}?{shared}&page={number}&per_page={per_page}"
            f'&pipeline_id={pipeline}>; rel="{rel}"'
            for rel, number in rels.items()
            if 1 <= number <= last
        )
        headers = (
            f"Link: {links}\r\n"
            f"X-Next-Page: {page + 1 if page < last else ''}\r\n"
            f"X-Page: {page}\r\nX-Per-Page: {per_page}\r\n"
            f"X-Prev-Page: {page - 1 if page > 1 else ''}\r\n"
            f"X-Total: {len(ids)}\r\nX-Total-Pages: {last}\r\n"
        )
        return _http(200, _list(bodies, ids[(page - 1) * per_page :][:per_page]), headers)


def _list(bodies: dict[int, bytes], ids: list[int]) -> bytes:
    return b"[%b]" % b",".join([bodies[number] for number in ids])


def _one(bodies: dict[int, bytes], number: str) -> bytes:
    body = bodies.get(int(number)) if number.isdecimal() else None
    return _NOT_FOUND if body is None else _http(200, body)


def _http(status: int, body: bytes, headers: str = "") -> bytes:
    """An answer with the headers a gitlab.com sends."""
    head = (
        f"HTTP/1.1 {status} Answer\r\n"
        "Content-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n"
        "Cache-Control: max-age=0, private, must-revalidate\r\n"
        f"{headers}"
        "Vary: Origin, Accept-Encoding\r\n"
        "X-Content-Type-Options: nosniff\r\n"
        "X-Frame-Options: SAMEORIGIN\r\n"
        'X-Gitlab-Meta: {"correlation_id":"81a7c4ed5c2294111df530de1c865c32","version":"1"}\r\n'
        "X-Request-Id: 81a7c4ed5c2294111df530de1c865c32\r\n"
        "X-Runtime: 0.090456\r\n"
        "RateLimit-Limit: 2000000000\r\n"
        "RateLimit-Observed: 1\r\n"
        "RateLimit-Remaining: 1999999999\r\n"
        "RateLimit-Reset: 1999999999\r\n"
        "\r\n"
    )
    return head.encode() + body


_NOT_FOUND = _http(404, b'{"message":"404 Not found"}')


class Connection(asyncio.Protocol):
    """One kept connection; requests are GETs without bodies."""

    def __init__(self, answers: Answers) -> None:
        self._answers = answers
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        *requests, self._received = (self._received + data).split(b"\r\n\r\n")
        for request in requests:
            self._transport.write(self._answers.of(request))


async def serve(port: int) -> None:
    """Answer until the process is ended."""
    answers = Answers(World.make())
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(answers), "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1])))
