"""The floor: what answering the benchmarks' operations costs when everything is written by hand.

    python -m tests.benchmarks.floor PORT UPSTREAM_API_URL

A bare ASGI application. It knows the operations by their text, makes the same upstream reads with
the fastest client, decodes only the fields it needs into their types, copies them into the answer
by one dict display a job, and encodes. The collector has nothing to look at but what a request
makes: a decoded job holds no cycle. No GraphQL, no limits, no records, no errors but a 500.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import gc
import sys
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import uvicorn
from msgspec import Struct
from msgspec.json import Decoder, Encoder
from pyreqwest.client import Client, ClientBuilder

from tests.benchmarks.operation import FIFTY_JOBS, GROWTH, OPERATIONS

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable


class Username(Struct, gc=False):
    username: str


class ShortSha(Struct, gc=False):
    short_id: str


class Place(Struct, gc=False):
    id: int
    project_id: int


class Row(Struct, gc=False):
    """A job as far as `fragment JobRow` shows it."""

    id: int
    name: str
    stage: str
    status: str
    ref: str
    started_at: str | None
    finished_at: str | None
    duration: float | None
    web_url: str
    user: Username
    commit: ShortSha
    pipeline: Place


class Person(Struct, gc=False):
    username: str
    name: str
    avatar_url: str


class Commit(Struct, gc=False):
    short_id: str
    title: str
    author_name: str


class Pipeline(Struct, gc=False):
    id: int
    project_id: int
    iid: int
    status: str


class Runner(Struct, gc=False):
    id: int
    description: str


class Artifact(Struct, gc=False):
    file_type: str
    size: int


class WideRow(Struct, gc=False):
    """A job as far as many_fields.graphql shows it."""

    id: int
    name: str
    stage: str
    status: str
    ref: str
    tag: bool
    allow_failure: bool
    created_at: str
    started_at: str | None
    finished_at: str | None
    duration: float | None
    queued_duration: float | None
    coverage: float | None
    tag_list: list[str]
    web_url: str
    user: Person
    commit: Commit
    pipeline: Pipeline
    runner: Runner | None
    artifacts: list[Artifact]
    failure_reason: str | None = None


class Parent(Struct, gc=False):
    """A job as far as nested.graphql shows it above its pipeline."""

    id: int
    name: str
    status: str
    pipeline: Pipeline


class Child(Struct, gc=False):
    """A job as far as nested.graphql shows it below a pipeline."""

    id: int
    name: str
    stage: str
    status: str
    duration: float | None
    pipeline: Place


class Request(Struct, gc=False):
    query: str
    variables: dict[str, Any]


_decode_request = Decoder(Request).decode
_decode_row = Decoder(Row).decode
_decode_rows = Decoder(list[Row]).decode
_decode_wide_rows = Decoder(list[WideRow]).decode
_decode_parents = Decoder(list[Parent]).decode
_decode_children = Decoder(list[Child]).decode
_encode = Encoder().encode


class Floor:
    """The application. One client, opened and closed with it."""

    def __init__(self, api_url: str) -> None:
        self._api_url = api_url
        self._client: Client
        self._answers: dict[str, Callable[[dict[str, Any], str], Awaitable[dict[str, Any]]]] = {
            OPERATIONS["typename"].text: self._typename,
            OPERATIONS["one_job"].text: self._one_job,
            GROWTH["few_20"].text: self._few_fields,
            GROWTH["many_20"].text: self._many_fields,
            OPERATIONS["nested"].text: self._nested,
            OPERATIONS["fifty_jobs"].text: self._fifty_jobs,
            OPERATIONS["sixty_nodes"].text: self._sixty_nodes,
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

    async def _live(self, receive: Any, send: Any) -> None:
        await receive()
        async with ClientBuilder().build() as self._client:
            gc.freeze()
            await send({"type": "lifespan.startup.complete"})
            await receive()
        await send({"type": "lifespan.shutdown.complete"})

    async def _get(self, path: str, token: str) -> Any:
        request = self._client.get(self._api_url + path).header("PRIVATE-TOKEN", token).build()
        response = await request.send()
        if response.status != 200:
            raise RuntimeError(f"upstream answered {response.status} to {path}")
        return await response.bytes()

    async def _typename(self, _variables: dict[str, Any], _token: str) -> dict[str, Any]:
        return {"__typename": "Query"}

    async def _one_job(self, variables: dict[str, Any], token: str) -> dict[str, Any]:
        path = f"/projects/{quote(variables['project'], '')}/jobs/{int(variables['job'])}"
        return {"job": _row(_decode_row(await self._get(path, token)))}

    async def _few_fields(self, variables: dict[str, Any], token: str) -> dict[str, Any]:
        rows = _decode_rows(await self._get(_newest_jobs(variables), token))
        return {"project": {"jobs": {"nodes": [_row(row) for row in rows]}}}

    async def _many_fields(self, variables: dict[str, Any], token: str) -> dict[str, Any]:
        rows = _decode_wide_rows(await self._get(_newest_jobs(variables), token))
        return {"project": {"jobs": {"nodes": [_wide_row(row) for row in rows]}}}

    async def _nested(self, variables: dict[str, Any], token: str) -> dict[str, Any]:
        parents = _decode_parents(await self._get(_newest_jobs(variables), token))
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
                "jobs": {"nodes": [_child(child) for child in _decode_children(page)]},
            }
            for pipeline, page in zip(pipelines.values(), pages, strict=True)
        }
        nodes = [
            {
                "id": _job_id(parent.pipeline, parent.id),
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
            rows = _decode_rows(await self._get(path, token))
            found.update([(row.id, row) for row in rows])
            before = rows[-1].id
        return {f"job{place}": _row(found[number]) for place, number in enumerate(FIFTY_JOBS, 1)}

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
            rows = _decode_rows(await self._get(path, token))
            found.update([(row.id, row) for row in rows])
            missing.difference_update(found)
            page += 1
        return {"nodes": [_row(found[number]) for number in numbers]}


def _newest_jobs(variables: dict[str, Any]) -> str:
    project = quote(variables["project"], "")
    return f"/projects/{project}/jobs?pagination=keyset&per_page={variables['first']}"


def _job_id(place: Place | Pipeline, job: int) -> str:
    text = b"Job:%d:%d:%d" % (place.project_id, place.id, job)
    return binascii.b2a_base64(text, newline=False).rstrip(b"=").decode()


def _row(row: Row) -> dict[str, Any]:
    return {
        "id": _job_id(row.pipeline, row.id),
        "databaseId": row.id,
        "name": row.name,
        "stage": row.stage,
        "status": row.status.upper(),
        "ref": row.ref,
        "startedAt": row.started_at,
        "finishedAt": row.finished_at,
        "duration": row.duration,
        "webUrl": row.web_url,
        "user": {"username": row.user.username},
        "commit": {"shortSha": row.commit.short_id},
    }


def _wide_row(row: WideRow) -> dict[str, Any]:
    user, commit, pipeline, runner = row.user, row.commit, row.pipeline, row.runner
    return {
        "id": _job_id(pipeline, row.id),
        "databaseId": row.id,
        "name": row.name,
        "stage": row.stage,
        "status": row.status.upper(),
        "ref": row.ref,
        "tag": row.tag,
        "allowFailure": row.allow_failure,
        "createdAt": row.created_at,
        "startedAt": row.started_at,
        "finishedAt": row.finished_at,
        "duration": row.duration,
        "queuedDuration": row.queued_duration,
        "coverage": row.coverage,
        "failureReason": row.failure_reason and row.failure_reason.upper(),
        "tagList": row.tag_list,
        "webUrl": row.web_url,
        "user": {"username": user.username, "name": user.name, "avatarUrl": user.avatar_url},
        "commit": {
            "shortSha": commit.short_id,
            "title": commit.title,
            "authorName": commit.author_name,
        },
        "pipeline": {
            "databaseId": pipeline.id,
            "iid": pipeline.iid,
            "status": pipeline.status.upper(),
        },
        "runner": runner and {"databaseId": runner.id, "description": runner.description},
        "artifacts": [
            {"fileType": artifact.file_type, "size": artifact.size} for artifact in row.artifacts
        ],
    }


def _child(child: Child) -> dict[str, Any]:
    return {
        "id": _job_id(child.pipeline, child.id),
        "databaseId": child.id,
        "name": child.name,
        "stage": child.stage,
        "status": child.status.upper(),
        "duration": child.duration,
    }


if __name__ == "__main__":
    uvicorn.run(
        Floor(sys.argv[2]),
        port=int(sys.argv[1]),
        loop="uvloop",
        http="httptools",
        ws="none",
        access_log=False,
        log_level="warning",
    )
