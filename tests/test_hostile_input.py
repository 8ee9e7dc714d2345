"""Paths, ids, cursors, addresses and credentials made to reach what they should not: each is
refused, or harmless. Made by rule: every hostile piece at every place of every kind of value.
"""

from __future__ import annotations

import asyncio
import re
from base64 import b64encode
from typing import Any
from urllib.parse import unquote

import pytest

from tests.harness.app import running_app
from tests.upstream.conftest import RawServer

pytestmark = pytest.mark.anyio

PIECES = (
    *("\r\nX-Injected: 1", "\n", "\r", "\r\n\r\nGET /api/v4/admin HTTP/1.1\r\nHost: x\r\n\r\n"),
    *("\x00", "\x7f", "\t", " ", "\u2028", "\u0130", "\ud7ff", "\U0001f600", "\ufeff"),
    *("..", "/..", "/../", "/../../admin", "%2e%2e", "%2E%2E%2f", "%252e%252e", "/./", "//"),
    *("?", "?per_page=100", "#", "&", "=", ";", "%0d%0aX-Injected:%201", "%00", "%", "%zz"),
    *("\\", "\\..\\", "@evil.example", "//evil.example/", ":8080", "http://evil.example", "*"),
    *("'", '"', "<script>", "${jndi:ldap://evil.example}", "{{7*7}}", "`id`", "a" * 7_000),
)


def placed(value: str) -> list[str]:
    """A value with each piece before it, within it, after it, and in its stead."""
    middle = len(value) // 2
    return [
        text
        for piece in PIECES
        for text in (
            piece + value,
            value[:middle] + piece + value[middle:],
            value + piece,
            piece,
        )
    ]


def global_ids(value: str) -> list[str]:
    return [b64encode(text.encode()).decode() for text in placed(value)]


JOB = "query($a: ID!) { job(by: {id: $a}) { name } }"
QUERIES = {
    "paths": ("query($a: String!) { project(fullPath: $a) { id } }", placed("group/project")),
    "ids": (JOB, placed("Sm9iOjE6Mjoz")),
    "ids' contents": (JOB, [*global_ids("Job:1:2:3"), *global_ids("Log:1:3")]),
    "cursors": (
        'query($a: String!) { project(id: "1") { jobs(after: $a) { nodes { name } } } }',
        [*placed("eyJpZCI6MX0"), *global_ids('{"id":"1","_kd":"n"}')],
    ),
    "addresses": (
        "query($a: URL!) { job(by: {webUrl: $a}) { name } }",
        placed("{origin}/group/project/-/jobs/7"),
    ),
}
CREDENTIALS = [text.encode("utf-8", "surrogatepass") for text in placed("glpat-abc")]

_is_line = re.compile(r"(GET|POST) /api/v4/[A-Za-z0-9/%._~=&?,:+-]+ HTTP/1\.1").fullmatch
_is_header = re.compile(r"[A-Za-z-]+: [\x20-\xff]*").fullmatch
SENT = {"host", "accept", "accept-encoding", "user-agent", "x-request-id", "private-token"}


def check_head(head: str, origin: str) -> None:
    """Is this one request of the API, whose path leads nowhere else?"""
    line, *headers = head.removesuffix("\r\n\r\n").split("\r\n")
    assert _is_line(line), line
    path = line.split(" ")[1].split("?")[0]
    segments = [unquote(segment) for segment in path.split("/")]
    assert not {".", "..", ""} & {*segments[1:]}, path
    assert not any(re.search(r"[\x00-\x1f\x7f?#\\]|\.\./", segment) for segment in segments), path
    assert all(map(_is_header, headers)), headers
    names = [header.split(":")[0].lower() for header in headers]
    assert {*names} <= SENT | {"connection"}, names
    assert len({*names}) == len(names)
    assert f"host: {origin.removeprefix('http://')}" in [header.lower() for header in headers]


def test_there_are_many_of_them():
    assert sum(len(values) for _, values in QUERIES.values()) + len(CREDENTIALS) >= 500


@pytest.mark.parametrize(("query", "values"), QUERIES.values(), ids=QUERIES)
async def test_what_is_asked_for_reaches_nothing_else(query, values):
    async with RawServer().running() as server, running_app(upstream_url=server.origin) as api:
        for value in values:
            answer = await api(query, a=value.replace("{origin}", server.origin))

            assert answer.keys() <= {"data", "errors"}
            assert len(str(answer)) < 3_000

    for head in server.heads:
        check_head(head, server.origin)


async def test_credentials_are_one_header_or_nothing():
    async with RawServer().running() as server, running_app(upstream_url=server.origin) as api:
        for value in CREDENTIALS:
            before = len(server.heads)
            status, body = await posted(api.gateway, value)

            sent = server.heads[before:]
            assert status in {200, 400, 431}
            assert value[:200].decode("latin-1") not in body or len(value) < 5
            for head in sent:
                check_head(head, server.origin)
                token = value.decode("latin-1").strip()
                # One that is blank is none.
                assert (f"\r\nPRIVATE-TOKEN: {token}\r\n" in head) == bool(token)


async def posted(app: Any, token: bytes) -> tuple[int, str]:
    """The status and the body of one operation, past any client that would refuse the token."""
    sent: list[Any] = []
    body = b'{"query": "{ job(by: {path: {project: \\"1\\", job: \\"7\\"}}) { name } }"}'
    headers = [(b"content-type", b"application/json"), (b"private-token", token)]
    scope = {
        "type": "http",
        "method": "POST",
        "path": "/graphql",
        "query_string": b"",
        "headers": headers,
    }
    pieces = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive() -> Any:
        if pieces:
            return pieces.pop()
        return await asyncio.get_running_loop().create_future()

    async def send(message: Any) -> None:
        sent.append(message)

    await app(scope, receive, send)
    told = b"".join(message.get("body", b"") for message in sent[1:])
    return sent[0]["status"], told.decode("latin-1")
