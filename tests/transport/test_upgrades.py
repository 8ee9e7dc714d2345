"""An offer to go on in another protocol that is not taken is ignored (RFC 9110, 7.8): the body
belongs to its request, in whatever packets it comes.
"""

import asyncio
import json
import shutil
import socket
import subprocess
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from gateway.testing.server import serve
from tests.harness.app import listening, running_app
from tests.harness.turns import turns
from tests.transport.serving import UNTIL_CLOSED_S, echo, served, until_closed

pytestmark = pytest.mark.anyio

JAVA = Path(__file__).with_name("Posts.java")

H2C = b"connection: Upgrade, HTTP2-Settings\r\nupgrade: h2c\r\nhttp2-settings: AAMAAABkAAIAAAAA\r\n"
OFFERS = {
    "h2c": H2C,
    "TLS": b"Upgrade: TLS/1.2\r\nConnection: Upgrade\r\n",
    "websocket": b"UPGRADE: websocket\r\nCONNECTION: keep-alive, UPGRADE\r\n",
    "twice": b"connection: upgrade\r\nupgrade: a\r\nupgrade: b\r\nconnection: keep-alive\r\n",
}
# What nobody may run: it stands in a body.
HIDDEN = b"GET /hidden HTTP/1.1\r\nhost: x\r\n\r\n"
BODIES = {
    "a length": b"content-length: %d\r\n\r\n%b" % (len(HIDDEN), HIDDEN),
    "chunks": b"transfer-encoding: chunked\r\n\r\n%x\r\n%b\r\n0\r\n\r\n" % (len(HIDDEN), HIDDEN),
}
LAST = b"GET /last HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"


def request(offer, body, path=b"/first"):
    return b"POST %b HTTP/1.1\r\nhost: x\r\n%b%b" % (path, offer, body)


@asynccontextmanager
async def noting():
    """A server that answers with each request's path and body, and the requests it has seen."""
    seen = []

    async def app(scope, receive, send):
        seen.append((scope["method"], scope["path"]))
        await echo(scope, receive, send)

    async with served(app, receive_timeout_s=30) as connect:
        yield connect, seen


async def exchange(connect, parts):
    reader, writer = await connect()
    for part in parts:
        writer.write(part)
        await writer.drain()
        await turns(10)
    received = await until_closed(reader)
    writer.close()
    return received


def packetings(data):
    """Whole, byte by byte, and cut in two at every place about the end of the head."""
    yield [data]
    yield [data[at : at + 1] for at in range(len(data))]
    end = data.index(b"\r\n\r\n")
    yield from ([data[:at], data[at:]] for at in range(end - 2, end + 8))
    yield [data[: end + 4], *(data[at : at + 7] for at in range(end + 4, len(data), 7))]


@pytest.mark.parametrize("offer", OFFERS.values(), ids=OFFERS)
@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
async def test_a_body_belongs_to_its_request(offer, body):
    async with noting() as (connect, seen):
        for parts in packetings(request(offer, body) + LAST):
            seen.clear()

            answer = await exchange(connect, parts)

            assert seen == [("POST", "/first"), ("GET", "/last")]
            assert answer.count(b"HTTP/1.1 ") == answer.count(b"HTTP/1.1 200 OK") == 2
            assert HIDDEN in answer


async def test_offers_may_follow_one_another():
    async with noting() as (connect, seen):
        await exchange(
            connect,
            [
                b"".join(
                    request(H2C, body, b"/%d" % n) for n, body in enumerate([*BODIES.values()] * 20)
                )
                + LAST
            ],
        )

    assert seen == [*(("POST", f"/{n}") for n in range(40)), ("GET", "/last")]


async def test_an_offer_without_a_body_is_ignored():
    async with noting() as (connect, seen):
        answer = await exchange(connect, [b"GET /a HTTP/1.1\r\nhost: x\r\n%b\r\n" % H2C, LAST])

    assert seen == [("GET", "/a"), ("GET", "/last")]
    assert answer.count(b"HTTP/1.1 200 OK") == 2


async def test_other_headers_stay_as_they_were():
    headers = []

    async def note(scope, receive, send):
        headers.extend(scope["headers"])
        await echo(scope, receive, send)

    async with served(note) as connect:
        offer = b"Connection: close, Upgrade\r\nA: b, c \r\nUpgrade: h2c\r\nA: \xff\r\nB: x\r\n"
        await exchange(connect, [request(offer, b"content-length: 0\r\n\r\n")])

    assert headers == [
        (b"host", b"x"),
        (b"connection", b"close"),
        (b"a", b"b, c "),
        (b"a", b"\xff"),
        (b"b", b"x"),
        (b"content-length", b"0"),
    ]


@pytest.mark.parametrize(
    "head",
    [
        b"content-length: 5\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        b"content-length: 0\r\ncontent-length: 5\r\n\r\n",
        b"transfer-encoding: chunked, gzip\r\n\r\n0\r\n\r\n",
        b"transfer-encoding: chunked\r\n\r\nno size\r\n",
        b"content-length: 5x\r\n\r\n",
        b"a: b\r\n c: d\r\n\r\n",
        b"content-length : 5\r\n\r\n",
    ],
)
async def test_a_body_whose_end_may_be_disputed_is_400(head):
    async with noting() as (connect, seen):
        answer = await exchange(connect, [request(H2C, head) + HIDDEN])

    assert answer.startswith(b"HTTP/1.1 400 Bad Request")
    assert ("GET", "/hidden") not in seen


async def test_a_tunnel_is_405():
    async with noting() as (connect, seen):
        answer = await exchange(connect, [b"CONNECT a:1 HTTP/1.1\r\nhost: a:1\r\n\r\n" + HIDDEN])

    assert answer.startswith(b"HTTP/1.1 405 Method Not Allowed")
    assert seen == []


def connected(url):
    return socket.create_connection((urlsplit(url).hostname, urlsplit(url).port))


def test_the_sandbox_of_tests_reads_the_body():
    with serve() as server, connected(server.url) as connection:
        connection.sendall(request(H2C, BODIES["chunks"], b"/api/v4/projects/1/jobs/1/play"))
        connection.sendall(LAST.replace(b"/last", b"/api/v4/version"))
        connection.settimeout(UNTIL_CLOSED_S)
        while connection.recv(65_536):
            pass

        first, last = server.sandbox.received
        assert (first.raw_path, first.body) == ("/api/v4/projects/1/jobs/1/play", HIDDEN)
        assert last.raw_path == "/api/v4/version"


class TestClients:
    """Programs that offer h2c with what they post, against the gateway and its sandbox."""

    BODY = json.dumps({"query": '{ project(id: "1") { jobs(first: 1) { nodes { id } } } }'})

    @pytest.fixture
    async def gateway(self):
        """The address of a gateway over the sandbox, and a token."""
        async with running_app(sandbox_jobs=5) as api, listening(api.gateway) as address:
            yield address, api.tokens["developer"]

    async def run(self, *command):
        process = await asyncio.create_subprocess_exec(
            *command, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        out, err = await asyncio.wait_for(process.communicate(), 120)
        assert process.returncode == 0, err.decode()
        return out.decode()

    @pytest.fixture
    async def curl(self, lacking):
        """Posts a body with curl."""
        if not shutil.which("curl"):
            lacking("curl is not installed")
        if "HTTP2" not in await self.run("curl", "--version"):
            lacking("this curl has no HTTP/2")

        async def post(url, token, body):
            options = ["--silent", "--show-error", "--http2", "--data", body]
            headers = ["content-type: application/json", f"PRIVATE-TOKEN: {token}"]
            headers = [part for header in headers for part in ("--header", header)]
            return json.loads(await self.run("curl", *options, *headers, url))

        return post

    async def test_curl_posts(self, gateway, curl):
        answer = await curl(*gateway, self.BODY)

        assert len(answer["data"]["project"]["jobs"]["nodes"]) == 1

    async def test_curl_posts_to_the_sandbox(self, curl):
        with serve() as server:
            await curl(f"{server.api_url}/projects/1/jobs/1/play", "x", '{"a": 1}')

            [received] = server.sandbox.received
            assert "http2-settings" in received.headers
            assert received.body == b'{"a": 1}'

    async def test_javas_client_posts(self, gateway, lacking):
        if not shutil.which("java"):
            lacking("java is not installed")

        out = await self.run("java", str(JAVA), *gateway, self.BODY)

        lines = out.splitlines()
        assert len(lines) == 4
        for line in lines:
            status, _, body = line.partition(" ")
            assert status == "200"
            assert len(json.loads(body)["data"]["project"]["jobs"]["nodes"]) == 1
