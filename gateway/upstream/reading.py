"""From bytes to entities. A page is decoded as a whole; where that fails, or would take long, row
by row; and where a row fails, part by part (`salvage`), so that what cannot be read costs only
itself (architecture.md, typed entities).

What is short is read at once. All else is read in steps, which hold the loop for a moment each.
"""

from __future__ import annotations

import re
from contextlib import suppress
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

import msgspec

from gateway.errors import UpstreamInvalid
from gateway.upstream.answers import is_page
from gateway.upstream.entities import UNTOLD
from gateway.upstream.salvage import CANNOT_BE_READ, Salvage, is_salvaged
from gateway.upstream.taking_apart import AT_ONCE_BYTES, UNREADABLE, Unfit, is_cheap, rows_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from gateway.upstream.entities import Item, Job, Pipeline, ProjectKey, ReportedTests
    from gateway.upstream.taking_apart import Steps
    from gateway.upstream.wire import Answer, Body

__all__ = [
    "Reader",
    "check_is_log",
    "note_job_of_artifacts",
    "note_pipeline_of_suites",
    "note_project_of_items",
    "note_project_of_pipelines",
]

T = TypeVar("T")

PARTIAL_CONTENT: Final = 206
_UNFIT = re.compile(r"[^a-z0-9/+.-]")
_CONTENT_RANGE = re.compile(r"bytes ([0-9]{1,18})-([0-9]{1,18})/([0-9]{1,18}|\*)", re.IGNORECASE)


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

    def one(self, answer: Answer, project: ProjectKey | None = None) -> T | None:
        """One object; None where that may take long, and is for `one_in_steps`."""
        kept = answer.decoded
        if kept is not None and (read := kept.get(self)) is not None:
            found: T = read
            return found
        if len(answer.body) > AT_ONCE_BYTES:
            return None
        try:
            one = self._decode_one(answer.body)
        except UNREADABLE:
            return None
        if self._note_origin is not None:
            self._note_origin((one,), project)
        if kept is not None:
            _keep(kept, self, one)
        return one

    def one_in_steps(
        self, answer: Answer, *, endpoint: str, project: ProjectKey | None = None
    ) -> Steps[T]:
        """One object, as far as it can be read; raises `UpstreamInvalid` where it is none."""
        one = yield from self._object(answer.body, answer, endpoint)
        if isinstance(one, UpstreamInvalid):
            try:
                raise one
            finally:
                # An error in a local of a frame that it was raised through would keep the answer.
                del one
        if self._note_origin is not None:
            self._note_origin((one,), project)
        if answer.decoded is not None and not is_salvaged(one):
            _keep(answer.decoded, self, one)
        return one

    def many(self, answer: Answer, project: ProjectKey | None) -> list[T | UpstreamInvalid] | None:
        """A list; None where that may take long, and is for `many_in_steps`."""
        rows: list[T | UpstreamInvalid]
        kept = answer.decoded
        if kept is not None and (read := kept.get(self)) is not None:
            return list(read)
        if len(answer.body) > AT_ONCE_BYTES:
            return None
        try:
            rows = self._decode_many(answer.body)  # type: ignore[assignment]  # lists are invariant
        except UNREADABLE:
            return None
        if self._note_origin is not None:
            self._note_origin(rows, project)
        if kept is not None:
            _keep(kept, self, tuple(rows))
        return rows

    def many_in_steps(
        self, answer: Answer, *, endpoint: str, project: ProjectKey | None
    ) -> Steps[list[T | UpstreamInvalid]]:
        """A list. A row that cannot be read is an error at its place in the list; raises
        `UpstreamInvalid` where the answer is no list.
        """
        rows: list[T | UpstreamInvalid] | None = None
        if is_cheap(answer.body):
            with suppress(*UNREADABLE):
                rows = self._decode_many(answer.body)  # type: ignore[assignment]  # as in `many`
            yield
        if rows is None:
            rows = yield from self._row_by_row(answer, endpoint)
        if self._note_origin is not None:
            self._note_origin(rows, project)
        # Errors are their reader's own.
        if answer.decoded is not None and not any(map(_is_faulty, rows)):
            _keep(answer.decoded, self, tuple(rows))
        return rows

    def _row_by_row(self, answer: Answer, endpoint: str) -> Steps[list[T | UpstreamInvalid]]:
        try:
            raw_rows = yield from rows_of(answer.body)
        except Unfit as error:
            raise _invalid(str(error), answer, endpoint) from None
        rows: list[T | UpstreamInvalid] = []
        for raw in raw_rows:
            rows.append((yield from self._object(raw, answer, endpoint)))
            yield
        return rows

    def _object(self, body: Body, answer: Answer, endpoint: str) -> Steps[T | UpstreamInvalid]:
        """What can be read of an object, else the error for all of it."""
        told = None
        if is_cheap(body):
            try:
                return self._decode_one(body)
            except msgspec.ValidationError as error:
                # It tells what was expected and where, never the data; other errors might.
                told = str(error)
            except UNREADABLE:
                pass
            yield

        def refuse(told: str) -> UpstreamInvalid:
            return _invalid(told, answer, endpoint)

        try:
            salvaged: T = yield from self._salvage.read(self._shape, body, refuse)
        except Unfit as unfit:
            return refuse(told or str(unfit))
        _refuse_unplaced(salvaged)
        return salvaged


def _is_faulty(row: object) -> bool:
    return isinstance(row, UpstreamInvalid) or is_salvaged(row)


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


def note_pipeline_of_suites(tests: ReportedTests, pipeline: tuple[ProjectKey, int]) -> None:
    """Write on suites which pipeline's they are, where suites are read."""
    for suite in getattr(tests, "test_suites", None) or ():
        if not isinstance(suite, UpstreamInvalid):
            suite.pipeline = pipeline


def check_is_log(
    answer: Answer, endpoint: str, byte_offset: int = 0, byte_limit: int | None = None
) -> None:
    """Raise `UpstreamInvalid` where an answer says that it is something else than a log, or than
    the part of one that was asked for, or all of it.
    """
    kind = _media_type(answer)
    if _is_page(kind) or kind.endswith(("json", "xml")):
        told = f"{_named(kind)} in place of the log{_WHAT_TO_DO}"
    elif answer.status == PARTIAL_CONTENT and not _is_asked(answer, byte_offset, byte_limit):
        told = (
            "a part of the log that was not asked for (HTTP 206); something between may have cut"
            " it: have it pass the upstream's answers on as they are"
        )
    else:
        return
    raise UpstreamInvalid(
        f"the upstream answered with {told}",
        endpoint=endpoint,
        status=answer.status,
        upstream_request_id=answer.header("x-request-id"),
    )


def _is_asked(answer: Answer, byte_offset: int, byte_limit: int | None) -> bool:
    """Is a partial answer (RFC 9110, 15.3.7) all that was asked for, or all of the log?"""
    found = _CONTENT_RANGE.fullmatch(answer.header("content-range") or "")
    if found is None:
        return False
    first, last = int(found[1]), int(found[2])
    is_all = found[3] == str(last + 1)
    is_full = byte_limit is not None and last + 1 - first >= byte_limit
    return first in {0, byte_offset} and (is_all or is_full)


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
