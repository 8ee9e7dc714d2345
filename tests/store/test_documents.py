"""Persisted documents that gateways share."""

from __future__ import annotations

import asyncio
from hashlib import sha256

import pytest

from gateway.execution.persisted import PersistedDocuments, UnknownDocument
from gateway.execution.response import RequestError
from gateway.store.documents import DocumentsInStore
from gateway.store.sealing import Sealing
from tests.harness.turns import until
from tests.store.stores import connected

pytestmark = pytest.mark.anyio

KEY = "0123456789abcdef0123456789abcdef"
TEXT = "{ secretField }"
DIGEST = sha256(TEXT.encode()).hexdigest()


def documents(store, key=KEY):
    shared = DocumentsInStore(store, Sealing(key, "https://gitlab.test/api/v4"))
    return PersistedDocuments(10, shared=shared)


def persisted(digest=DIGEST):
    return {"version": 1, "sha256Hash": digest}


async def kept(store):
    documents(store).keep(TEXT)
    await until(lambda: not (store._waiting or store._lanes))


async def found(known):
    with pytest.raises(UnknownDocument) as unknown:
        known.find(None, persisted())
    return await known.found_elsewhere(unknown.value)


async def test_what_one_was_sent_the_other_knows(redis):
    async with connected(redis) as one, connected(redis) as other:
        await kept(one)

        assert await found(documents(other)) == TEXT


async def test_what_another_knew_is_asked_of_the_store_once(redis):
    async with connected(redis) as store:
        await kept(store)
        known = documents(store)

        await asyncio.gather(found(known), found(known))

        assert known._characters == len(TEXT)
        assert known.find(None, persisted()) == TEXT
        assert known.find_by_id(None, f"sha256:{DIGEST}") == TEXT


async def test_one_that_none_knows_is_not_found_by_either_form(redis):
    async with connected(redis) as store:
        known = documents(store)

        with pytest.raises(RequestError, match="PersistedQueryNotFound"):
            await found(known)
        with pytest.raises(UnknownDocument) as unknown:
            known.find_by_id(None, f"sha256:{DIGEST}")
        with pytest.raises(RequestError, match="no document has the id"):
            await known.found_elsewhere(unknown.value)


async def test_while_the_store_is_away_each_knows_its_own(redis):
    async with connected(redis) as store:
        known = documents(store)
        await kept(store)
        redis.freeze()

        with pytest.raises(RequestError, match="PersistedQueryNotFound"):
            await found(known)
        known.keep(TEXT)
        assert known.find(None, persisted()) == TEXT


async def test_they_are_sealed_and_last_an_hour_from_their_last_use(redis):
    async with connected(redis) as store:
        await kept(store)
        [key] = await store.run("KEYS", "*")
        await store.run("PEXPIRE", key, 1000)
        await found(documents(store))
        await until(lambda: not (store._waiting or store._lanes))

        assert 3_500_000 < await store.run("PTTL", key) <= 3_600_000
        assert b"secretField" not in await store.run("GET", key)
        assert DIGEST.encode() not in key
        with pytest.raises(RequestError, match="PersistedQueryNotFound"):
            await found(documents(store, key="j" * 32))


async def test_where_none_are_remembered_none_are_shared(redis):
    async with connected(redis) as store:
        shared = DocumentsInStore(store, Sealing(KEY, ""))
        known = PersistedDocuments(0, shared=shared)
        known.keep(TEXT)

        with pytest.raises(RequestError, match="PersistedQueryNotSupported"):
            known.find(None, persisted())
        assert await store.run("DBSIZE") == 0
