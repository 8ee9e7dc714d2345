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
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Final, Literal, TypeVar

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = [
    "CALLER_LEFT",
    "WRITES",
    "CallEvent",
    "Hook",
    "Hooks",
    "OperationEvent",
    "RequestEvent",
    "SubscriptionEvent",
    "WriteEvent",
    "tell",
]

E = TypeVar("E")

# The status of a request whose caller left, as nginx counts it; nobody receives it.
CALLER_LEFT: Final = 499

_log: Final = logging.getLogger("gateway.hooks")


class WriteEvent:
    """One write that an operation asked for: an action on a job (or bridge) of a project, or on a
    pipeline, as the caller named it; the other one of the two is None.

    `outcome` is DONE, the codes of its `userErrors`, the code of the error in its place, or
    UNFINISHED where its caller left, or the gateway stopped, before an answer came. `made` is the
    number of the new attempt, where one was made and told.
    """

    __slots__ = ("action", "job", "made", "outcome", "pipeline", "project")

    def __init__(
        self, action: str, project: int | str, job: int | None, pipeline: int | None = None
    ) -> None:
        self.action = action
        self.project = project
        self.job = job
        self.pipeline = pipeline
        self.outcome = "UNFINISHED"
        self.made: int | None = None


# The writes of the operation that runs; None where nobody listens.
WRITES: Final[ContextVar[list[WriteEvent] | None]] = ContextVar("WRITES", default=None)


class OperationEvent(Struct, eq=False):
    """One operation, from its request to its response; the same object for both events.

    What is not known yet when it begins has its default. `caller` is the credential's fingerprint,
    `document` the text, `began` when its request began to arrive, by `perf_counter`. `status` is
    the carrier's for its response: 499 where the caller left before it, 0 where the gateway stopped
    before it or the carrier has none. `codes` are the distinct `extensions.code`s of its errors, in
    order, `writes` what it wrote, in order. `notes` is the listeners' own, keyed by the listener.
    """

    request_id: str
    carrier: str
    began: float
    method: str = ""
    document: str | None = None
    caller: str | None = None
    name: str | None = None
    type: str | None = None
    status: int = 0
    codes: tuple[str, ...] = ()
    duration_s: float = 0.0
    size_bytes: int = 0
    estimated: int = 0
    calls: int = 0
    shared: int = 0
    cached: int = 0
    retried: int = 0
    writes: tuple[WriteEvent, ...] = ()
    _notes: dict[object, Any] | None = None

    @property
    def notes(self) -> dict[object, Any]:
        """What listeners note on it."""
        if self._notes is None:
            self._notes = {}
        return self._notes

    def ended_as(self, end: OperationEvent) -> OperationEvent:
        """The same object, with what is known at the end."""
        for name in self.__struct_fields__:
            if name != "_notes":
                setattr(self, name, getattr(end, name))
        return self


class RequestEvent:
    """One request that never became an operation: refused, a preflight, a page, or its caller left
    while it arrived. Attributes are as those of an operation.
    """

    __slots__ = (
        "began",
        "carrier",
        "codes",
        "duration_s",
        "method",
        "notes",
        "request_id",
        "size_bytes",
        "status",
    )

    def __init__(self, request_id: str, carrier: str, began: float) -> None:
        self.request_id = request_id
        self.carrier = carrier
        self.began = began
        self.method = ""
        self.status = 0
        self.codes: tuple[str, ...] = ()
        self.duration_s = 0.0
        self.size_bytes = 0
        self.notes: dict[object, Any] = {}


class SubscriptionEvent(Struct, eq=False):
    """One subscription, from its acceptance to its end; the same object for both events.

    `field` is the root field it selects, `events` the responses so far, `missed` the states that
    were left out of them; calls and bytes are those of all events together, without polling, which
    is shared. `ending` is why it ended: "complete" with its subject, "left" by its caller,
    "stopped" with the gateway, "revoked" with its credential. `began` is by `perf_counter`.
    """

    request_id: str
    carrier: str
    began: float
    document: str = ""
    caller: str | None = None
    name: str | None = None
    field: str = ""
    estimated: int = 0
    ending: Literal["complete", "left", "stopped", "revoked"] = "left"
    codes: tuple[str, ...] = ()
    duration_s: float = 0.0
    size_bytes: int = 0
    events: int = 0
    missed: int = 0
    calls: int = 0
    shared: int = 0
    cached: int = 0
    retried: int = 0


class CallEvent:
    """One request to the upstream; the same object for both events.

    `route` is the stable name of its `Route`, `attempt` counts from 1. `status` is 0 where no
    answer came, and `error` then the code of the error it means, `cause` its cause where that is
    known (`gateway.upstream.causes.Cause`). `size_bytes` is 0 for streams. One that `is_kept` never
    went out: an answer from before was given again.
    """

    __slots__ = (
        "attempt",
        "began",
        "cause",
        "duration_s",
        "error",
        "is_kept",
        "method",
        "notes",
        "request_id",
        "route",
        "size_bytes",
        "status",
    )

    def __init__(
        self,
        route: str,
        method: str,
        request_id: str,
        began: float,
        *,
        attempt: int = 1,
        is_kept: bool = False,
    ) -> None:
        self.route = route
        self.method = method
        self.request_id = request_id
        self.began = began
        self.attempt = attempt
        self.is_kept = is_kept
        self.status = 0
        self.error: str | None = None
        self.cause: str | None = None
        self.duration_s = 0.0
        self.size_bytes = 0
        self.notes: dict[object, Any] = {}


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


class Hooks:
    """The listeners of each event, in order; an event that nobody overrides has none."""

    __slots__ = (
        "call_began",
        "call_ended",
        "operation_began",
        "operation_ended",
        "request_ended",
        "subscription_began",
        "subscription_ended",
    )

    def __init__(self, *hooks: Hook) -> None:
        self.operation_began = _listeners(hooks, "operation_began")
        self.operation_ended = _listeners(hooks, "operation_ended")
        self.request_ended = _listeners(hooks, "request_ended")
        self.subscription_began = _listeners(hooks, "subscription_began")
        self.subscription_ended = _listeners(hooks, "subscription_ended")
        self.call_began = _listeners(hooks, "call_began")
        self.call_ended = _listeners(hooks, "call_ended")


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
    ],
) -> tuple[Callable[[Any], None], ...]:
    return tuple(
        getattr(hook, name)
        for hook in hooks
        if getattr(type(hook), name) is not getattr(Hook, name)
    )
