"""What the core tells of: requests, operations, calls, waits and limits, as `gateway.hooks` say."""

from __future__ import annotations

from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "CALLER_LEFT",
    "WRITES",
    "CallEvent",
    "LimitEvent",
    "OperationEvent",
    "Origin",
    "Outcome",
    "RequestEvent",
    "SubscriptionEvent",
    "Trace",
    "WaitEvent",
    "WriteEvent",
]

# The status of a request whose caller left, as nginx counts it; nobody receives it.
CALLER_LEFT: Final = 499

# What became of an operation:
#
#     ok         it was executed, without an error
#     partial    it was executed, with errors
#     refused    it cannot be executed: document, variables, limits
#     busy       the caller has as many operations running as they may
#     failed     it met a bug of ours
#     stopped    the gateway stopped first, or was not done in time
#     left       the caller left first
Outcome: TypeAlias = Literal["ok", "partial", "refused", "busy", "failed", "stopped", "left"]


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


class Trace(Struct, frozen=True):
    """Where something stands in a distributed trace (W3C Trace Context): hexadecimal ids. `span_id`
    is empty where nothing of the gateway's own is traced.
    """

    trace_id: str
    span_id: str = ""


class Origin(Struct, frozen=True):
    """What a request tells of where it came from, beside its credential.

    `address` is the caller's, empty where it is not told (`GATEWAY_TRUSTED_PROXIES`); `client` and
    `client_version` are the program's as it calls itself. `passed` are the headers that go on to
    the upstream as they came: `traceparent`, which is well formed, and `tracestate`.
    """

    address: str = ""
    client: str = ""
    client_version: str = ""
    passed: Mapping[str, str] | None = None

    @property
    def trace(self) -> Trace | None:
        """The trace that the caller takes part in."""
        return None if self.passed is None else Trace(self.passed["traceparent"].split("-")[1])


class _Noted(Struct, eq=False, kw_only=True):
    """What listeners may note something on. Most note nothing, so there is no dictionary until one
    does.
    """

    _notes: dict[object, Any] | None = None

    @property
    def notes(self) -> dict[object, Any]:
        """What listeners note on it."""
        if self._notes is None:
            self._notes = {}
        return self._notes


class OperationEvent(_Noted, eq=False):
    """One operation, from its request to its response; the same object for both events.

    What is not known yet when it begins has its default. `caller` is the credential's fingerprint,
    `document` the text, `began` when its request began to arrive, by `perf_counter`. `status` is
    the carrier's for its response: 499 where the caller left before it, 0 where the gateway stopped
    before it or the carrier has none. `codes` are the distinct `extensions.code`s of its errors, in
    order, `writes` what it wrote, in order. `trusted` is its document's id among the trusted ones,
    None where it is a free one. One that `is_joined` was executed together with an equal one, for
    which its calls are counted; for it they are `shared`. `trace` is for whoever traces to set,
    when it begins. `notes` is the listeners' own, keyed by the listener.
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
    trusted: str | None = None
    outcome: Outcome = "left"
    origin: Origin | None = None
    is_joined: bool = False
    trace: Trace | None = None

    def ended_as(self, end: OperationEvent) -> OperationEvent:
        """The same object, with what is known at the end."""
        for name in self.__struct_fields__:
            if name not in {"_notes", "trace"}:
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


class SubscriptionEvent(_Noted, eq=False):
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
    trusted: str | None = None
    origin: Origin | None = None
    trace: Trace | None = None


class CallEvent(_Noted, eq=False):
    """One request to the upstream; the same object for both events.

    `route` is the stable name of its `Route`, `attempt` counts from 1. `status` is 0 where no
    answer came, and `error` then the code of the error it means, `cause` its cause where that is
    known (`gateway.upstream.causes.Cause`). `size_bytes` is 0 for streams. `operation` is that for
    which it is made, None for a poll. When it begins a listener may set `headers` that it sends as
    well.

    One that `is_kept` never went out: an answer from before was given again. Nor did one that
    `is_shared`: its operation waited for the answer to another one's call, which is
    `shared_with` where one was made.
    """

    route: str
    method: str
    request_id: str
    began: float
    attempt: int = 1
    operation: OperationEvent | SubscriptionEvent | None = None
    is_kept: bool = False
    is_shared: bool = False
    status: int = 0
    error: str | None = None
    cause: str | None = None
    duration_s: float = 0.0
    size_bytes: int = 0
    headers: dict[str, str] | None = None
    shared_with: CallEvent | None = None
    trace: Trace | None = None


class WaitEvent(Struct, eq=False):
    """A call that had to wait, told when it has waited, whether or not its turn came.

    `reason` is what for: "room" among the calls of its operation, "pace" (what the upstream's
    limits leave its credential), "place" (its credential's share of the connections), "retry" (the
    pause before it is sent again). `began` is by `perf_counter`.
    """

    reason: Literal["room", "pace", "place", "retry"]
    route: str
    request_id: str
    began: float
    duration_s: float
    operation: OperationEvent | SubscriptionEvent | None = None


class LimitEvent(Struct, frozen=True, eq=False):
    """Something was over a limit of the gateway's. `limit` is the name of its setting
    (`max_calls`). It was refused, or recorded only (`GATEWAY_LIMITS=measure`).
    """

    limit: str
    is_refused: bool
