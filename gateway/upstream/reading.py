"""From bytes to entities. A page is decoded at once; where that fails, row by row, so that one bad
row costs only its own place (design, decision 1).
"""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Generic, TypeVar

import msgspec

from gateway.errors import UpstreamInvalid
from gateway.upstream.entities import Bridge

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from gateway.upstream.entities import Item, Job, Pipeline, ProjectKey
    from gateway.upstream.wire import Answer, Body

__all__ = [
    "Reader",
    "item_of",
    "put_files_in_place",
    "put_items_in_place",
    "put_pipelines_in_place",
]

T = TypeVar("T")

# msgspec's errors, text that is no UTF-8, and JSON nested beyond measure.
UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)

_decode_rows = msgspec.json.Decoder(list[msgspec.Raw]).decode


class Reader(Generic[T]):
    """Reads answers of one shape. `put_in_place(rows, project)` tells what was read where it
    belongs, as far as the answer does not say.
    """

    def __init__(
        self,
        shape: type[T],
        put_in_place: Callable[[Sequence[T | UpstreamInvalid], ProjectKey | None], None]
        | None = None,
    ) -> None:
        self._shape = shape
        self._put_in_place = put_in_place

    @cached_property
    def _decode_one(self) -> Callable[[Body], T]:
        return msgspec.json.Decoder(self._shape).decode

    @cached_property
    def _decode_many(self) -> Callable[[Body], list[T]]:
        return msgspec.json.Decoder(list[self._shape]).decode  # type: ignore[name-defined]  # a type at run time

    def one(self, answer: Answer, *, endpoint: str, project: ProjectKey | None = None) -> T:
        """One object, read of this project; raises `UpstreamInvalid`."""
        try:
            one = self._decode_one(answer.body)
        except UNREADABLE as error:
            raise _invalid(error, answer, endpoint) from None
        if self._put_in_place is not None:
            self._put_in_place((one,), project)
        return one

    def many(
        self, answer: Answer, *, endpoint: str, project: ProjectKey | None
    ) -> list[T | UpstreamInvalid]:
        """A list, rows that cannot be read as errors in their places; raises `UpstreamInvalid`
        where it is no list.
        """
        rows: list[T | UpstreamInvalid]
        try:
            rows = self._decode_many(answer.body)  # type: ignore[assignment]  # lists are invariant
        except UNREADABLE:
            rows = list(self._row_by_row(answer, endpoint))
        if self._put_in_place is not None:
            self._put_in_place(rows, project)
        return rows

    def _row_by_row(self, answer: Answer, endpoint: str) -> Iterable[T | UpstreamInvalid]:
        try:
            rows = _decode_rows(answer.body)
        except UNREADABLE as error:
            raise _invalid(error, answer, endpoint) from None
        for row in rows:
            try:
                yield self._decode_one(row)
            except UNREADABLE as error:
                yield _invalid(error, answer, endpoint)


def put_items_in_place(items: Iterable[Item | UpstreamInvalid], project: ProjectKey | None) -> None:
    """Tell jobs and bridges that name no project where they were read."""
    for item in items:
        if not isinstance(item, UpstreamInvalid):
            pipeline = item.pipeline
            if pipeline is None:
                item.place = project
            elif pipeline.project_id is None:
                pipeline.place = project


def put_files_in_place(jobs: Iterable[Job | UpstreamInvalid], project: ProjectKey | None) -> None:
    """Tell jobs where they were read, and their artifacts whose they are."""
    put_items_in_place(jobs, project)
    for job in jobs:
        if not isinstance(job, UpstreamInvalid) and job.artifacts:
            pipeline = job.pipeline
            place = ((job.place or 0) if pipeline is None else pipeline.project, job.id)
            for file in job.artifacts:
                file.job = place


def put_pipelines_in_place(
    pipelines: Iterable[Pipeline | UpstreamInvalid], project: ProjectKey | None
) -> None:
    """Tell pipelines that name no project where they were read."""
    for pipeline in pipelines:
        if not isinstance(pipeline, UpstreamInvalid) and pipeline.project_id is None:
            pipeline.place = project


def item_of(job: Job, *, is_bridge: bool = False) -> Item:
    """The item behind an answer in the job shape: a retried bridge is answered in it, too.

    It is told by what is known of it, or by the marks of a bridge in that shape (contract 4.2).
    """
    if not is_bridge and (job.tag_list != ["bridge"] or job.artifacts or job.runner is not None):
        return job
    names = Bridge.__struct_fields__
    shared = {name: getattr(job, name) for name in names if name != "downstream_pipeline"}
    return Bridge(**shared)


def _invalid(error: Exception, answer: Answer, endpoint: str) -> UpstreamInvalid:
    # msgspec tells what was expected and where, never the data; anything else might.
    where = f": {error}" if isinstance(error, msgspec.ValidationError) else ""
    return UpstreamInvalid(
        f"the upstream's answer cannot be read{where}",
        endpoint=endpoint,
        status=answer.status,
        upstream_request_id=answer.header("x-request-id"),
    )
