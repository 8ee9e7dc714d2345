"""From bytes to entities. A page is decoded as a whole; where that fails, row by row; and where a
row fails, part by part (`salvage`), so that what cannot be read costs only itself (architecture.md,
typed entities).
"""

from __future__ import annotations

import re
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

import msgspec

from gateway.errors import UpstreamInvalid
from gateway.upstream.answers import is_page
from gateway.upstream.entities import UNTOLD
from gateway.upstream.salvage import CANNOT_BE_READ, UNREADABLE, Salvage, Unfit, rows_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from gateway.upstream.entities import Item, Job, Pipeline, ProjectKey
    from gateway.upstream.wire import Answer, Body

__all__ = [
    "UNREADABLE",
    "Reader",
    "check_is_log",
    "note_job_of_artifacts",
    "note_project_of_items",
    "note_project_of_pipelines",
]

T = TypeVar("T")

_UNFIT = re.compile(r"[^a-z0-9/+.-]")


class Reader(Generic[T]):
    """Reads answers of one shape.

    Some answers do not say to which project a thing belongs. `note_origin(rows, project)` writes it
    down on what was read; `project` is the one that was asked, as the caller named it.
    """

    def __init__(
        self,
        shape: type[T],
        note_origin: Callable[[Sequence[T | UpstreamInvalid], ProjectKey | None], None]
        | None = None,
    ) -> None:
        self._shape = shape
        self._note_origin = note_origin

    @cached_property
    def _decode_one(self) -> Callable[[Body], T]:
        return msgspec.json.Decoder(self._shape).decode

    @cached_property
    def _decode_many(self) -> Callable[[Body], list[T]]:
        return msgspec.json.Decoder(list[self._shape]).decode  # type: ignore[name-defined]  # a type at run time

    @cached_property
    def _salvage(self) -> Salvage:
        return Salvage()

    def one(self, answer: Answer, *, endpoint: str, project: ProjectKey | None = None) -> T:
        """One object; raises `UpstreamInvalid` where it is none."""
        one: T | UpstreamInvalid
        kept = answer.decoded
        if kept is not None and (read := kept.get(self)) is not None:
            found: T = read
            return found
        try:
            one = self._decode_one(answer.body)
        except UNREADABLE as error:
            one = self._salvaged(answer.body, error, answer, endpoint)
            # Errors are their reader's own.
            kept = None
        if isinstance(one, UpstreamInvalid):
            try:
                raise one
            finally:
                # An error in a local of a frame that it was raised through would keep the answer.
                del one
        if self._note_origin is not None:
            self._note_origin((one,), project)
        if kept is not None:
            _keep(kept, self, one)
        return one

    def many(
        self, answer: Answer, *, endpoint: str, project: ProjectKey | None
    ) -> list[T | UpstreamInvalid]:
        """A list. A row that cannot be read is an error at its place in the list; raises
        `UpstreamInvalid` where the answer is no list.
        """
        rows: list[T | UpstreamInvalid]
        kept = answer.decoded
        if kept is not None and (read := kept.get(self)) is not None:
            return list(read)
        try:
            rows = self._decode_many(answer.body)  # type: ignore[assignment]  # lists are invariant
        except UNREADABLE:
            rows = list(self._row_by_row(answer, endpoint))
            # Errors are their reader's own.
            kept = None
        if self._note_origin is not None:
            self._note_origin(rows, project)
        if kept is not None:
            _keep(kept, self, tuple(rows))
        return rows

    def _row_by_row(self, answer: Answer, endpoint: str) -> Iterable[T | UpstreamInvalid]:
        try:
            rows: Sequence[Body] = rows_of(answer.body)
        except Unfit as error:
            raise _invalid(str(error), answer, endpoint) from None
        for row in rows:
            try:
                yield self._decode_one(row)
            except UNREADABLE as error:
                yield self._salvaged(row, error, answer, endpoint)

    def _salvaged(
        self, body: Body, error: Exception, answer: Answer, endpoint: str
    ) -> T | UpstreamInvalid:
        """What can be read of an object, else the error for all of it."""

        def refuse(told: str) -> UpstreamInvalid:
            return _invalid(told, answer, endpoint)

        try:
            salvaged: T = self._salvage.read(self._shape, body, refuse)
        except Unfit as unfit:
            # msgspec tells what was expected and where, never the data; anything else might.
            is_told = isinstance(error, msgspec.ValidationError)
            return refuse(str(error if is_told else unfit))
        _refuse_unplaced(salvaged)
        return salvaged


def _refuse_unplaced(salvaged: Any) -> None:
    """A downstream pipeline may be any project's: one whose project cannot be read is none, since
    nobody could ask for more of it.
    """
    downstream = getattr(salvaged, "downstream_pipeline", None)
    fault = getattr(downstream, "faults", {}).get("project_id")
    if fault is not None:
        salvaged.downstream_pipeline = None
        salvaged.faults["downstream_pipeline"] = fault


def _keep(decoded: dict[object, Any], reader: object, read: object) -> None:
    """Keep what a reader read of an answer, in the place of what another one did: entities are not
    changed once they are read.
    """
    decoded.clear()
    decoded[reader] = read


def note_project_of_items(
    items: Iterable[Item | UpstreamInvalid], project: ProjectKey | None
) -> None:
    """Write the project that was asked on jobs and bridges that name none."""
    for item in items:
        if not isinstance(item, UpstreamInvalid):
            pipeline = item.pipeline
            if pipeline is None:
                item.asked_project = project
            elif pipeline.project_id is None:
                pipeline.asked_project = project


def note_job_of_artifacts(
    jobs: Iterable[Job | UpstreamInvalid], project: ProjectKey | None
) -> None:
    """Write on artifacts whose they are, and on jobs the project, as `note_project_of_items`."""
    note_project_of_items(jobs, project)
    for job in jobs:
        if not isinstance(job, UpstreamInvalid) and job.artifacts:
            pipeline = job.pipeline
            owner = (
                (job.asked_project or UNTOLD) if pipeline is None else pipeline.project,
                job.id,
            )
            for file in job.artifacts:
                # An error stands in the place of a file that is no object.
                if not isinstance(file, UpstreamInvalid):
                    file.job = owner


def note_project_of_pipelines(
    pipelines: Iterable[Pipeline | UpstreamInvalid], project: ProjectKey | None
) -> None:
    """Write the project that was asked on pipelines that name none."""
    for pipeline in pipelines:
        if not isinstance(pipeline, UpstreamInvalid) and pipeline.project_id is None:
            pipeline.asked_project = project


def check_is_log(answer: Answer, endpoint: str) -> None:
    """Raise `UpstreamInvalid` where an answer says that it is something else than a log."""
    kind = _media_type(answer)
    if _is_page(kind) or kind.endswith(("json", "xml")):
        raise UpstreamInvalid(
            f"the upstream answered with {_named(kind)} in place of the log{_WHAT_TO_DO}",
            endpoint=endpoint,
            status=answer.status,
            upstream_request_id=answer.header("x-request-id"),
        )


_WHAT_TO_DO: Final = (
    "; a sign-in page, a proxy or another server may stand at the upstream's address: check the"
    " gateway's upstream URL, and that the credential reaches the upstream"
)


def _media_type(answer: Answer) -> str:
    return (answer.header("content-type") or "").partition(";")[0].strip().lower()


def _is_page(kind: str) -> bool:
    return kind in {"text/html", "application/xhtml+xml"}


def _named(kind: str) -> str:
    # It was told by the other side, and may be anything.
    shown = _UNFIT.sub("", kind)[:60]
    return f"a web page ({shown})" if _is_page(kind) else f"a document ({shown})"


def _invalid(told: str, answer: Answer, endpoint: str) -> UpstreamInvalid:
    kind = _media_type(answer)
    message = CANNOT_BE_READ + told
    if is_page(answer):
        named = _named(kind) if _is_page(kind) else "a web page"
        message = f"the upstream answered with {named} in place of JSON{_WHAT_TO_DO}"
    return UpstreamInvalid(
        message,
        endpoint=endpoint,
        status=answer.status,
        upstream_request_id=answer.header("x-request-id"),
    )
