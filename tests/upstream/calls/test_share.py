"""Equal calls under way are one: who is served by which, and who never is."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.errors import NotFound, UpstreamTimeout
from gateway.slate import Slate
from gateway.upstream import routes
from gateway.upstream.calls import Call
from gateway.upstream.calls.admission import Share
from gateway.upstream.credential import Credential
from gateway.upstream.entities import Job
from gateway.upstream.pruning import readers_of
from gateway.upstream.salvage import is_salvaged
from gateway.upstream.scope import CallScope
from gateway.upstream.wire import Answer, ConnectionBroken
from tests.harness.driven import drive
from tests.harness.turns import turns

pytestmark = pytest.mark.anyio


class Held:
    """A layer whose answers come when a test gives them; `calls` are those that were sent."""

    def __init__(self):
        self.calls = []
        self.stopped = []
        self._answers = []

    async def send(self, call):
        answer = asyncio.get_running_loop().create_future()
        self.calls.append(call)
        self._answers.append(answer)
        call.scope.tally.calls += 1
        try:
            return await answer
        except asyncio.CancelledError:
            self.stopped.append(call)
            raise

    def answer(self, number=0, body=b"{}"):
        self._answers[number].set_result(Answer(200, {}.get, body))

    def fail(self, error, number=0):
        self._answers[number].set_exception(error)


def scope(token="one", seconds=30.0, **options):
    credential = None if token is None else Credential("PRIVATE-TOKEN", token)
    deadline = asyncio.get_running_loop().time() + seconds
    return CallScope(credential, deadline, f"of {token}", **options)


def read(share, its_scope, job_id=7):
    return asyncio.ensure_future(share.send(Call.of(its_scope, routes.JOB, 1, job_id)))


def write(share, its_scope, job_id=7):
    return asyncio.ensure_future(share.send(Call.of(its_scope, routes.RETRY, 1, job_id)))


class TestReads:
    async def test_that_are_equal_are_one_call(self):
        held = Held()
        share = Share(held)
        scopes = [scope() for _ in range(200)]
        reads = [read(share, its_scope) for its_scope in scopes]
        await turns()
        held.answer()

        answers = await asyncio.gather(*reads)

        assert len(held.calls) == 1
        assert len({id(answer) for answer in answers}) == 1
        assert [its_scope.tally.calls for its_scope in scopes] == [1] + [0] * 199
        assert [its_scope.tally.shared for its_scope in scopes] == [0] + [1] * 199

    async def test_of_other_credentials_or_targets_are_their_own(self):
        held = Held()
        share = Share(held)
        scopes = [scope("one"), scope("two"), scope(None), scope("one"), scope(None)]
        reads = [read(share, its_scope) for its_scope in scopes]
        reads.append(read(share, scope("one"), job_id=8))
        await turns()
        for number in range(4):
            held.answer(number, b"%d" % number)

        bodies = [answer.body for answer in await asyncio.gather(*reads)]

        assert bodies == [b"0", b"1", b"2", b"0", b"2", b"3"]

    async def test_are_sent_with_the_first_askers_request_id(self):
        held = Held()
        share = Share(held)
        first, second = scope(), scope()
        first.request_id = "first"
        reads = [read(share, first), read(share, second)]
        await turns()
        held.answer()
        await asyncio.gather(*reads)

        assert [call.scope.request_id for call in held.calls] == ["first"]

    async def test_that_are_answered_serve_nobody_any_more(self):
        held = Held()
        share = Share(held)
        for number in range(2):
            asked = read(share, scope())
            await turns()
            held.answer(number)
            await asked

        assert len(held.calls) == 2
        assert share._flights == {}

    async def test_that_fail_fail_for_all_who_wait(self):
        held = Held()
        share = Share(held)
        reads = [read(share, scope()) for _ in range(3)]
        await turns()
        held.fail(NotFound("not there", endpoint="GET"))

        outcomes = await asyncio.gather(*reads, return_exceptions=True)

        assert [type(outcome) for outcome in outcomes] == [NotFound] * 3
        assert share._flights == {}

    async def test_of_streams_are_never_shared(self, over, answer):
        it = over(answer(b"log"))

        async with it.client.trace(it.scope(), 1, 7), it.client.trace(it.scope(), 1, 7):
            pass

        assert len(it.wire.sent) == 2

    async def test_of_who_must_be_alone_join_nobody_and_are_joined_by_nobody(self):
        held = Held()
        share = Share(held)
        reads = [read(share, scope()), read(share, scope(alone=True)), read(share, scope())]
        await turns()

        assert len(held.calls) == 2
        for number, call in enumerate(held.calls):
            held.answer(number, b"alone" if call.scope.alone else b"shared")
        bodies = [answer.body for answer in await asyncio.gather(*reads)]
        assert bodies == [b"shared", b"alone", b"shared"]


class TestWaiters:
    @pytest.mark.parametrize("leaving", [0, 1, 2])
    async def test_one_who_leaves_harms_no_other(self, leaving):
        held = Held()
        share = Share(held)
        reads = [read(share, scope()) for _ in range(3)]
        await turns()

        reads.pop(leaving).cancel()
        await turns()
        held.answer()

        assert len(await asyncio.gather(*reads)) == 2
        assert held.stopped == []

    async def test_the_last_one_stops_the_call(self):
        held = Held()
        share = Share(held)
        reads = [read(share, scope()) for _ in range(3)]
        await turns()

        for asked in reads:
            assert held.stopped == []
            asked.cancel()
            await turns()

        assert len(held.stopped) == 1
        assert share._flights == {}

    async def test_who_comes_after_the_last_one_left_is_not_stopped_with_it(self):
        held = Held()
        share = Share(held)
        left = read(share, scope())
        await turns()
        left.cancel()
        await asyncio.gather(left, return_exceptions=True)
        asked = read(share, scope())
        await turns()
        held.answer(1)

        assert (await asked).status == 200

    async def test_have_their_own_deadlines_and_the_call_has_the_latest(self):
        held = Held()
        share = Share(held)
        short, long = read(share, scope(seconds=0.01)), read(share, scope(seconds=30))

        with pytest.raises(UpstreamTimeout, match="did not answer in time"):
            await short
        assert held.stopped == []
        left_s = held.calls[0].scope.deadline - asyncio.get_running_loop().time()
        assert 20 < left_s <= 30
        held.answer()
        assert (await long).status == 200

    def test_end_at_each_waiters_own_deadline_whatever_the_order(self):
        async def ends_at(share, seconds, job_id):
            with pytest.raises(UpstreamTimeout, match="did not answer in time"):
                await read(share, scope(seconds=seconds), job_id)
            return asyncio.get_running_loop().time()

        async def ended():
            share, began = Share(Held()), asyncio.get_running_loop().time()
            asked = [ends_at(share, s, s % 2) for s in (20, 5, 30, 10, 5)]
            first = [at - began for at in await asyncio.gather(*asked)]
            # With nobody waiting in between.
            return [*first, await ends_at(share, 7, 1) - began]

        assert drive(ended()) == pytest.approx([20, 5, 30, 10, 5, 37], abs=0.01)

    async def test_calls_after_the_first_asker_left_count_for_one_who_stayed(self):
        held = Held()
        share = Share(held)
        first, second = scope(), scope()
        leaving, staying = read(share, first), read(share, second)
        await turns()
        leaving.cancel()
        await turns()

        held.calls[0].scope.tally.calls += 1
        held.answer()
        await staying

        assert (first.tally.calls, second.tally.calls) == (1, 1)

    async def test_decode_each_for_itself(self, over, answer):
        async def slow(_):
            await turns()
            return answer({"id": 7, "status": 7, "name": "build"})

        it = over(slow)
        only_names = readers_of(frozenset({(Job, frozenset({"name"}))}))
        read: Any = await asyncio.gather(
            it.client.job(it.scope(), 1, 7, readers=only_names),
            it.client.job(it.scope(), 1, 7),
        )

        pruned, whole = read
        assert len(it.wire.sent) == 1
        assert pruned.name == whole.name == "build"
        assert is_salvaged(whole)
        assert not is_salvaged(pruned)


class TestOwnWrites:
    async def test_are_seen_by_who_asks_after_them(self):
        held = Held()
        share = Share(held)
        before = read(share, scope())
        await turns()
        wrote = write(share, scope())
        await turns()
        during = read(share, scope())
        await turns()
        assert len(held.calls) == 2
        held.answer(1)
        await wrote

        after = read(share, scope())
        await turns()
        for number, body in ((0, b"old"), (2, b"new")):
            held.answer(number, body)
        assert [(await asked).body for asked in (before, during, after)] == [b"old", b"old", b"new"]
        assert share._flights == {}

    async def test_count_however_they_end(self):
        held = Held()
        share = Share(held)
        before = read(share, scope())
        await turns()
        wrote = write(share, scope())
        await turns()
        held.fail(ConnectionBroken("lost"), 1)
        with pytest.raises(ConnectionBroken):
            await wrote

        after = read(share, scope())
        await turns()

        assert len(held.calls) == 3
        for asked in (before, after):
            asked.cancel()
        await asyncio.gather(before, after, return_exceptions=True)

    async def test_close_no_flights_of_others(self):
        held = Held()
        share = Share(held)
        others = [read(share, scope("two"))]
        await turns()
        wrote = write(share, scope("one"))
        await turns()
        held.answer(1)
        await wrote
        others.append(read(share, scope("two")))
        await turns()

        assert len(held.calls) == 2
        held.answer(0)
        await asyncio.gather(*others)


class Versions:
    """An upstream with one number, which each write raises as it is answered. A read is answered
    with the number that there was when it was sent.
    """

    def __init__(self):
        self.number = 0
        self._open = []

    async def send(self, call):
        seen = self.number
        answer = asyncio.get_running_loop().create_future()
        self._open.append(answer)
        await answer
        if not call.route.is_read:
            self.number += 1
            seen = self.number
        return Answer(200, {}.get, b"%d" % seen)

    def answer(self, number):
        """Answer one of the calls under way; False without any."""
        if self._open:
            answer = self._open.pop(number % len(self._open))
            if not answer.done():
                answer.set_result(None)
            return True
        return False


class Callers:
    """Two credentials that read and write one job; a read must not be older than the last write of
    its credential that had been answered when it began.
    """

    def __init__(self):
        self.upstream = Versions()
        self.share = Share(self.upstream)
        self.tasks = []
        self._written = {"one": 0, "two": 0}

    def read(self, number):
        token = ("one", "two")[number % 2]
        self.tasks.append(asyncio.ensure_future(self._read(token, self._written[token])))

    def write(self, number):
        token = ("one", "two")[number % 2]
        self.tasks.append(asyncio.ensure_future(self._write(token)))

    def answer(self, number):
        self.upstream.answer(number)

    def leave(self, number):
        if self.tasks:
            self.tasks[number % len(self.tasks)].cancel()

    async def _read(self, token, at_least):
        answer = await self.share.send(Call.of(scope(token), routes.JOB, 1, 7))
        assert int(answer.body) >= at_least

    async def _write(self, token):
        answer = await self.share.send(Call.of(scope(token), routes.RETRY, 1, 7))
        self._written[token] = max(self._written[token], int(answer.body))

    async def end(self):
        while self.upstream.answer(0) or not all(task.done() for task in self.tasks):
            await turns()
        for outcome in await asyncio.gather(*self.tasks, return_exceptions=True):
            assert outcome is None or isinstance(outcome, asyncio.CancelledError)


STEPS = st.tuples(
    st.sampled_from([Callers.read, Callers.read, Callers.write, Callers.answer, Callers.leave]),
    st.integers(0, 5),
    # Turns of the loop before the next step.
    st.integers(0, 4),
)


@settings(deadline=None, max_examples=200)
@given(st.lists(STEPS, max_size=40))
def test_no_read_is_older_than_a_write_that_was_answered_before_it(steps):
    async def follow():
        callers = Callers()
        for step, number, wait in steps:
            step(callers, number)
            await turns(wait)
        await callers.end()
        assert callers.share._flights == {}
        assert callers.share._writes == {}

    asyncio.run(follow())


class TestWritesOfOtherWorkers:
    @pytest.fixture
    def changes(self):
        slate = Slate.make(2)
        yield slate.changes()
        slate.close()

    async def test_have_who_reads_after_them_read_anew(self, changes):
        held, elsewhere = Held(), Held()
        share, others = Share(held, changes=changes), Share(elsewhere, changes=changes)
        before = read(share, scope())
        await turns()
        written = write(others, scope())
        await turns()
        elsewhere.answer()
        await written

        after, another = read(share, scope()), read(share, scope("two"))
        joined = read(share, scope())
        await turns()

        assert len(held.calls) == 3
        for number in range(3):
            held.answer(number)
        await asyncio.gather(before, after, another, joined)
