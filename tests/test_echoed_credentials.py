"""An upstream that repeats the credential that it was sent, wherever errors tell of its answers."""

from __future__ import annotations

import base64
import logging
from functools import partial
from itertools import product
from urllib.parse import quote

import msgspec
import pytest

from gateway.execution.engine import Engine
from gateway.execution.request import GraphQLRequest
from gateway.transport.records import Records, record_logging
from gateway.upstream.calls import ClientConfig, standard_chain
from gateway.upstream.client import Client
from gateway.upstream.credential import Credential
from gateway.upstream.web_urls import WebUrls
from gateway.upstream.wire import WireOptions
from gateway.upstream.wires import open_wire
from tests.harness.driven import Upstream, answer_of, drive
from tests.harness.over import make_caller
from tests.upstream.conftest import RawServer, say

API = "https://gitlab.test/api/v4"
SECRET = "glpat-Never_told.1/x~"
SECRET_OF_FORTY = "glpat-0a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7"
CREDENTIALS = [
    Credential("PRIVATE-TOKEN", SECRET),
    Credential("Authorization", f"Bearer {SECRET}", sudo="root"),
    Credential("Authorization", "Bearer 0f1e2d3c4b5a-of-oauth/x"),
    Credential("JOB-TOKEN", "glcbt-64_Never_told"),
]
ENCODINGS = {
    "plain": lambda secret: secret,
    "percent": lambda secret: "".join(f"%{ord(character):02X}" for character in secret),
    "partly": lambda secret: quote(secret, safe="").replace("-", "%2d"),
    "twice": lambda secret: quote(secret.replace("-", "%2D"), safe=""),
    "base64": lambda secret: base64.b64encode(f"user:{secret}".encode()).decode(),
}
# Each repeats a text where errors tell of it.
ECHOES = {
    "request id": lambda said: answer_of({"message": "no"}, 403, x_request_id=f"id-{said}"),
    "message": lambda said: answer_of({"message": f"no rights for [{said}] today"}, 403),
    "address": lambda said: answer_of({"error": f"https://x.test/?token={said}&a=b failed"}, 400),
    "location": lambda said: answer_of(b"", 302, location=f"https://other.test/{said}/in"),
    "type": lambda said: answer_of(b"x", content_type=f"text/{said}+json"),
    "unreadable": lambda said: answer_of(b"[", x_request_id=said),
    "server error": lambda said: answer_of(f"broke at {said}".encode(), 500, x_request_id=said),
}
INPUT = "input: {job: {path: {project: 1, job: 7}}}"
DOCUMENTS = [
    "{ job(by: {path: {project: 1, job: 7}}) { name log { byteCount } } }",
    f"mutation {{ jobErase({INPUT}) {{ job {{ id }} userErrors {{ code message }} }} }}",
]


def _saying(answer, said, _):
    return answer(said)


@pytest.mark.parametrize("credential", CREDENTIALS, ids=lambda one: one.value[:12])
def test_no_response_repeats_it(credential):
    secret = credential.value.rpartition(" ")[2]
    upstream = Upstream(lambda _: None)
    client = Client.over(standard_chain(upstream, ClientConfig(API, max_retries=0)))
    engine = Engine(client, WebUrls(API))

    async def ask(document: str) -> str:
        response = await engine.execute(GraphQLRequest(query=document), make_caller(credential))
        return msgspec.json.encode([response.errors, response.data]).decode()

    async def ask_all() -> None:
        for (echo, answer), (encoding, encode) in product(ECHOES.items(), ENCODINGS.items()):
            said = encode(secret)
            upstream.answer = partial(_saying, answer, said)
            for document in DOCUMENTS:
                told = await ask(document)

                assert '"code":' in told
                for form in (secret, said):
                    assert form.lower() not in told.lower(), (echo, encoding)

    drive(ask_all())
    assert len(upstream.asked) >= len(ECHOES) * len(ENCODINGS)


@pytest.mark.parametrize(
    "text", ["an id of no secret", "100%25 of %41", "%", "glass-house", "x" * 40]
)
def test_other_texts_stay_as_they_are(text):
    assert CREDENTIALS[0].hidden_in(text) is text


@pytest.mark.parametrize("length", range(8, 41))
@pytest.mark.parametrize("before", range(3))
def test_the_shortest_text_that_gives_it_away_is_hidden(length, before):
    secret = SECRET_OF_FORTY[:length]
    encoded = base64.b64encode(b"\0" * before + secret.encode()).decode().rstrip("=")
    # Its first characters, and perhaps the last, hold bits of what stands around the secret.
    form = encoded[-(-8 * before // 6) : (before + length) * 8 // 6]

    for text in (secret, secret.upper(), form):
        assert Credential("PRIVATE-TOKEN", secret).hidden_in(text) == "(credential)"


@pytest.mark.anyio
@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_records_of_httpx_hold_none_at_the_finest_level(anyio_backend):
    lines: list[bytes] = []
    before = {name: logging.getLogger(name).level for name in ("httpx", "httpcore", "")}
    handlers = logging.root.handlers[:]
    try:
        record_logging(Records(lines.append), "debug")
        async with RawServer().running() as server:
            server.answer = say(b"{}", headers=(f"X-Request-Id: {SECRET}",))
            async with open_wire("httpx", WireOptions(server.origin)) as wire:
                await wire.send("GET", f"/{SECRET}", {"PRIVATE-TOKEN": SECRET}, timeout_s=5)
                server.answer = say(b"{}", status=f"{SECRET} no status")
                with pytest.raises(Exception, match="HTTP"):
                    await wire.send("GET", "/", {"PRIVATE-TOKEN": SECRET}, timeout_s=5)
        logging.getLogger("gateway").debug("it records")
    finally:
        logging.root.handlers[:] = handlers
        for name, level in before.items():
            logging.getLogger(name).setLevel(level)

    told = b"".join(lines).decode()
    assert "it records" in told
    assert SECRET not in told
