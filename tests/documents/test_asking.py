"""Trusted documents, asked for by whatever carries operations."""

import asyncio
import json
import logging
from hashlib import sha256

import httpx
import msgspec
import pytest
from graphql import get_introspection_query

from gateway.app import Gateway
from gateway.execution.documents import Documents
from gateway.execution.executor import PlannedExecutor
from gateway.execution.limits import Limits
from gateway.execution.request import GraphQLRequest
from gateway.execution.schema import make_schema
from gateway.execution.trusted import TrustedDocuments
from gateway.settings import Settings, SettingsError
from gateway.transport.explorer import Examples
from gateway.transport.explorer.tabs import opening_tabs
from gateway.transport.records import Records
from tests.documents.conftest import CANCEL, JOBS, TYPE, WATCH, WHO, digest
from tests.harness.app import caller_of, listening
from tests.transport.subscribers import TRANSPORTS

pytestmark = [pytest.mark.anyio, pytest.mark.sandbox(jobs=0)]

TYPED = {"data": {"__typename": "Query"}}
FREE = "query Free { __typename }"


def codes(answer):
    return [error["extensions"]["code"] for error in answer.json()["errors"]]


def apq(id_):
    return {"extensions": {"persistedQuery": {"version": 1, "sha256Hash": id_}}}


def as_query(parameters):
    return {k: v if isinstance(v, str) else json.dumps(v) for k, v in parameters.items()}


IDS = [
    {"documentId": digest(TYPE)},
    {"documentId": "own-id"},
    {"documentId": f"sha256:{digest(TYPE)}"},
    {"documentId": "own-id", "query": TYPE},
    {"query": TYPE},
    apq(digest(TYPE)),
    apq(digest(TYPE).upper()),
    apq("own-id"),
    {**apq(digest(TYPE)), "query": TYPE},
    {**apq("own-id"), "query": TYPE},
]


@pytest.mark.parametrize("documents", ["also", "report", "only"])
async def test_by_every_id_and_by_its_text(trusting, documents):
    async with trusting(documents=documents, persisted_documents=0) as api:
        posted = [await api.caller.post("/graphql", json=asked) for asked in IDS]
        got = [await api.caller.get("/graphql", params=as_query(asked)) for asked in IDS]

    assert [answer.json() for answer in (*posted, *got)] == [TYPED] * 2 * len(IDS)


async def test_with_variables_and_fragments_of_other_files(trusting):
    async with trusting(documents="only") as api:
        headers = {"private-token": api.tokens["developer"]}
        asked = {"documentId": "Jobs", "variables": {"project": "1", "first": 1}}
        posted = await api.caller.post("/graphql", json=asked, headers=headers)
        got = await api.caller.get("/graphql", params=as_query(asked), headers=headers)

    assert posted.json() == got.json()
    assert len(posted.json()["data"]["project"]["jobs"]["nodes"]) == 1


@pytest.mark.parametrize("asked", [apq(digest(FREE)), {"documentId": "x"}, {"documentId": "x-a:b"}])
async def test_an_id_that_nothing_has_is_told(trusting, asked):
    async with trusting() as api:
        answer = await api.caller.post("/graphql", json=asked)

    assert (answer.status_code, codes(answer)) == (200, ["PERSISTED_QUERY_NOT_FOUND"])


@pytest.mark.parametrize(
    "asked",
    [
        {"query": FREE},
        {"query": "{ bad"},
        {"documentId": "x"},
        {"documentId": "x", "query": FREE},
        {"documentId": f"sha256:{digest(FREE)}"},
        {"documentId": f"sha256:{digest(FREE)}", "query": FREE},
        apq(digest(FREE)),
        {**apq(digest(FREE)), "query": FREE},
    ],
)
@pytest.mark.parametrize("kept", [0, 100])
async def test_only_refuses_all_others(trusting, asked, kept):
    async with trusting(documents="only", persisted_documents=kept) as api:
        told = await api.caller.post("/graphql", json=asked)
        by_status = await api.caller.post(
            "/graphql", json=asked, headers={"accept": "application/graphql-response+json"}
        )

    assert (told.status_code, codes(told)) == (200, ["DOCUMENT_NOT_TRUSTED"])
    assert "ask for one of these by its documentId" in told.json()["errors"][0]["message"]
    assert by_status.status_code == 400


@pytest.mark.parametrize(
    "query", [get_introspection_query(), *(tab.query for tab in opening_tabs(Examples()))]
)
async def test_only_refuses_what_the_explorer_asks_by_itself(trusting, query):
    async with trusting(documents="only") as api:
        answer = await api.caller.post("/graphql", json={"query": query})

    assert codes(answer) == ["DOCUMENT_NOT_TRUSTED"]


async def test_also_runs_what_was_sent_beside_an_unknown_id(trusting):
    async with trusting() as api:
        answer = await api.caller.post("/graphql", json={"documentId": "newer", "query": FREE})

    assert answer.json() == TYPED


@pytest.mark.parametrize("id_", ["own-id", f"sha256:{digest('{ other }')}"])
async def test_an_id_of_another_document_than_the_text_is_refused(trusting, id_):
    async with trusting() as api:
        answer = await api.caller.post("/graphql", json={"documentId": id_, "query": FREE})

    assert answer.status_code == 400
    assert "documentId names another document than query" in answer.text


async def test_a_hash_of_what_was_sent_before_is_an_id_too(trusting):
    async with trusting() as api:
        await api.caller.post("/graphql", json={**apq(digest(FREE)), "query": FREE})
        answer = await api.caller.post("/graphql", json={"documentId": f"sha256:{digest(FREE)}"})

    assert answer.json() == TYPED


async def test_an_id_that_is_no_text_is_a_malformed_request(trusting):
    async with trusting() as api:
        answer = await api.caller.post("/graphql", json={"documentId": 1})

    assert (answer.status_code, codes(answer)) == (400, ["BAD_REQUEST"])


async def test_a_mutation_is_not_run_by_get(trusting):
    async with trusting(documents="only") as api:
        answer = await api.caller.get("/graphql", params={"documentId": f"sha256:{digest(CANCEL)}"})

    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")


async def test_several_in_a_batch(trusting):
    async with trusting(documents="only", max_batch=3) as api:
        answer = await api.caller.post(
            "/graphql", json=[{"documentId": "own-id"}, {"query": FREE}, {"query": TYPE}]
        )

    first, second, third = answer.json()
    assert first == third == TYPED
    assert second["errors"][0]["extensions"]["code"] == "DOCUMENT_NOT_TRUSTED"


@pytest.mark.parametrize("transport", TRANSPORTS)
async def test_a_subscription_by_its_id(trusting, transport):
    async with trusting(documents="only") as api, listening(api.gateway) as url:
        headers = {"private-token": api.tokens["developer"]}
        job = {"job": {"path": {"project": "1", "job": "8"}}}
        known, unknown = {"documentId": "Watch"}, {"documentId": "x"}
        async with TRANSPORTS[transport](url, headers, known, job) as subscriber:
            first = await subscriber.next()
        async with TRANSPORTS[transport](url, headers, unknown, job) as subscriber:
            refused = await subscriber.next()

    assert first["data"]["jobUpdated"]["name"]
    assert refused["errors"][0]["extensions"]["code"] == "DOCUMENT_NOT_TRUSTED"


@pytest.mark.parametrize(
    ("names", "asked"),
    [
        (True, {"query": ""}),
        (True, {"documentId": ""}),
        (True, {"extensions": {"persistedQuery": {}}}),
        (False, {"variables": {}}),
        (False, {"extensions": {}}),
    ],
)
def test_an_empty_document_is_one_that_is_named(names, asked):
    assert msgspec.convert(asked, GraphQLRequest).names_document is names


async def test_a_subscription_by_get(trusting):
    params = {"documentId": "Watch", "variables": '{"job":{"path":{"project":"1","job":"8"}}}'}
    async with (
        trusting(documents="only") as api,
        listening(api.gateway) as url,
        httpx.AsyncClient(timeout=20) as caller,
    ):
        headers = {"private-token": api.tokens["developer"], "accept": "text/event-stream"}
        async with caller.stream("GET", url, params=params, headers=headers) as answer:
            lines = answer.aiter_lines()
            while not (line := await anext(lines)).startswith("data"):
                pass

    assert "jobUpdated" in line


class TestRecords:
    async def test_they_name_what_was_trusted(self, sandbox_server, folder):
        lines = []
        records = Records(lambda text: lines.extend(map(json.loads, text.splitlines())))
        settings = Settings(upstream_url=sandbox_server.url, trusted_documents=str(folder))
        gateway = Gateway(settings, records)
        async with gateway.running(), caller_of(gateway) as caller:
            for asked in ({"documentId": "own-id"}, {"query": TYPE}, {"query": FREE}):
                await caller.post("/graphql", json=asked)

        told = [line.get("trusted") for line in lines if line["record"] == "operation"]
        assert told == [digest(TYPE), digest(TYPE), None]

    async def test_those_of_subscriptions_do_too(self, sandbox_server, folder):
        lines = []
        records = Records(lambda text: lines.extend(map(json.loads, text.splitlines())))
        settings = Settings(upstream_url=sandbox_server.url, trusted_documents=str(folder))
        gateway = Gateway(settings, records)
        headers = {"private-token": sandbox_server.tokens["developer"]}
        job = {"job": {"path": {"project": "1", "job": "8"}}}
        async with gateway.running(), listening(gateway) as url:
            asked = {"documentId": "Watch"}
            async with TRANSPORTS["sse"](url, headers, asked, job) as subscriber:
                await subscriber.next()

        assert {line["trusted"] for line in lines if "subscription" in line["record"]} == {"Watch"}

    async def test_report_tells_of_each_free_document_once(self, trusting, caplog):
        async with trusting(documents="report") as api:
            for asked in (FREE, FREE, "query { bad }", TYPE, "{ other: __typename }"):
                await api.caller.post("/graphql", json={"query": asked})

        told = [record.getMessage() for record in caplog.records]
        assert len(told) == 2
        assert f"query Free, document {digest(FREE)[:16]}" in told[0]
        assert "query (unnamed)" in told[1]
        assert {record.levelno for record in caplog.records} == {logging.WARNING}


class TestKeeping:
    def test_they_are_never_dropped(self, folder):
        documents = Documents(make_schema(PlannedExecutor), Limits(), kept=2, kept_weight=300)
        asyncio.run(TrustedDocuments(documents, folder).load())
        trusted = documents.find(TYPE)

        for number in range(50):
            documents.get(f"{{ a{number}: __typename }}")
            documents.get(f"{{ a{number}: __typename }}")

        assert trusted is not None
        assert documents.find(TYPE) is trusted
        assert documents.get(TYPE) is trusted
        assert len(documents) <= 2
        assert documents._weight == sum(one.weight for one in documents._documents.values())

    def test_their_plans_push_nothing_out(self, folder):
        documents = Documents(make_schema(PlannedExecutor), Limits(), kept_weight=150)
        asyncio.run(TrustedDocuments(documents, folder).load())
        documents.get(FREE)

        for text in (TYPE, WHO, CANCEL, WATCH):
            documents.get(text).operation(None)

        assert documents.find(FREE) is not None

    def test_each_has_its_plan_at_the_start(self, folder):
        documents = Documents(make_schema(PlannedExecutor), Limits())

        asyncio.run(TrustedDocuments(documents, folder).load())

        assert documents.find(WHO).operation(None).only_plan is not None

    async def test_one_that_was_a_free_document_before(self, folder):
        documents = Documents(make_schema(PlannedExecutor), Limits())
        documents.get(TYPE)

        await TrustedDocuments(documents, folder).load()

        assert documents.find(TYPE).trusted == digest(TYPE)
        assert (len(documents), documents._weight) == (0, 0)


class TestStart:
    @pytest.mark.parametrize(
        ("text", "told"),
        [
            ("query Bad {\n  nothing\n}", "Bad.graphql:2:3: Cannot query field 'nothing'"),
            ("query A { ...Gone }", "Bad.graphql:1:14: Unknown fragment 'Gone'"),
            ("query A { a: __typename } query A { __typename }", "only one operation named 'A'"),
            ("{ %s }" % " ".join(f"a{n}: __typename" for n in range(3001)), "GATEWAY_MAX_TOKENS"),
            ("{ __typename }" + " " * 64_000, "characters, 64000 are allowed"),
            ("type Job { id: ID } { __typename }", "the document defines types"),
        ],
    )
    async def test_a_bad_document_stops_it(self, trusting, folder, text, told):
        (folder / "Bad.graphql").write_text(text)

        with pytest.raises(SettingsError) as raised:
            async with trusting():
                pass

        assert told in str(raised.value)
        assert str(raised.value).startswith(f"GATEWAY_TRUSTED_DOCUMENTS: {folder}/Bad.graphql")

    async def test_all_mistakes_are_told_at_once(self, trusting, folder):
        (folder / "a.json").write_text(json.dumps({"one": "{ nothing }", "two": "{ none }"}))

        with pytest.raises(SettingsError) as raised:
            async with trusting():
                pass

        assert len(raised.value.mistakes) == 2
        assert "a.json: document one, line 1, column 3 of it: Cannot" in raised.value.mistakes[0]

    @pytest.mark.parametrize(
        ("text", "told"),
        [
            ("{ __typename # \ud800\n}", "Syntax Error"),
            ("{ __typename \0 }", "Syntax Error"),
            ("", "Syntax Error: Unexpected <EOF>"),
            ("fragment Parts on Job { id }", "Fragment 'Parts' is never used"),
            ("{" * 200_000, "characters, 64000 are allowed"),
            ("{ a" * 2_000, "Document is nested too deeply"),
        ],
    )
    async def test_an_odd_text_stops_it_too(self, trusting, folder, text, told):
        (folder / "a.json").write_text(json.dumps({"odd": text}))

        with pytest.raises(SettingsError) as raised:
            async with trusting():
                pass

        assert str(raised.value).startswith(f"GATEWAY_TRUSTED_DOCUMENTS: {folder}/a.json: ")
        assert told in str(raised.value)

    async def test_a_hash_that_is_the_id_of_another_document_stops_it(self, trusting, folder):
        (folder / "a.json").write_text(json.dumps({digest(JOBS): "{ __typename }"}))
        (folder / "Jobs.graphql").write_text("{ __typename }")
        (folder / "b.json").write_text(json.dumps({"jobs": "query { __typename }"}))
        (folder / "c.json").write_text(json.dumps({digest("query { __typename }"): TYPE}))

        with pytest.raises(SettingsError, match="is the id of another document"):
            async with trusting():
                pass

    @pytest.mark.parametrize("documents", ["only", "report"])
    def test_without_trusted_documents_the_others_cannot_be_refused(self, documents):
        with pytest.raises(SettingsError, match="needs GATEWAY_TRUSTED_DOCUMENTS"):
            Settings(documents=documents)

    async def test_where_callers_may_not_read_the_schema_none_does(self, trusting, folder):
        (folder / "Schema.graphql").write_text("{ __schema { queryType { name } } }")

        with pytest.raises(SettingsError, match=r"Schema\.graphql:1:3"):
            async with trusting(introspection=False):
                pass


def test_the_appendix_example_has_the_hash_that_it_says():
    text = "query ($id: ID!) {\n  user(id: $id) {\n    name\n  }\n}"

    expected = "7dba4bd717b41f10434822356a93c32b1fb4907b983e854300ad839f84cdcd6e"
    assert sha256(text.encode()).hexdigest() == digest(text) == expected
