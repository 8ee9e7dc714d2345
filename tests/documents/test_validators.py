"""Trusted documents by GET: whoever has the answer already is told so."""

import json

import httpx
import pytest

from gateway.schema.ids import global_id
from gateway.transport.validators import HASHED_BESIDE, is_current, validator_of
from tests.documents.conftest import WHO
from tests.harness.app import listening

pytestmark = [pytest.mark.anyio, pytest.mark.sandbox(jobs=0)]

JOBS = {"documentId": "Jobs", "variables": json.dumps({"project": "1", "first": 5})}
GRAPHQL_RESPONSE = "application/graphql-response+json"


def of(token, **headers):
    return {"private-token": token, **{k.replace("_", "-"): v for k, v in headers.items()}}


async def test_the_answer_may_be_kept_by_its_caller_alone(trusting):
    async with trusting(cors_origins=("https://ci.example.com",)) as api:
        answer = await api.caller.get("/graphql", params=JOBS, headers=of(api.tokens["guest"]))

    varies = "accept, accept-encoding, origin, authorization, private-token, job-token, sudo"
    assert answer.headers["cache-control"] == "private, no-cache"
    assert answer.headers["vary"] == varies
    assert answer.headers["etag"].startswith('W/"')


async def test_who_has_it_is_told_so(trusting):
    async with trusting() as api:
        headers = of(api.tokens["developer"])
        first = await api.caller.get("/graphql", params=JOBS, headers=headers)
        headers["if-none-match"] = first.headers["etag"]
        again = await api.caller.get("/graphql", params=JOBS, headers=headers)
        head = await api.caller.head("/graphql", params=JOBS, headers=headers)

    assert (again.status_code, head.status_code, again.content) == (304, 304, b"")
    for name in ("etag", "cache-control", "vary"):
        assert again.headers[name] == first.headers[name]
    assert not {"content-type", "content-length", "content-encoding"} & set(again.headers)


async def test_over_a_connection_that_goes_on(trusting):
    async with trusting() as api, listening(api.gateway) as url, httpx.AsyncClient() as caller:
        headers = of(api.tokens["developer"])
        first = await caller.get(url, params=JOBS, headers=headers)
        headers["if-none-match"] = first.headers["etag"]
        statuses = [
            (await caller.get(url, params=JOBS, headers=headers)).status_code for _ in range(3)
        ]

    assert statuses == [304] * 3


async def test_another_credential_gets_its_own_answer(trusting):
    private = {"documentId": "Node", "variables": json.dumps({"id": global_id(b"Project:2")})}
    async with trusting() as api:

        async def get(token, if_none_match=""):
            headers = of(token, if_none_match=if_none_match)
            return await api.caller.get("/graphql", params=private, headers=headers)

        mine = await get(api.tokens["developer"])
        theirs = await get(api.tokens["outsider"], mine.headers["etag"])
        refused = await get("glpat-nobody", mine.headers["etag"])

    assert mine.json()["data"]["node"] is not None
    assert (theirs.status_code, theirs.json()) == (200, {"data": {"node": None}})
    assert theirs.headers["etag"] != mine.headers["etag"]
    assert refused.json()["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"


async def test_a_tag_of_somebody_else_tells_no_more_than_the_own_answer(trusting):
    async with trusting() as api:
        mine = await api.caller.get("/graphql", params=JOBS, headers=of(api.tokens["developer"]))
        headers = of(api.tokens["guest"], if_none_match=mine.headers["etag"])
        theirs = await api.caller.get("/graphql", params=JOBS, headers=headers)
        own = await api.caller.get("/graphql", params=JOBS, headers=of(api.tokens["guest"]))

    assert theirs.status_code == 304
    assert own.json() == mine.json()


async def test_an_answer_that_has_changed_is_sent(trusting, sandbox_server):
    async with trusting(kept_reads=False) as api:
        headers = of(api.tokens["maintainer"])
        first = await api.caller.get("/graphql", params=JOBS, headers=headers)
        headers["if-none-match"] = first.headers["etag"]
        two = JOBS | {"variables": json.dumps({"project": "1", "first": 3})}
        other = await api.caller.get("/graphql", params=two, headers=headers)

    assert other.status_code == 200
    assert other.headers["etag"] != first.headers["etag"]


async def test_compressed_it_is_the_same_and_in_another_media_type_not(trusting):
    async with trusting() as api:
        params = JOBS | {"variables": json.dumps({"project": "1", "first": 100})}
        plain = of(api.tokens["developer"], accept_encoding="identity")
        packed = of(api.tokens["developer"], accept_encoding="gzip")
        other = of(api.tokens["developer"], accept=GRAPHQL_RESPONSE)
        answers = [
            await api.caller.get("/graphql", params=params, headers=headers)
            for headers in (plain, packed, other)
        ]

    tags = [answer.headers["etag"] for answer in answers]
    assert answers[1].headers["content-encoding"] == "gzip"
    assert tags[0] == tags[1] != tags[2]


async def test_an_answer_with_errors_is_kept_by_nobody(trusting):
    async with trusting() as api:
        answer = await api.caller.get("/graphql", params=JOBS, headers=of("glpat-nobody"))

    assert answer.json()["errors"]
    assert answer.headers["cache-control"] == "no-store"
    assert "etag" not in answer.headers


@pytest.mark.parametrize("query", ["{ __typename }", "{ bad }"])
async def test_that_of_a_free_document_is_kept_by_nobody(trusting, query):
    async with trusting() as api:
        answer = await api.caller.get("/graphql", params={"query": query})

    assert answer.headers["cache-control"] == "no-store"
    assert "etag" not in answer.headers


async def test_by_post_there_is_no_validator(trusting):
    async with trusting() as api:
        headers = of(api.tokens["developer"], if_none_match="*")
        answer = await api.caller.post("/graphql", json={"query": WHO}, headers=headers)

    assert answer.status_code == 200
    assert not {"etag", "cache-control"} & set(answer.headers)


async def test_pages_of_other_origins_may_read_it(trusting):
    async with trusting(cors_origins=("*",)) as api:
        headers = of(api.tokens["developer"], origin="https://ci.example.com", if_none_match="*")
        answer = await api.caller.get("/graphql", params=JOBS, headers=headers)

    assert answer.status_code == 304
    assert answer.headers["access-control-allow-origin"] == "*"
    assert "etag" in answer.headers["access-control-expose-headers"]


async def test_large_bodies_have_the_same_kind_of_tag():
    small = await validator_of(b"x", b"application/json")
    large = await validator_of(b"x" * HASHED_BESIDE, b"application/json")

    assert len(small) == len(large)
    assert small != large


@pytest.mark.parametrize(
    ("told", "current"),
    [
        (b'W/"abc"', True),
        (b'"abc"', True),
        (b'"x", W/"abc" , "y"', True),
        (b"*", True),
        (b" * ", True),
        (b'"x"', False),
        (b"abc", False),
        (b'"*"', False),
        (b"", False),
        (b'"ab', False),
    ],
)
def test_tags_are_compared_weakly(told, current):
    assert is_current(told, b'W/"abc"') is current
