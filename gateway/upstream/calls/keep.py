"""The layers that keep reads for a moment, and forget them (architecture.md, kept reads).

    lists, a project, a commit by its branch     2 s
    a single pipeline, a job that may change     1 s
    a finished job, a commit by its full hash    60 s

Only whole answers with 200 are kept, each for its own credential. `Kept` stands before all other
layers. `Forget` stands where calls were joined to one and each has its last word: it drops what an
answer or a write made doubtful, before anybody is told of it.
"""

from __future__ import annotations

import re
from asyncio import CancelledError, get_running_loop
from typing import TYPE_CHECKING, Final

import msgspec
from msgspec import UNSET

from gateway.errors import Forbidden, NotFound, OutcomeUnknown, Unauthenticated
from gateway.upstream.calls.telling import hears_calls, tell_kept
from gateway.upstream.credential import owner_of
from gateway.upstream.routes import JOB, PIPELINE, Keep
from gateway.upstream.statuses import FINISHED
from gateway.upstream.taking_apart import UNREADABLE

if TYPE_CHECKING:
    from gateway.hooks import Hooks
    from gateway.upstream.calls.call import Call, Layer
    from gateway.upstream.kept import KeptAnswer, KeptReads, Tag
    from gateway.upstream.scope import CallScope
    from gateway.upstream.shared_reads import SharedReads
    from gateway.upstream.wire import Answer

__all__ = ["MOVING_S", "Forget", "Kept", "age_of", "given", "kept_as", "tags_of_read"]

BRIEF_S: Final = 2.0
MOVING_S: Final = 1.0
LASTING_S: Final = 60.0
# A write of which nobody knows whether it happened may still happen.
LATE_WRITE_S: Final = 60.0

# What a job does not leave: a skipped one may run yet.
LASTING: Final = FINISHED - {"skipped"}

_is_full_hash = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}").fullmatch
# A list and an object, by their first and last byte.
_WHOLE: Final = {(ord("["), ord("]")), (ord("{"), ord("}"))}
# The owner's projects that were named one way: by number, by path.
_BY_NUMBER: Final = "number/"
_BY_PATH: Final = "path/"


class _Standing(msgspec.Struct):
    status: str | None = None


_standing = msgspec.json.Decoder(_Standing).decode


class Kept:
    """Answers a read by what is kept, and keeps what it may."""

    def __init__(self, below: Layer, reads: KeptReads, hooks: Hooks | None = None) -> None:
        self._below = below
        self._reads = reads
        self._hooks = hears_calls(hooks)

    def at_hand(self, call: Call) -> Answer | None:
        """The answer to a call where it is kept, and can be had without waiting."""
        owner = kept_as(call.scope)
        if owner is None or call.scope.fresh or call.route.keep is Keep.NOTHING:
            return None
        now = get_running_loop().time()
        kept = self._reads.at_hand(owner, call.target, now, call.max_age_s)
        return None if kept is None else given(self._hooks, call, kept, now)

    async def send(self, call: Call) -> Answer:
        owner = kept_as(call.scope)
        if owner is None or call.route.keep is Keep.NOTHING:
            return await self._below.send(call)
        reads, begun = self._reads, get_running_loop().time()
        if not call.scope.fresh:
            kept = reads.at_hand(owner, call.target, begun, call.max_age_s)
            if kept is not None and (again := given(self._hooks, call, kept, begun)) is not None:
                return again
        answer = await self._below.send(call)
        age_s = age_of(call, answer)
        if age_s:
            answer.decoded = {}
            await self._reads.set(
                owner,
                call.target,
                answer,
                begun=begun,
                until=begun + age_s,
                tags=tags_of_read(call, owner),
            )
        return answer


class Forget:
    """Drops what is kept where it may not be right any more.

    A write drops all of its credential, however it ended, and its job for everybody. 401 drops all
    of the credential, 403 and 404 what is kept of the project that was asked; it may have been
    named otherwise, so what was named the other way goes, too.
    """

    def __init__(self, below: Layer, reads: KeptReads | SharedReads) -> None:
        self._below = below
        self._reads = reads

    async def send(self, call: Call) -> Answer:
        if not call.route.is_read:
            return await self._write(call)
        try:
            return await self._below.send(call)
        except Unauthenticated:
            await self._drop((owner_of(call.scope.credential), None))
            raise
        except (Forbidden, NotFound):
            if (project := call.project) is not None:
                owner = owner_of(call.scope.credential)
                await self._drop((owner, project), (owner, _other_way(project)))
            raise

    async def _write(self, call: Call) -> Answer:
        late_s = 0.0
        try:
            return await self._below.send(call)
        except (OutcomeUnknown, CancelledError):
            late_s = LATE_WRITE_S
            raise
        finally:
            owner = owner_of(call.scope.credential)
            # Jobs have numbers of their own over all projects.
            await self._drop((owner, None), int(call.arguments[1]), late_s=late_s)

    async def _drop(self, *tags: Tag, late_s: float = 0.0) -> None:
        await self._reads.drop(*tags, at=get_running_loop().time() + late_s)


def given(hooks: Hooks | None, call: Call, kept: KeptAnswer, now: float) -> Answer | None:
    """What is given again, and counted; None for what may have changed by now. All texts of a
    response come of what was read for it.
    """
    answer = kept.answer
    if call.route.keep is Keep.FINISHED and now >= kept.begun + MOVING_S:
        if kept.lasts is None:
            kept.lasts = _status_in(answer) in LASTING
        if not kept.lasts:
            return None
    call.scope.tally.cached += 1
    call.scope.note_answer(len(answer.body))
    if hooks is not None:
        tell_kept(hooks, call, answer)
    return answer


def kept_as(scope: CallScope) -> str | None:
    """The owner of what these calls read; None where nothing of it is kept."""
    owner = scope.kept_as
    if owner is UNSET:
        credential = scope.credential
        is_kept = not scope.alone and (credential is None or not credential.is_job_token)
        owner = scope.kept_as = owner_of(credential) if is_kept else None
    return owner


def tags_of_read(call: Call, owner: str) -> tuple[Tag, ...]:
    """Its credential; its project, as it was named, and how; its job."""
    arguments = call.arguments
    if not arguments:
        return ((owner, None),)
    project = arguments[0]
    way = _BY_NUMBER if isinstance(project, int) else _BY_PATH
    if call.route is JOB:
        return ((owner, None), (owner, project), (owner, way), int(arguments[1]))
    return ((owner, None), (owner, project), (owner, way))


def _other_way(project: int | str) -> str:
    """No project has such a name: paths do not end in a slash."""
    return _BY_PATH if isinstance(project, int) else _BY_NUMBER


def age_of(call: Call, answer: Answer) -> float:
    """How long an answer may be given again; 0 for one that is not kept."""
    body = answer.body
    if answer.status != 200 or not body or (body[0], body[-1]) not in _WHOLE:
        # A page in its place, or half of an answer, is read anew.
        return 0.0
    if call.route.keep is Keep.FINISHED:
        # Its status is looked at when it is asked for later than one that may change.
        return LASTING_S
    if call.route.keep is Keep.BY_HASH and _is_full_hash(str(call.arguments[-1])):
        return LASTING_S
    return MOVING_S if call.route is PIPELINE else BRIEF_S


def _status_in(answer: Answer) -> str | None:
    try:
        return _standing(answer.body).status
    except UNREADABLE:
        return None
