"""What one operation reads of the upstream: single things, lists, and lists read whole."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from gateway.context.single_reads import SingleReads
from gateway.loaders.descendants import Descendants, read_descendants
from gateway.loaders.flight import Flight, launch, offer
from gateway.loaders.whole import PipelineLists
from gateway.upstream.paging import (
    FilteredListing,
    ItemListing,
    JobTest,
    walk_all_items,
    walk_all_pipeline_jobs,
    walk_bridges,
    walk_filtered,
    walk_items,
    walk_pipeline_jobs,
    walk_pipelines,
    walk_project_jobs,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from gateway.upstream.entities import (
        Bridge,
        Job,
        Pipeline,
        ProjectKey,
    )
    from gateway.upstream.pages import Filters
    from gateway.upstream.paging import Listing, Window

__all__ = ["Reads"]

# Rows from which a page crowds the processor's cache: it is offered to the operation's own task,
# which shows it while it is there. Smaller ones fare better step by step, in turns with others.
LARGE_PAGE: Final = 50

# Their first argument is the pipeline.
PIPELINE_LISTS: Final = {
    walk_pipeline_jobs,
    walk_all_pipeline_jobs,
    walk_bridges,
    walk_items,
    walk_all_items,
}

# Gives a `Listing`, or an `ItemListing`.
Walk: TypeAlias = "Callable[..., Coroutine[Any, Any, Any]]"


class Reads(SingleReads):
    """What one operation reads, with one credential and within one deadline. Of each answer it
    decodes what `readers` are for.
    """

    __slots__ = ()

    def project_jobs(
        self,
        project: ProjectKey,
        statuses: tuple[str, ...],
        window: Window,
        test: JobTest | None = None,
    ) -> Flight[Any]:
        """Jobs of a project: a `Listing`; with a test a `FilteredListing`. Cost: `calls_at_most`,
        with a test `filtered_calls`.
        """
        if test is None:
            return self._list(walk_project_jobs, window, project, statuses)
        ref = test.ref
        walk = walk_project_jobs if ref is None else partial(walk_project_jobs, ref=ref)
        return self._filtered("project jobs", walk, window, test, project, statuses)

    def pipeline_jobs(
        self,
        project: ProjectKey,
        pipeline_id: int,
        statuses: tuple[str, ...],
        include_retried: bool,  # noqa: FBT001 - as the list is named in the schema
        window: Window,
        test: JobTest | None = None,
    ) -> Flight[Any]:
        """Jobs of a pipeline: a `Listing`; with a test a `FilteredListing`. Cost: as
        `project_jobs`.
        """
        walk = walk_all_pipeline_jobs if include_retried else walk_pipeline_jobs
        if test is None:
            return self._list(walk, window, project, pipeline_id, statuses)
        name = "all jobs" if include_retried else "jobs"
        return self._filtered(name, walk, window, test, project, pipeline_id, statuses)

    def bridges(
        self, project: ProjectKey, pipeline_id: int, statuses: tuple[str, ...], window: Window
    ) -> Flight[Listing[Bridge]]:
        """Bridges of a pipeline. Cost: `calls_at_most`."""
        return self._list(walk_bridges, window, project, pipeline_id, statuses)

    def items(
        self,
        project: ProjectKey,
        pipeline_id: int,
        statuses: tuple[str, ...],
        include_retried: bool,  # noqa: FBT001 - as the list is named in the schema
        window: Window,
    ) -> Flight[ItemListing]:
        """Jobs and bridges of a pipeline in one list. Cost: `calls_at_most` of each, side by
        side.
        """
        walk = walk_all_items if include_retried else walk_items
        return self._list(walk, window, project, pipeline_id, statuses)

    def whole(self, project: ProjectKey, pipeline_id: int) -> PipelineLists:
        """The lists of a pipeline, to be read whole. Cost: as each of them says."""
        lists = self._whole_of(project, pipeline_id)
        if lists is None:
            lists = PipelineLists(
                self._loop,
                self.client,
                self.scope,
                self._seen,
                self.readers,
                project,
                pipeline_id,
                self.max_list_rows,
            )
            self._whole.setdefault(pipeline_id, []).append(lists)
        return lists

    def _whole_of(self, project: ProjectKey, pipeline_id: int) -> PipelineLists | None:
        """The lists of a pipeline that are read whole already, by either name of its project."""
        for lists in self._whole.get(pipeline_id, ()):
            if lists.project == project or self._number(lists.project) == self._number(project):
                return lists
        return None

    def _number(self, project: ProjectKey) -> ProjectKey:
        number = project if isinstance(project, int) else self._seen.number(project)
        return project if number is None else number

    def descendants(
        self, project: ProjectKey, pipeline_id: int, max_depth: int, at_most: int
    ) -> Flight[Descendants]:
        """The pipelines below one, breadth first. Cost: 1 call for it and for each of them."""

        async def read() -> Descendants:
            return await read_descendants(
                self.whole,
                self._place_of,
                project,
                pipeline_id,
                max_depth=max_depth,
                at_most=at_most,
            )

        return self._shared(("descendants", project, pipeline_id, max_depth, at_most), read)

    def _place_of(self, pipeline: Pipeline) -> ProjectKey:
        """The project of a downstream pipeline, which old upstreams tell by its page only."""
        if pipeline.project_id is None and pipeline.web_url is not None:
            return self.urls.path_of(pipeline.web_url) or pipeline.project
        return pipeline.project

    def pipelines(
        self,
        project: ProjectKey,
        status: str | None,
        filters: Filters,
        window: Window,
    ) -> Flight[Any]:
        """Pipelines of a project: a `Listing`, or a `FilteredListing` where the upstream passes
        over filters. Cost: `calls_at_most`.
        """
        return self._list(walk_pipelines, window, project, status, filters)

    def _lists_of(self, project: ProjectKey, pipeline_id: int) -> list[Flight[Any]]:
        """The lists of a pipeline's jobs and bridges that are on their way."""
        return [
            flight
            for key, flight in self._reads.items()
            if isinstance(key, tuple)
            and key[0] in PIPELINE_LISTS
            and (key[2], key[3][0]) == (project, pipeline_id)
            and not flight.done()
        ]

    def _list(self, walk: Walk, window: Window, project: ProjectKey, *asked: object) -> Flight[Any]:
        # As `_shared`, without calling it: an operation may ask for one list at many places.
        key = (walk, window, project, asked)
        flight: Flight[Any] | None = self._reads.get(key)
        if flight is None or flight.cancelled():
            begin = offer if window.size >= LARGE_PAGE else launch
            flight = self._reads[key] = begin(self._loop, self._read_list(*key))
        return flight

    def _filtered(
        self,
        name: str,
        walk: Walk,
        window: Window,
        test: JobTest,
        project: ProjectKey,
        *asked: object,
    ) -> Flight[FilteredListing[Job]]:
        async def one(window: Window) -> Listing[Job]:
            listing: Listing[Job] = await walk(
                self.client, self.scope, project, *asked, window, readers=self.readers
            )
            return listing

        async def read() -> FilteredListing[Job]:
            seen = self._seen
            listing = await walk_filtered(one, self.scope.tally, window, test)
            seen.add(project, listing.items)
            return listing

        return self._shared((name, window, test, project, asked), read)

    async def _read_list(
        self, walk: Walk, window: Window, project: ProjectKey, asked: tuple[Any, ...]
    ) -> Listing[Any] | ItemListing:
        # A write while the list is read replaces it: what was read before is not for the new one.
        seen = self._seen
        if self._whole and walk in PIPELINE_LISTS:
            lists = self._whole_of(project, asked[0])
            if lists is not None:
                cut = await lists.cut_out(walk, asked[1], window)
                if cut is not None:
                    return cut
        listing: Listing[Any] | ItemListing
        listing = await walk(self.client, self.scope, project, *asked, window, readers=self.readers)
        if isinstance(listing, ItemListing):
            for rows in listing.by_kind:
                seen.add(project, rows)
        else:
            seen.add(project, listing.items)
        return listing
