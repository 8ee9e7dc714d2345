"""What a round's calls came to, kept so that others can go through the same round without a call.

    leads     call ──► Retelling ──► upstream       what comes is noted, by target
    follows   call ──► Retelling ──► what was told  the same answers and errors, decoded as ever

An answer that is told again under the same name has not changed: the follower is told "not
modified", as by the upstream.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING, Final, TypeAlias

import msgspec
from msgspec import Struct, field

import gateway.errors as errors
from gateway.errors import UpstreamError
from gateway.upstream.calls import NotModified
from gateway.upstream.scope import CallScope
from gateway.upstream.wire import Answer

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from gateway.upstream.calls import Call, Layer

__all__ = ["NotTold", "Retelling", "RoundScope", "Tellable", "Told", "ToldError", "index_of"]

# What a page of a list is read by, beside its body.
HEADERS: Final = ("content-type", "link", "x-next-page", "x-per-page", "x-total")


class NotTold(Exception):
    """Who read the subject did not read this of it."""


class ToldError(Struct, frozen=True, array_like=True, omit_defaults=True):
    """An `UpstreamError`, as it travels."""

    kind: str
    message: str
    endpoint: str | None = None
    status: int | None = None
    upstream_request_id: str | None = None
    reason: str | None = None
    retry_after_s: float | None = None
    cause: str | None = None
    is_foreign: bool = False

    @classmethod
    def of(cls, error: UpstreamError) -> ToldError:
        """What is told of an error."""
        return cls(
            type(error).__name__,
            error.message,
            error.endpoint,
            error.status,
            error.upstream_request_id,
            error.reason,
            error.retry_after_s,
            None if error.cause is None else str(error.cause),
            error.is_foreign,
        )

    def again(self) -> UpstreamError:
        """The error, for one more who is told."""
        kind = getattr(errors, self.kind, UpstreamError)
        error: UpstreamError = kind(
            self.message,
            endpoint=self.endpoint,
            status=self.status,
            upstream_request_id=self.upstream_request_id,
            reason=self.reason,
            retry_after_s=self.retry_after_s,
            cause=self.cause,
        )
        error.is_foreign = self.is_foreign
        return error


class Told(Struct, array_like=True):
    """The index of a round: by target the names of parts, which are answers, and the errors that
    stand in their place. `fault` is why there is nothing, `extent` a word for what was read.
    """

    parts: dict[str, str] = field(default_factory=dict)
    errors: dict[str, ToldError] = field(default_factory=dict)
    fault: ToldError | None = None
    extent: str = ""


class Tellable(Struct):
    """An answer that was read or taken in: the name that it was told by, and what it is like."""

    name: str
    digest: bytes


class _Part(Struct, array_like=True):
    headers: dict[str, list[str]]
    body: bytes


_encode = msgspec.msgpack.Encoder().encode
_part_in = msgspec.msgpack.Decoder(_Part).decode

Outcome: TypeAlias = "bytes | ToldError | None"


class RoundScope(CallScope, eq=False, kw_only=True):
    """The scope of a round of one who leads or follows. `outcomes` are what its calls came to, by
    target: an answer that can be told, an error, None for what has not been modified. Who follows
    has what was `retold`; `part` brings a part, `known` are those that were taken in before.
    """

    outcomes: dict[str, Outcome] = field(default_factory=dict)
    retold: Told | None = None
    part: Callable[[str], Awaitable[bytes | None]] | None = None
    known: dict[str, Tellable] = field(default_factory=dict)


class Retelling:
    """The layer above all others: of a round that leads it notes what its calls come to, to one
    that follows it tells what was told. Streams pass by.
    """

    def __init__(self, below: Layer) -> None:
        self._below = below

    async def send(self, call: Call) -> Answer:
        scope = call.scope
        if not isinstance(scope, RoundScope) or call.stack is not None:
            return await self._below.send(call)
        if scope.retold is not None:
            return await _told(scope, scope.retold, call.target)
        try:
            answer = await self._below.send(call)
        except NotModified:
            scope.outcomes[call.target] = None
            raise
        except UpstreamError as error:
            scope.outcomes[call.target] = ToldError.of(error)
            raise
        scope.outcomes[call.target] = _tellable(answer)
        return answer


def digest_of(part: bytes) -> bytes:
    """By which two answers are known to be the same."""
    return blake2b(part, digest_size=16).digest()


def index_of(
    number: int, outcomes: dict[str, Outcome], known: dict[str, Tellable]
) -> tuple[Told, dict[str, bytes]]:
    """The index of a round with this number, over all that is known, and the parts that are new;
    `known` has all of it then.
    """
    told, new = Told(), dict[str, bytes]()
    for target, outcome in outcomes.items():
        if isinstance(outcome, ToldError):
            told.errors[target] = outcome
            known.pop(target, None)
        elif outcome is not None:
            digest, before = digest_of(outcome), known.get(target)
            if before is None or before.digest != digest:
                name = f"{number}.{len(new)}"
                known[target], new[name] = Tellable(name, digest), outcome
    told.parts = {target: one.name for target, one in known.items()}
    return told, new


async def _told(scope: RoundScope, told: Told, target: str) -> Answer:
    error = told.errors.get(target)
    if error is not None:
        raise error.again()
    name = told.parts.get(target)
    if name is None or scope.part is None:
        raise NotTold
    known = scope.known.get(target)
    if known is not None and known.name == name:
        raise NotModified
    part = await scope.part(name)
    if part is None:
        raise NotTold
    digest = digest_of(part)
    is_same = known is not None and known.digest == digest
    scope.known[target] = Tellable(name, digest)
    if is_same:
        raise NotModified
    return _answer_in(part)


def _tellable(answer: Answer) -> bytes:
    values = {name: list(answer.header_values(name)) for name in HEADERS}
    headers = {name: some for name, some in values.items() if some}
    return _encode(_Part(headers, bytes(answer.body)))


def _answer_in(part: bytes) -> Answer:
    found = _part_in(part)

    def first(name: str) -> str | None:
        some = found.headers.get(name.lower())
        return some[0] if some else None

    def values(name: str) -> list[str]:
        return found.headers.get(name.lower(), [])

    return Answer(200, first, found.body, values)
