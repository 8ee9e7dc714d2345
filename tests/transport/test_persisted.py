"""Automatic persisted queries, as Apollo's clients speak them."""

from hashlib import sha256
from urllib.parse import urlencode

import msgspec
import pytest

from gateway.execution.persisted import PersistedDocuments
from gateway.execution.response import RequestError

pytestmark = pytest.mark.anyio

QUERY = "{ __typename }"
JSON = "application/json"
GRAPHQL_RESPONSE = "application/graphql-response+json"


def persisted(query=QUERY, **changes):
    entry = {"version": 1, "sha256Hash": sha256(query.encode()).hexdigest(), **changes}
    return {"persistedQuery": entry}


async def test_a_hash_is_enough_once_the_document_was_sent(caller):
    unknown = await caller.post({"extensions": persisted()})
    told = await caller.post({"query": QUERY, "extensions": persisted()})
    known = await caller.post({"extensions": persisted()})

    assert unknown.status == 200
    assert unknown.json()["errors"][0]["message"] == "PersistedQueryNotFound"
    assert unknown.codes == ["PERSISTED_QUERY_NOT_FOUND"]
    assert told.json() == known.json() == {"data": {"__typename": "Query"}}


async def test_a_hash_is_enough_by_get(caller):
    await caller.post({"query": QUERY, "extensions": persisted()})

    answer = await caller.get(urlencode({"extensions": msgspec.json.encode(persisted()).decode()}))

    assert answer.json() == {"data": {"__typename": "Query"}}


async def test_an_unknown_hash_is_a_request_error(caller):
    answer = await caller.post({"extensions": persisted()}, accept=GRAPHQL_RESPONSE)

    assert answer.status == 400
    assert answer.codes == ["PERSISTED_QUERY_NOT_FOUND"]


async def test_a_hash_of_another_document_is_refused(caller):
    answer = await caller.post({"query": "{ other: __typename }", "extensions": persisted()})

    assert answer.status == 400
    assert answer.json()["errors"][0]["message"] == "provided sha does not match query"


@pytest.mark.parametrize(
    "extensions",
    [
        {"persistedQuery": "x"},
        persisted(version=2),
        persisted(sha256Hash=None),
        {"persistedQuery": {"version": 1}},
    ],
)
async def test_another_protocol_is_refused(caller, extensions):
    answer = await caller.post({"query": QUERY, "extensions": extensions})

    assert answer.status == 400
    assert answer.codes == ["BAD_REQUEST"]


async def test_a_document_that_is_not_valid_is_not_kept(caller):
    bad = "{ unknown }"

    await caller.post({"query": bad, "extensions": persisted(bad)})
    answer = await caller.post({"extensions": persisted(bad)})

    assert answer.codes == ["PERSISTED_QUERY_NOT_FOUND"]


async def test_may_be_turned_off(make_caller):
    answer = await make_caller(persisted_documents=0).post({"extensions": persisted()})

    assert answer.json()["errors"][0]["message"] == "PersistedQueryNotSupported"


async def test_the_least_recently_used_document_is_dropped():
    documents = PersistedDocuments(2)
    documents.keep("{ a }")
    documents.keep("{ b }")

    documents.find(None, persisted("{ a }")["persistedQuery"])
    documents.keep("{ c }")

    assert documents.find(None, persisted("{ a }")["persistedQuery"]) == "{ a }"
    assert documents.find(None, persisted("{ c }")["persistedQuery"]) == "{ c }"
    with pytest.raises(RequestError, match="PersistedQueryNotFound"):
        documents.find(None, persisted("{ b }")["persistedQuery"])


async def test_documents_are_bounded_by_their_length():
    documents = PersistedDocuments(100, kept_characters=20)

    for number in range(10):
        documents.keep(f"{{ a{number} bcd }}")

    assert len(documents) == 2
