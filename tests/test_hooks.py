"""Hooks: who is told of what, and what a failing listener changes."""

from __future__ import annotations

import inspect
import logging
from hashlib import sha256

import pytest

from gateway import errors
from gateway.app import Gateway
from gateway.execution.telling import OF_LIMITS
from gateway.hooks import CallEvent, Hook, Hooks, OperationEvent, Trace, document_hash, tell
from gateway.settings import Settings
from gateway.transport.records import Records
from tests.harness.app import caller_of


class Heard(Hook):
    def __init__(self):
        self.calls = []

    def call_ended(self, call):
        self.calls.append(call)


class Failing(Hook):
    def call_ended(self, call):
        raise ValueError(call.route)


def test_an_event_that_nobody_overrides_has_no_listener():
    hooks = Hooks(Heard(), Hook())

    assert hooks.call_began == hooks.operation_began == hooks.operation_ended == ()
    assert len(hooks.call_ended) == 1


def test_listeners_are_told_in_order_of_the_same_event():
    first, second = Heard(), Heard()
    event = CallEvent("job", "GET", "r-1", 0.0)

    tell(Hooks(first, second).call_ended, event)

    assert first.calls == second.calls == [event]


def test_a_failing_listener_is_recorded_and_the_next_one_told(caplog):
    heard = Heard()

    with caplog.at_level(logging.ERROR):
        tell(Hooks(Failing(), heard).call_ended, CallEvent("job", "GET", "r-1", 0.0))

    assert len(heard.calls) == 1
    assert "Failing.call_ended" in caplog.text


def test_an_operation_has_defaults_for_what_is_not_known_yet():
    operation = OperationEvent("r-1", "http", 1.0)

    assert (operation.caller, operation.status, operation.codes) == (None, 0, ())


def test_an_operation_ends_as_it_began_but_for_what_listeners_set():
    began, end = OperationEvent("r-1", "http", 1.0), OperationEvent("r-1", "http", 1.0)
    began.trace = Trace("a" * 32, "b" * 16)
    began.notes["mine"] = 1
    end.outcome = "ok"

    ended = began.ended_as(end)

    assert ended is began
    assert (ended.outcome, ended.trace, ended.notes) == (
        "ok",
        Trace("a" * 32, "b" * 16),
        {"mine": 1},
    )


def test_a_document_is_told_by_the_start_of_its_hash():
    documents = ("{ a }", "{ b }" + " " * 20_000)

    told = [document_hash(document) for document in documents]

    assert told == [sha256(document.encode()).hexdigest()[:16] for document in documents]
    assert document_hash("\ud800")


class Limited(Hook):
    def __init__(self):
        self.heard = []

    def limit_exceeded(self, limit):
        self.heard.append((limit.limit, limit.is_refused))

    def waited(self, wait):
        self.heard.append((wait.reason, wait.route))


@pytest.mark.anyio
async def test_waits_are_told_of_calls_that_had_to(sandbox_server):
    heard = Limited()
    gateway = Gateway(
        Settings(upstream_url=sandbox_server.url, max_calls_in_flight=1, max_calls=5),
        Records(lambda _: None),
        heard,
    )
    query = '{ a: project(id: "1") { fullPath } b: project(id: "6") { fullPath } }'
    nested = '{ project(id: "1") { jobs { nodes { pipeline { jobs { nodes { name } } } } } } }'

    async with gateway.running(), caller_of(gateway) as caller:
        for document in (query, nested):
            await caller.post(
                "/graphql",
                json={"query": document},
                headers={"private-token": sandbox_server.tokens["developer"]},
            )

    assert heard.heard == [("room", "project"), ("max_calls", True)]


def test_the_codes_of_all_limits_are_known():
    of_limits = {
        kind.code
        for kind in vars(errors).values()
        if isinstance(kind, type)
        and issubclass(kind, errors.GatewayError)
        and "(GATEWAY_MAX_" in inspect.getsource(kind)
    }

    assert of_limits <= OF_LIMITS
    assert len(of_limits) >= 3
