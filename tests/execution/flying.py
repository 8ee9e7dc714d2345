"""Executions that are joined, and who joins them."""

from __future__ import annotations

import asyncio
from typing import Any

from gateway.execution.flights import key_of
from gateway.execution.request import Caller, Carrier, GraphQLRequest
from gateway.execution.response import GraphQLResponse
from gateway.upstream.credential import Credential
from gateway.upstream.scope import CallScope
from tests.harness.turns import turns

__all__ = [
    "ASKED",
    "ONE",
    "PREPARED",
    "TWO",
    "Bug",
    "Execution",
    "begin",
    "caller_of",
    "join",
    "key",
    "scope_of",
]

ONE, TWO = Credential("PRIVATE-TOKEN", "glpat-one"), Credential("PRIVATE-TOKEN", "glpat-two")
ASKED = GraphQLRequest("{ job }", None, {"id": 1})
# What the flight only hands on.
PREPARED: Any = None


class Bug(Exception):
    """What nobody foresaw."""


def caller_of(credential=ONE):
    return Caller(Carrier("http"), credential, "an id", 0.0, 0.0)


def scope_of(credential=ONE, seconds=10.0):
    now = asyncio.get_running_loop().time()
    return CallScope(credential, now + seconds, f"of {seconds} s")


def key(request=ASKED, credential=ONE):
    return key_of(request, caller_of(credential))


class Execution:
    """One that makes two calls in its scope, each answered when a test says so."""

    def __init__(self, scope):
        self.scope = scope
        self.answers = []
        self.ended = None

    async def run(self):
        try:
            for _ in range(2):
                self.scope.tally.calls += 1
                answer = asyncio.get_running_loop().create_future()
                self.answers.append(answer)
                await answer
        except BaseException as error:
            self.ended = type(error)
            raise
        self.ended = None
        return GraphQLResponse("executed", self.scope.tally, {"job": 1})

    async def answer(self):
        for number in range(2):
            self.answers[number].set_result(None)
            await turns(3)


def begin(flights, scope, execution=None):
    """A flight of what is asked, its execution, and what becomes of who began it."""
    execution = execution or Execution(scope)
    flight = flights.begin(key(), scope, PREPARED, ASKED.query, execution.run())
    return flight, execution, asyncio.ensure_future(flight.wait(scope, scope.deadline))


def join(flight, scope):
    return asyncio.ensure_future(flight.wait(scope, scope.deadline))
