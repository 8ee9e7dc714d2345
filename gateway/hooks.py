"""Hooks: what the core tells of requests, operations and upstream calls, while they happen.

    class Slow(Hook):
        def call_ended(self, call: CallEvent) -> None: ...

    app = create_app(settings, Slow())

The core knows no listener. For each event it asks whether anybody listens before it makes the
event's object, so an event that nobody hears costs one look at an empty tuple:

    if hooks.call_ended:
        tell(hooks.call_ended, CallEvent(...))

A listener runs in the middle of the work that it is told of. It must return at once, and must not
raise; one that does is recorded and changes nothing for the caller.
"""

from __future__ import annotations

import logging
from functools import lru_cache
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final, Literal, TypeVar

from gateway.events import (
    CALLER_LEFT,
    WRITES,
    CallEvent,
    LimitEvent,
    OperationEvent,
    Origin,
    Outcome,
    RequestEvent,
    SubscriptionEvent,
    Trace,
    WaitEvent,
    WriteEvent,
)

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = [
    "CALLER_LEFT",
    "WRITES",
    "CallEvent",
    "Hook",
    "Hooks",
    "LimitEvent",
    "OperationEvent",
    "Origin",
    "Outcome",
    "RequestEvent",
    "SubscriptionEvent",
    "Trace",
    "WaitEvent",
    "WriteEvent",
    "document_hash",
    "tell",
]

E = TypeVar("E")

# Longer documents are rare, and hashing one costs little beside running it.
REMEMBERED_CHARACTERS: Final = 16_384

_log: Final = logging.getLogger("gateway.hooks")


class Hook:
    """A listener; override the events to be told of."""

    def operation_began(self, operation: OperationEvent) -> None:
        """A request has become an operation; its document was not looked at yet."""

    def operation_ended(self, operation: OperationEvent) -> None:
        """An operation was answered, refused, or its caller left."""

    def subscription_began(self, subscription: SubscriptionEvent) -> None:
        """A subscription was accepted. One that is refused is told as an operation."""

    def subscription_ended(self, subscription: SubscriptionEvent) -> None:
        """A subscription has come to its end, whatever it was."""

    def request_ended(self, request: RequestEvent) -> None:
        """A request that never became an operation was answered, or its caller left."""

    def call_began(self, call: CallEvent) -> None:
        """A request is about to go out to the upstream, or is answered by what is kept."""

    def call_ended(self, call: CallEvent) -> None:
        """An answer came, or none will."""

    def waited(self, wait: WaitEvent) -> None:
        """A call has waited before it could be sent."""

    def limit_exceeded(self, limit: LimitEvent) -> None:
        """A document, an operation or a response was over a limit."""


class Hooks:
    """The listeners of each event, in order; an event that nobody overrides has none."""

    __slots__ = (
        "call_began",
        "call_ended",
        "limit_exceeded",
        "operation_began",
        "operation_ended",
        "request_ended",
        "subscription_began",
        "subscription_ended",
        "waited",
    )

    def __init__(self, *hooks: Hook) -> None:
        self.operation_began = _listeners(hooks, "operation_began")
        self.operation_ended = _listeners(hooks, "operation_ended")
        self.request_ended = _listeners(hooks, "request_ended")
        self.subscription_began = _listeners(hooks, "subscription_began")
        self.subscription_ended = _listeners(hooks, "subscription_ended")
        self.call_began = _listeners(hooks, "call_began")
        self.call_ended = _listeners(hooks, "call_ended")
        self.waited = _listeners(hooks, "waited")
        self.limit_exceeded = _listeners(hooks, "limit_exceeded")


def document_hash(document: str) -> str:
    """The first 16 hexadecimal digits of a document's SHA-256, by which it is told of."""
    if len(document) > REMEMBERED_CHARACTERS:
        return _hash(document)
    return _remembered_hash(document)


def _hash(document: str) -> str:
    return sha256(document.encode(errors="replace")).hexdigest()[:16]


_remembered_hash = lru_cache(maxsize=1000)(_hash)


def tell(listeners: tuple[Callable[[E], None], ...], event: E) -> None:
    """Tell each listener of an event."""
    for listener in listeners:
        try:
            listener(event)
        except Exception:  # noqa: BLE001 - a listener's fault must not be the caller's
            _log.exception("a hook failed: %s", getattr(listener, "__qualname__", listener))


def _listeners(
    hooks: tuple[Hook, ...],
    name: Literal[
        "operation_began",
        "operation_ended",
        "request_ended",
        "subscription_began",
        "subscription_ended",
        "call_began",
        "call_ended",
        "waited",
        "limit_exceeded",
    ],
) -> tuple[Callable[[Any], None], ...]:
    return tuple(
        getattr(hook, name)
        for hook in hooks
        if getattr(type(hook), name) is not getattr(Hook, name)
    )
