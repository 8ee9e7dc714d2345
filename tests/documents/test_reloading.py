"""Trusted documents read anew while the gateway runs."""

import asyncio
import json
import logging
import os
import signal
import time

import httpx
import pytest

from gateway.execution.documents import Documents
from gateway.execution.executor import PlannedExecutor
from gateway.execution.limits import Limits
from gateway.execution.schema import make_schema
from gateway.execution.trusted import TrustedDocuments
from gateway.reloading import reloading
from tests.documents.conftest import TYPE, WHO
from tests.harness.command import run, running

pytestmark = [pytest.mark.anyio, pytest.mark.sandbox(jobs=0)]

OTHER = "query Other { other: __typename }"


async def ask(api, **asked):
    answer = (await api.caller.post("/graphql", json=asked)).json()
    return answer.get("data") or answer["errors"][0]["extensions"]["code"]


async def test_new_ones_are_trusted_and_old_ones_no_more(trusting, folder):
    async with trusting(documents="only") as api:
        (folder / "Other.graphql").write_text(OTHER)
        (folder / "apollo.json").unlink()
        before = await ask(api, documentId="Other"), await ask(api, query=TYPE)
        was_read = await api.gateway.reload_documents()
        after = await ask(api, documentId="Other"), await ask(api, query=TYPE)

    assert was_read
    assert before == ("DOCUMENT_NOT_TRUSTED", {"__typename": "Query"})
    assert after == ({"other": "Query"}, "DOCUMENT_NOT_TRUSTED")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("query Bad { nothing }", "Bad.graphql:1:13: Cannot query field 'nothing'"),
        ("query {", "Bad.graphql:1:8: Syntax Error"),
    ],
)
async def test_a_bad_one_leaves_all_as_they_were(trusting, folder, caplog, text, told):
    async with trusting(documents="only") as api:
        (folder / "Other.graphql").write_text(OTHER)
        (folder / "Bad.graphql").write_text(text)
        (folder / "apollo.json").unlink()
        was_read = await api.gateway.reload_documents()
        after = await ask(api, documentId="Other"), await ask(api, documentId="own-id")
        count = api.gateway.trusted_documents

    (record,) = caplog.records
    assert not was_read
    assert after == ("DOCUMENT_NOT_TRUSTED", {"__typename": "Query"})
    assert (record.levelno, count) == (logging.ERROR, 6)
    assert "those from before stay" in record.getMessage()
    assert told in record.getMessage()


async def test_a_folder_that_is_gone_leaves_all_as_they_were(trusting, folder):
    async with trusting(documents="only") as api:
        folder.rename(folder.with_name("gone"))
        was_read = await api.gateway.reload_documents()
        after = await ask(api, documentId="own-id")

    assert (was_read, after) == (False, {"__typename": "Query"})


async def test_what_stays_is_not_made_again(folder):
    documents = Documents(make_schema(PlannedExecutor), Limits())
    trusted = TrustedDocuments(documents, folder)
    await trusted.load()
    made = documents.find(WHO)

    (folder / "Other.graphql").write_text(OTHER)
    await trusted.reload()

    assert documents.find(WHO) is made
    assert documents.find(OTHER).trusted == "Other"


async def test_one_that_has_another_id_now_is_told_by_it(folder):
    documents = Documents(make_schema(PlannedExecutor), Limits())
    trusted = TrustedDocuments(documents, folder)
    await trusted.load()

    (folder / "relay.json").write_text(json.dumps({"new": WHO}))
    await trusted.reload()

    assert documents.find(WHO).trusted == "new"
    assert documents.find(WHO).operation(None).trusted == "new"


async def test_a_free_document_that_is_trusted_now_is_told_as_such(folder):
    documents = Documents(make_schema(PlannedExecutor), Limits())
    trusted = TrustedDocuments(documents, folder)
    await trusted.load()
    making = documents.making(OTHER)
    next(making)

    (folder / "Other.graphql").write_text(OTHER)
    await trusted.reload()
    for _ in making:
        pass

    assert documents.find(OTHER).trusted == "Other"


async def test_others_are_served_meanwhile(folder):
    documents = Documents(make_schema(PlannedExecutor), Limits())
    many = {
        f"q{n}": "query { project(id: %s) { jobs { nodes { name } } } }" % n for n in range(200)
    }
    (folder / "many.json").write_text(json.dumps(many))
    trusted = TrustedDocuments(documents, folder)
    turns = 0

    reload = asyncio.ensure_future(trusted.reload())
    while not reload.done():
        await asyncio.sleep(0)
        turns += 1

    assert reload.result()
    assert turns > 200


async def test_two_at_once_are_one_after_the_other(trusting, folder):
    async with trusting(documents="only") as api:
        first = asyncio.ensure_future(api.gateway.reload_documents())
        await asyncio.sleep(0)
        (folder / "Other.graphql").write_text(OTHER)
        both = await first, await api.gateway.reload_documents()
        after = await ask(api, documentId="Other")

    assert (both, after) == ((True, True), {"other": "Query"})


async def test_without_any_there_is_nothing_to_read(trusting, caplog):
    async with trusting(trusted_documents=None) as api:
        assert not await api.gateway.reload_documents()
    assert not await api.gateway.reload_documents()

    assert "no trusted documents to read anew" in caplog.text


class TestSignal:
    async def test_each_asks_once_more(self):
        begun, done = asyncio.Queue(), asyncio.Event()
        before = signal.getsignal(signal.SIGHUP)

        async def reload():
            begun.put_nowait(None)
            await done.wait()

        async with reloading(reload):
            os.kill(os.getpid(), signal.SIGHUP)
            await begun.get()
            os.kill(os.getpid(), signal.SIGHUP)
            os.kill(os.getpid(), signal.SIGHUP)
            done.set()
            await begun.get()
            await asyncio.sleep(0)

        assert begun.empty()
        assert signal.getsignal(signal.SIGHUP) is before

    async def test_with_nothing_to_reload_it_is_what_it_was(self):
        before = signal.getsignal(signal.SIGHUP)
        async with reloading(None):
            assert signal.getsignal(signal.SIGHUP) is before

    def test_the_program_heeds_it(self, folder):
        settings = {"GATEWAY_TRUSTED_DOCUMENTS": str(folder), "GATEWAY_DOCUMENTS": "only"}
        asked = {"documentId": "Other"}
        with running("--port", "0", "--sandbox-jobs", "0", **settings) as served:
            url = served.said("GraphQL")
            told = served.said("documents")
            before = httpx.post(url, json=asked, timeout=30).json()
            (folder / "Other.graphql").write_text(OTHER)
            served.process.send_signal(signal.SIGHUP)
            until = time.monotonic() + 30
            while "errors" in (after := httpx.post(url, json=asked, timeout=30).json()):
                assert time.monotonic() < until
            records = served.stop()

        assert told == "6"
        assert before["errors"][0]["extensions"]["code"] == "DOCUMENT_NOT_TRUSTED"
        assert after == {"data": {"other": "Query"}}
        assert "the trusted documents were read anew: there are 7" in {
            record.get("message") for record in records
        }

    def test_a_bad_document_ends_the_start_with_its_place(self, folder):
        (folder / "Bad.graphql").write_text("query Bad {\n  nothing\n}")
        done = run("--port", "0", GATEWAY_TRUSTED_DOCUMENTS=str(folder))

        assert done.returncode == 2
        assert f"{folder}/Bad.graphql:2:3: Cannot query field 'nothing'" in done.stderr
