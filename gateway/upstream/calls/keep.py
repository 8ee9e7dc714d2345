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
from time import perf_counter
from typing import TYPE_CHECKING, Final

import msgspec

from gateway.errors import Forbidden, NotFound, OutcomeUnknown, Unauthenticated
from gateway.hooks import CallEvent, tell
from gateway.upstream.routes import JOB, PIPELINE, Keep

if TYPE_CHECKING:
    from gateway.hooks import Hooks
    from gateway.upstream.calls.call import Call, Layer
    from gateway.upstream.credential import Credential
    from gateway.upstream.kept import KeptReads, Tag
    from gateway.upstream.wire import Answer

__all__ = ["MOVING_S", "Forget", "Kept"]

BRIEF_S: Final = 2.0
MOVING_S: Final = 1.0
LASTING_S: Final = 60.0
# A write of which nobody knows whether it happened may still happen.
LATE_WRITE_S: Final = 60.0

# What a job does not leave: a skipped or manual one may run yet.
LASTING: Final = frozenset({"success", "failed", "canceled"})

_is_full_hash = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}").fullmatch
_WHOLE: Final = {(b"[", b"]"), (b"{", b"}")}
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
        self._hooks = hooks if hooks and (hooks.call_began or hooks.call_ended) else None

    def at_hand(self, call: Call) -> Answer | None:
        """The answer to a call where it is kept, and can be had without waiting."""
        if call.scope.fresh or not _may_be_kept(call):
            return None
        now = get_running_loop().time()
        owner = _owner(call.scope.credential)
        kept = self._reads.at_hand(owner, call.target, now, call.max_age_s)
        return None if kept is None else self._given(call, kept.answer)

    async def send(self, call: Call) -> Answer:
        if not _may_be_kept(call):
            return await self._below.send(call)
        owner = _owner(call.scope.credential)
        begun = get_running_loop().time()
        if not call.scope.fresh:
            kept = await self._reads.get(owner, call.target, begun, call.max_age_s)
            if kept is not None:
                return self._given(call, kept.answer)
        answer = await self._below.send(call)
        age_s = _age_s(call, answer)
        if age_s:
            answer.decoded = {}
            await self._reads.set(
                owner,
                call.target,
                answer,
                begun=begun,
                until=begun + age_s,
                tags=_tags_of_read(call, owner),
            )
        return answer

    def _given(self, call: Call, answer: Answer) -> Answer:
        """Count what is given again. All texts of a response come of what was read for it."""
        tally = call.scope.tally
        tally.cached += 1
        tally.read_bytes += len(answer.body)
        if self._hooks is not None:
            _tell(self._hooks, call, answer)
        return answer


class Forget:
    """Drops what is kept where it may not be right any more.

    A write drops all of its credential, however it ended, and its job for everybody. 401 drops all
    of the credential, 403 and 404 what is kept of the project that was asked; it may have been
    named otherwise, so what was named the other way goes, too.
    """

    def __init__(self, below: Layer, reads: KeptReads) -> None:
        self._below = below
        self._reads = reads

    async def send(self, call: Call) -> Answer:
        if not call.route.is_read:
            return await self._write(call)
        try:
            return await self._below.send(call)
        except Unauthenticated:
            await self._drop((_owner(call.scope.credential), None))
            raise
        except (Forbidden, NotFound):
            if (project := call.project) is not None:
                owner = _owner(call.scope.credential)
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
            owner = _owner(call.scope.credential)
            await self._drop((owner, None), *_jobs_of(call), late_s=late_s)

    async def _drop(self, *tags: Tag, late_s: float = 0.0) -> None:
        await self._reads.drop(*tags, at=get_running_loop().time() + late_s)


def _may_be_kept(call: Call) -> bool:
    scope = call.scope
    credential = scope.credential
    return (
        call.route.keep is not Keep.NOTHING
        and not scope.alone
        and (credential is None or not credential.is_job_token)
    )


def _owner(credential: Credential | None) -> str:
    return "" if credential is None else credential.fingerprint


def _tags_of_read(call: Call, owner: str) -> list[Tag]:
    tags: list[Tag] = [(owner, None)]
    if (project := call.project) is not None:
        tags.append((owner, project))
        tags.append((owner, _BY_NUMBER if isinstance(project, int) else _BY_PATH))
    if call.route is JOB:
        tags += _jobs_of(call)
    return tags


def _other_way(project: int | str) -> str:
    """No project has such a name: paths do not end in a slash."""
    return _BY_PATH if isinstance(project, int) else _BY_NUMBER


def _jobs_of(call: Call) -> list[Tag]:
    """The job that a call is about. Jobs have numbers of their own over all projects."""
    job_id = call.arguments[-1]
    return [job_id] if isinstance(job_id, int) else []


def _age_s(call: Call, answer: Answer) -> float:
    """How long an answer may be given again; 0 for one that is not kept."""
    body = answer.body
    if answer.status != 200 or (body[:1], body[-1:]) not in _WHOLE:
        # A page in its place, or half of an answer, is read anew.
        return 0.0
    if call.route.keep is Keep.FINISHED:
        return LASTING_S if _status_in(answer) in LASTING else MOVING_S
    if call.route.keep is Keep.BY_HASH and _is_full_hash(str(call.arguments[-1])):
        return LASTING_S
    return MOVING_S if call.route is PIPELINE else BRIEF_S


def _status_in(answer: Answer) -> str | None:
    try:
        return _standing(answer.body).status
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def _tell(hooks: Hooks, call: Call, answer: Answer) -> None:
    event = CallEvent(
        call.route.name, call.route.method, call.scope.request_id, perf_counter(), is_kept=True
    )
    tell(hooks.call_began, event)
    event.status = answer.status
    event.size_bytes = len(answer.body)
    tell(hooks.call_ended, event)
