"""Whoever leaves or writes, nobody waits in vain or is told what is old."""

from __future__ import annotations

import asyncio

from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.execution.flights import Flights
from gateway.execution.response import GraphQLResponse
from gateway.upstream.credential import owner_of
from tests.execution.flying import ASKED, ONE, PREPARED, TWO, key, scope_of
from tests.harness.turns import turns


class Asked:
    """Two credentials that ask one question, each answer of two reads one after the other, and
    write; no read may be older than the last write of its credential that had ended when it began,
    and nobody is told that somebody else has left.
    """

    def __init__(self):
        self.flights = Flights()
        self.written = {ONE: 0, TWO: 0}
        self.seen = {}
        self.tasks = []
        self.open = []

    def ask(self, number):
        credential = (ONE, TWO)[number % 2]
        self.tasks.append(asyncio.ensure_future(self._ask(credential)))

    def write(self, number):
        credential = (ONE, TWO)[number % 2]
        self.written[credential] += 1
        self.flights.close(owner_of(credential))

    def answer(self, number):
        if self.open:
            answer = self.open.pop(number % len(self.open))
            if not answer.done():
                answer.set_result(None)

    def leave(self, number):
        if self.tasks:
            self.tasks[number % len(self.tasks)].cancel()

    async def _ask(self, credential):
        at_least, scope = self.written[credential], scope_of(credential)
        asked = key(ASKED, credential)
        flight = self.flights.find(asked)
        if flight is None:
            landing = self._execute(credential, scope)
            flight = self.flights.begin(asked, scope, PREPARED, ASKED.query, landing)
        landed = await flight.wait(scope, scope.deadline)
        assert landed.data["of"] is credential
        assert landed.data["seen"] >= at_least
        assert scope.tally.calls + scope.tally.shared == 2

    async def _execute(self, credential, scope):
        seen = self.written[credential]
        for _ in range(2):
            scope.tally.calls += 1
            answer = asyncio.get_running_loop().create_future()
            self.open.append(answer)
            await answer
            await asyncio.sleep(0)
        return GraphQLResponse("executed", scope.tally, {"of": credential, "seen": seen})

    async def end(self):
        while not all(task.done() for task in self.tasks):
            self.answer(0)
            await turns()
        for outcome in await asyncio.gather(*self.tasks, return_exceptions=True):
            assert outcome is None or isinstance(outcome, asyncio.CancelledError)


STEPS = st.tuples(
    st.sampled_from([Asked.ask, Asked.ask, Asked.write, Asked.answer, Asked.leave]),
    st.integers(0, 5),
    # Turns of the loop before the next step.
    st.integers(0, 3),
)


@settings(deadline=None, max_examples=200)
@given(st.lists(STEPS, max_size=40))
def test_whoever_leaves_or_writes_nobody_waits_in_vain_or_is_told_what_is_old(steps):
    async def follow():
        asked = Asked()
        for step, number, wait in steps:
            step(asked, number)
            await turns(wait)
        async with asyncio.timeout(20):
            await asked.end()
        await turns(10)
        assert asked.flights.open == {}
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(follow())
