"""What writes answer, and which it is: a job or a bridge (upstream.md, 4).

Play answers with what was played, in its own shape. Retry answers in the shape of a job whatever
was retried, so the answer may not tell.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, TypeVar

import msgspec

from gateway.errors import UpstreamInvalid
from gateway.upstream.answers import unreadable_write
from gateway.upstream.entities import Bridge, Job, UntoldItem
from gateway.upstream.salvage import is_salvaged
from gateway.upstream.taking_apart import UNREADABLE, Unfit, is_cheap, members_of

if TYPE_CHECKING:
    from gateway.upstream.calls.call import Call
    from gateway.upstream.entities import Item
    from gateway.upstream.reading import Reader
    from gateway.upstream.taking_apart import Steps
    from gateway.upstream.wire import Answer

__all__ = ["item_of", "job_of", "read_played", "read_retried", "read_written"]

T = TypeVar("T")


class _ItemKeys(msgspec.Struct):
    """Tells the shapes that play and retry answer with apart."""

    downstream_pipeline: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET
    runner_manager: msgspec.Raw | msgspec.UnsetType = msgspec.UNSET


_decode_keys = msgspec.json.Decoder(_ItemKeys).decode


def read_written(call: Call, answer: Answer, reader: Reader[T]) -> Steps[T]:
    """What a write answered; raises as `unreadable_write`."""
    endpoint, project = call.route.endpoint, call.project
    try:
        one = reader.one(answer, project)
        if one is None:
            one = yield from reader.one_in_steps(answer, endpoint=endpoint, project=project)
    except UpstreamInvalid:
        raise unreadable_write(answer, endpoint) from None
    return one


def read_played(
    call: Call, answer: Answer, jobs: Reader[Job], bridges: Reader[Bridge]
) -> Steps[Item]:
    """What was played, a job or a bridge; raises as `unreadable_write`."""
    is_bridge = yield from _has_key(answer, "downstream_pipeline")
    if is_bridge:
        return (yield from read_written(call, answer, bridges))
    return (yield from read_written(call, answer, jobs))


def read_retried(call: Call, answer: Answer, jobs: Reader[Job]) -> Steps[Job]:
    """The new job, or what may be a bridge (`UntoldItem`); raises as `unreadable_write`."""
    job = yield from read_written(call, answer, jobs)
    return _told_or_not(job, is_told=(yield from _has_key(answer, "runner_manager")))


def _has_key(answer: Answer, key: str) -> Steps[bool]:
    if is_cheap(answer.body):
        with suppress(*UNREADABLE):
            return getattr(_decode_keys(answer.body), key) is not msgspec.UNSET
    try:
        return key in (yield from members_of(answer.body))
    except Unfit:
        return False


def _told_or_not(job: Job, *, is_told: bool) -> Job:
    """The answer to a retry; an `UntoldItem` where nothing in it tells a job from a bridge.

    Bridges have no files, no runner and no tags. Jobs of newer upstreams always have the key
    `runner_manager`, which says `is_told`; those of older ones may look like a bridge.
    """
    has_marks = job.artifacts or job.artifacts_file or job.runner is not None or job.tag_list
    if is_told or has_marks or is_salvaged(job):
        return job
    return UntoldItem(**{name: getattr(job, name) for name in Job.__struct_fields__})


def job_of(item: UntoldItem) -> Job:
    """The job that an answer which may be a bridge's stands for after all."""
    return Job(**{name: getattr(item, name) for name in Job.__struct_fields__})


def item_of(job: Job, *, is_bridge: bool = False) -> Item:
    """The job or bridge that an answer in the shape of a job stands for: the answer to the retry of
    a bridge has that shape, too (upstream.md, 4.2).

    It is a bridge where the caller knows so, or where the answer has the marks of one.
    """
    if not is_bridge and (job.tag_list != ["bridge"] or job.artifacts or job.runner is not None):
        return job
    names = Bridge.__struct_fields__
    shared = {name: getattr(job, name) for name in names if name != "downstream_pipeline"}
    return Bridge(**shared)
