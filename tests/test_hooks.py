"""Hooks: who is told of what, and what a failing listener changes."""

from __future__ import annotations

import logging

from gateway.hooks import CallEvent, Hook, Hooks, OperationEvent, tell


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
