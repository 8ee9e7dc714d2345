"""Equal queries of many callers at once, through the whole gateway: one execution."""

from __future__ import annotations

import asyncio

import msgspec
import pytest

from gateway.parts import flights_of
from gateway.settings import Settings
from gateway.team import Team
from tests.harness.alike import ERASE, READ, calling
from tests.harness.turns import turns, until

pytestmark = pytest.mark.anyio


@pytest.fixture
async def callers():
    async with calling() as made:
        yield made


async def test_sixteen_at_once_are_one_execution(callers):
    asked = await callers.ask_all(16)
    callers.upstream.gate.set()

    answers = await asyncio.gather(*asked)

    assert {answer.json()["data"]["job"]["name"] for answer in answers} == {"build"}
    assert callers.upstream.reads == (1, 1)
    assert len({answer.headers["x-request-id"] for answer in answers}) == 16
    led, *joined = sorted(callers.told, key=lambda told: told.is_joined)
    assert (led.is_joined, led.calls, led.shared) == (False, 2, 0)
    assert {(told.is_joined, told.calls, told.shared) for told in joined} == {(True, 0, 2)}
    assert len(joined) == 15


async def test_what_nobody_expected_is_one_call_and_two_executions():
    async with calling(expected=1) as callers:
        asked = await callers.ask_all(16)
        callers.upstream.gate.set()

        answers = await asyncio.gather(*asked)

        assert {answer.json()["data"]["job"]["name"] for answer in answers} == {"build"}
        assert callers.upstream.reads == (1, 1)
        assert sum(told.is_joined for told in callers.told) == 14
        assert sorted((told.calls, told.shared) for told in callers.told) == [(0, 2)] * 15 + [
            (2, 0)
        ]


async def test_those_who_wait_for_a_new_document_are_joined_as_well():
    async with calling(expected=0) as callers:
        asked = await callers.ask_all(16)
        callers.upstream.gate.set()

        await asyncio.gather(*asked)

        assert callers.upstream.reads == (1, 1)
        assert sum(told.is_joined for told in callers.told) == 14


async def test_who_wants_a_new_document_fresh_joins_nobody():
    async with calling(expected=0) as callers:
        fresh = {"headers": {"cache-control": "no-cache"}}
        asked = [callers.ask(), callers.ask(), callers.ask(**fresh), callers.ask()]
        await until(lambda: callers.upstream.reads[1] == 2)
        callers.upstream.gate.set()

        await asyncio.gather(*asked)

        assert sorted(told.calls for told in callers.told) == [0, 0, 2, 2]


async def test_records_tell_who_was_joined(callers):
    asked = await callers.ask_all(2)
    callers.upstream.gate.set()
    await asyncio.gather(*asked)

    callers.records.flush()

    records = [msgspec.json.decode(line) for lines in callers.lines for line in lines.splitlines()]
    assert sorted(record.get("joined", False) for record in records) == [False, True]


async def test_all_are_told_what_failed(callers):
    callers.upstream.status = b"403 Forbidden"
    asked = await callers.ask_all(4)
    callers.upstream.gate.set()

    answers = await asyncio.gather(*asked)

    assert callers.upstream.reads == (1, 1)
    assert [
        [error["extensions"]["code"] for error in answer.json()["errors"]] for answer in answers
    ] == [["FORBIDDEN"]] * 4
    assert [told.outcome for told in callers.told] == ["partial"] * 4


async def test_each_is_told_its_own_cost(callers):
    asked = [callers.ask(extensions={"cost": True}) for _ in range(3)]
    await until(lambda: callers.upstream.reads[1])
    await turns(300)
    callers.upstream.gate.set()

    answers = await asyncio.gather(*asked)

    costs = [answer.json()["extensions"]["cost"] for answer in answers]
    assert sorted((cost["calls"], cost["shared"]) for cost in costs) == [(0, 2), (0, 2), (2, 0)]


async def test_who_began_it_leaves_and_the_others_are_answered(callers):
    asked = await callers.ask_all(4)

    asked[0].cancel()
    await turns(20)
    callers.upstream.gate.set()
    answers = await asyncio.gather(*asked[1:])

    assert {answer.json()["data"]["job"]["pipeline"]["duration"] for answer in answers} == {3}
    assert callers.upstream.reads == (1, 1)
    left, *others = callers.told
    assert (left.outcome, left.calls) == ("stopped", 2)
    assert [(told.calls, told.shared) for told in others] == [(0, 2)] * 3


async def test_whose_time_is_over_is_told_so_and_who_has_more_is_answered():
    async with calling(request_timeout_s=1.0) as callers:
        first = callers.ask()
        await until(lambda: callers.upstream.reads[1])
        await asyncio.sleep(0.6)
        second = callers.ask()

        [error] = (await first).json()["errors"]
        callers.upstream.gate.set()
        answer = (await second).json()

        assert error["extensions"]["code"] == "UPSTREAM_TIMEOUT"
        assert error["path"] == ["job"]
        assert answer["data"]["job"]["pipeline"]["duration"] == 3
        assert callers.upstream.reads == (1, 1)
        early, late = callers.told
        assert (early.is_joined, late.is_joined) == (False, True)
        assert early.calls + late.calls == 2
        assert early.duration_s == pytest.approx(1.0, abs=0.3)


async def test_who_joined_leaves_alone(callers):
    asked = await callers.ask_all(3)

    asked[1].cancel()
    await turns(20)
    callers.upstream.gate.set()
    answers = await asyncio.gather(asked[0], asked[2])

    assert {answer.json()["data"]["job"]["name"] for answer in answers} == {"build"}
    assert callers.upstream.reads == (1, 1)


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 0, 2)])
async def test_the_last_who_leaves_stops_it(callers, order):
    asked = await callers.ask_all(3)

    for number in order:
        asked[number].cancel()
        await turns(20)
    later = callers.ask()
    await until(lambda: callers.upstream.reads == (2, 2))
    callers.upstream.gate.set()

    assert (await later).json()["data"]["job"]["name"] == "build"
    assert callers.told[-1].is_joined is False


async def test_all_leave_in_one_turn(callers):
    asked = await callers.ask_all(3)

    for task in asked:
        task.cancel()
    await asyncio.gather(*asked, return_exceptions=True)
    later = callers.ask()
    await until(lambda: callers.upstream.reads == (2, 2))
    callers.upstream.gate.set()

    assert (await later).json()["data"]["job"]["name"] == "build"


@pytest.mark.parametrize(
    "other",
    [
        {"token": "glpat-two"},
        {"token": None},
        {"headers": {"sudo": "root"}},
        {"headers": {"authorization": "Bearer glpat-one"}},
        {"headers": {"cache-control": "no-cache"}},
        {"job": "8"},
        {"document": f"{READ} "},
        {"extensions": {"cost": True}},
    ],
    ids=lambda other: next(iter(other)),
)
async def test_what_differs_is_executed_by_itself(callers, other):
    first = callers.ask()
    await until(lambda: callers.upstream.reads[1])

    second = callers.ask(**other)
    await until(lambda: callers.upstream.reads[0] == 2)
    callers.upstream.gate.set()
    await asyncio.gather(first, second)

    assert [told.is_joined for told in callers.told] == [False, False]


async def test_by_the_setting_each_is_executed_by_itself():
    async with calling(shared_operations=False) as callers:
        asked = [callers.ask()]
        await until(lambda: callers.upstream.reads[1])
        asked.append(callers.ask())
        await until(lambda: callers.upstream.reads[0] == 2)
        callers.upstream.gate.set()

        await asyncio.gather(*asked)

        assert [told.is_joined for told in callers.told] == [False, False]


@pytest.mark.parametrize(
    ("settings", "team", "are_shared"),
    [
        ({}, Team(), True),
        ({}, Team(size=2), False),
        ({"kept_reads": False}, Team(), True),
        ({"kept_reads": False, "store_url": "redis://a", "store_key": "k" * 32}, Team(), False),
    ],
)
def test_nothing_is_shared_where_the_writes_of_others_are_not_known(settings, team, are_shared):
    told = Settings(upstream_url="https://gitlab.test", **settings)

    assert (flights_of(told, team, None) is not None) is are_shared


async def test_who_asks_after_a_write_joins_nothing_from_before_it(callers):
    earlier = callers.ask()
    await until(lambda: callers.upstream.reads[1])
    await callers.ask(ERASE, name=None)

    later = callers.ask()
    await until(lambda: callers.upstream.reads[0] == 2)
    callers.upstream.gate.set()

    assert (await earlier).json()["data"]["job"]["name"] == "build"
    assert (await later).json()["data"]["job"]["name"] == "erased"


async def test_the_write_of_another_credential_closes_nothing(callers):
    earlier = callers.ask()
    await until(lambda: callers.upstream.reads[1])
    await callers.ask(ERASE, token="glpat-two", name=None)

    later = callers.ask()
    await turns(300)
    callers.upstream.gate.set()
    await asyncio.gather(earlier, later)

    assert callers.upstream.reads == (1, 1)


async def test_mutations_are_never_joined(callers):
    answers = await asyncio.gather(*[callers.ask(ERASE, name=None) for _ in range(3)])

    assert {answer.status_code for answer in answers} == {200}
    assert {told.is_joined for told in callers.told} == {False}


async def test_whichever_way_it_was_asked():
    async with calling(max_batch=2) as callers:
        first = callers.ask()
        await until(lambda: callers.upstream.reads[1])
        asked = {"query": READ, "operationName": "Q", "variables": '{"job": "7"}'}
        headers = {"private-token": "glpat-one", "accept": "application/graphql-response+json"}
        second = asyncio.ensure_future(callers.http.get("/graphql", params=asked, headers=headers))
        batch = [{"query": READ, "operationName": "Q", "variables": {"job": "7"}}] * 2
        third = asyncio.ensure_future(callers.http.post("/graphql", json=batch, headers=headers))
        await turns(300)
        callers.upstream.gate.set()

        answers = await asyncio.gather(first, second, third)

        assert callers.upstream.reads == (1, 1)
        assert answers[1].headers["content-type"].startswith(headers["accept"])
        assert [answers[0].json()] * 2 == [answers[1].json(), answers[2].json()[0]]
        assert [told.is_joined for told in callers.told].count(True) == 3


async def test_operations_of_a_batch_count_together_joined_or_not():
    async with calling(max_calls=5, max_batch=3) as callers:
        first = callers.ask()
        await until(lambda: callers.upstream.reads[1])
        batch = [{"query": READ, "operationName": "Q", "variables": {"job": "7"}}] * 3
        headers = {"private-token": "glpat-one"}
        second = asyncio.ensure_future(callers.http.post("/graphql", json=batch, headers=headers))
        await turns(300)
        callers.upstream.gate.set()

        await first
        answers = (await second).json()

        codes = [
            answer.get("errors", [{}])[0].get("extensions", {}).get("code") for answer in answers
        ]
        assert codes == [None, None, "COST_EXCEEDED"]


async def test_those_who_joined_are_told_as_well_that_the_gateway_stops(callers):
    asked = await callers.ask_all(3)

    callers.gateway.cut_off()
    answers = await asyncio.gather(*asked)

    assert [answer.json()["errors"][0]["extensions"]["code"] for answer in answers] == [
        "UPSTREAM_UNAVAILABLE"
    ] * 3
    ids = {answer.json()["errors"][0]["extensions"]["requestId"] for answer in answers}
    assert ids == {answer.headers["x-request-id"] for answer in answers}
    assert {(told.outcome, told.name) for told in callers.told} == {("stopped", "Q")}


async def test_calls_that_were_made_for_another_are_told_as_shared(callers):
    asked = await callers.ask_all(3)
    callers.upstream.gate.set()
    await asyncio.gather(*asked)

    made = [call for call in callers.calls if not call.is_shared]
    shared = [call for call in callers.calls if call.is_shared]
    assert [call.route for call in made] == ["job", "pipeline"]
    assert [call.route for call in shared] == ["job", "pipeline"] * 2
    assert [call.shared_with for call in shared] == made * 2
    assert {call.status for call in shared} == {200}
    assert {call.request_id for call in shared} == {
        told.request_id for told in callers.told if told.is_joined
    }
