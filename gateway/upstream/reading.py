"""From bytes to entities. A page is decoded whole; where that fails, row by row, so that one bad
row costs only its own place (design, decision 1).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, TypeVar

import msgspec

from gateway.errors import UpstreamInvalid
from gateway.upstream import entities

if TYPE_CHECKING:
    from gateway.upstream.entities import ProjectKey
    from gateway.upstream.wire import Answer

__all__ = ["Reader", "item_of", "put_in_place"]

T = TypeVar("T")


class Reader(Generic[T]):
    """Reads answers of one shape."""

    def __init__(self, shape: type[T]) -> None:
        self._one = msgspec.json.Decoder(shape)
        self._many = msgspec.json.Decoder(list[shape])  # type: ignore[valid-type]  # a type at run time
        self._raw = msgspec.json.Decoder(list[msgspec.Raw])

    def one(self, answer: Answer, *, endpoint: str) -> T:
        """One object; raises `UpstreamInvalid`."""
        try:
            return self._one.decode(answer.body)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise _invalid(error, answer, endpoint) from None

    def many(self, answer: Answer, *, endpoint: str) -> list[T | UpstreamInvalid]:
        """A list, rows that cannot be read as errors in their places; raises `UpstreamInvalid`
        where it is no list.
        """
        try:
            return self._many.decode(answer.body)  # type: ignore[return-value]  # a list of T is one
        except (msgspec.DecodeError, UnicodeDecodeError):
            pass
        try:
            rows = self._raw.decode(answer.body)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise _invalid(error, answer, endpoint) from None
        read: list[T | UpstreamInvalid] = []
        for row in rows:
            try:
                read.append(self._one.decode(row))
            except (msgspec.DecodeError, UnicodeDecodeError) as error:
                read.append(_invalid(error, answer, endpoint))
        return read


def _invalid(error: Exception, answer: Answer, endpoint: str) -> UpstreamInvalid:
    # msgspec tells what was expected and where, never the data; anything else might.
    where = f": {error}" if isinstance(error, msgspec.ValidationError) else ""
    return UpstreamInvalid(
        f"the upstream's answer cannot be read{where}",
        endpoint=endpoint,
        status=answer.status,
        upstream_request_id=answer.header("x-request-id"),
    )


def put_in_place(rows: list[Any], project: ProjectKey) -> None:
    """Tell rows that name no project where they were read."""
    for row in rows:
        class_ = row.__class__
        if class_ is entities.Job or class_ is entities.Bridge:
            pipeline = row.pipeline
            if pipeline is None:
                row.place = project
            elif pipeline.project_id is None:
                pipeline.place = project
        elif class_ is not UpstreamInvalid and row.project_id is None:
            row.place = project


def item_of(job: entities.Job, *, is_bridge: bool = False) -> entities.Item:
    """The item behind an answer in the job shape: a retried bridge is answered in it, too.

    It is told by what is known of it, or by the marks of a bridge in that shape (contract 4.2).
    """
    if not is_bridge and (job.tag_list != ["bridge"] or job.artifacts or job.runner is not None):
        return job
    names = entities.Bridge.__struct_fields__
    shared = {name: getattr(job, name) for name in names if name != "downstream_pipeline"}
    return entities.Bridge(**shared)
