"""GitLab's webhooks: authentic ones wake what is watched, and are answered at once."""

import base64
import hashlib
import hmac
import json
import time
from contextlib import asynccontextmanager

import pytest

from gateway.transport.webhooks import MAX_BYTES
from tests.harness.app import running_app

pytestmark = pytest.mark.anyio

NOBODY = "http://127.0.0.1:9"
SECRET = "a secret token"
KEY = b"twenty-four bytes of key"
SIGNING = "whsec_" + base64.b64encode(KEY).decode()
JOB = {"object_kind": "build", "build_id": 77, "pipeline_id": 7}
PIPELINE = {"object_kind": "pipeline", "object_attributes": {"id": 7}, "builds": [{"id": 77}]}


class Woken:
    """Stands in for what is watched."""

    def __init__(self):
        self.wakes = []

    def wake(self, **what):
        self.wakes.append(what)

    async def aclose(self):
        pass


@asynccontextmanager
async def hooked(secret):
    async with running_app(webhook_secret=secret, upstream_url=NOBODY) as api:
        woken = Woken()
        api.gateway.live = woken  # type: ignore[assignment]  # a stand-in

        async def post(body, **headers):
            content = body if isinstance(body, bytes) else json.dumps(body).encode()
            named = {name.replace("_", "-"): value for name, value in headers.items()}
            answer = await api.caller.post("/webhooks/gitlab", content=content, headers=named)
            return answer.status_code

        yield post, woken


def signed(body, *, key=KEY, at=None):
    sent = str(int(time.time() if at is None else at))
    text = b"id-1." + sent.encode() + b"." + json.dumps(body).encode()
    signature = base64.b64encode(hmac.new(key, text, hashlib.sha256).digest()).decode()
    return {
        "webhook_id": "id-1",
        "webhook_timestamp": sent,
        "webhook_signature": f"v1,AAAA v1,{signature}",
    }


async def test_a_refusal_has_a_code():
    async with running_app(upstream_url=NOBODY, webhook_secret=SECRET) as api:
        forged = await api.caller.post("/webhooks/gitlab", json=JOB)
        long = await api.caller.post("/webhooks/gitlab", content=b" " * (MAX_BYTES + 1))

    told = [(one.status_code, one.json()["errors"][0]["extensions"]) for one in (forged, long)]
    assert told == [(401, {"code": "UNAUTHENTICATED"}), (413, {"code": "PAYLOAD_TOO_LARGE"})]


async def test_are_not_there_without_a_secret():
    async with running_app(upstream_url=NOBODY) as api:
        answer = await api.caller.post("/webhooks/gitlab", json=JOB)

        assert answer.status_code == 404


@pytest.mark.parametrize("body", [JOB, PIPELINE])
async def test_an_authentic_one_wakes_its_job_and_pipeline(body):
    async with hooked(SECRET) as (post, woken):
        assert await post(body, x_gitlab_token=SECRET) == 204
        assert woken.wakes == [{"pipeline_id": 7, "job_ids": (77,)}]


async def test_a_secret_may_have_any_letters():
    secret = "gehe\u00efm"
    async with hooked(secret) as (post, _):
        assert await post(JOB, x_gitlab_token=secret.encode()) == 204
        assert await post(JOB, x_gitlab_token=secret.encode("latin-1")) == 401


async def test_a_signed_one_wakes_as_well():
    async with hooked(SIGNING) as (post, woken):
        assert await post(JOB, **signed(JOB)) == 204
        assert len(woken.wakes) == 1


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"x_gitlab_token": "another"},
        {"x_gitlab_token": SIGNING},
        signed(JOB, key=b"another key"),
        signed(PIPELINE),
        signed(JOB, at=1_000_000),
        {**signed(JOB), "webhook_timestamp": "soon"},
    ],
)
@pytest.mark.parametrize("secret", [SECRET, SIGNING])
async def test_a_forged_one_does_nothing(secret, headers):
    async with hooked(secret) as (post, woken):
        assert await post(JOB, **headers) == 401
        assert woken.wakes == []


@pytest.mark.parametrize(
    "body", [b"no JSON", [], {"object_kind": "push"}, {"object_kind": "build", "build_id": "x"}]
)
async def test_what_says_nothing_is_taken_all_the_same(body):
    async with hooked(SECRET) as (post, woken):
        assert await post(body, x_gitlab_token=SECRET) == 204
        assert woken.wakes == []
