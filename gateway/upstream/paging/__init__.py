"""Paging: a window of rows of one of the upstream's lists, and what lies beyond it.

    window    which rows a caller asks for, and the calls that they may take
    cursors   our own positions in a list: by id, whatever way the upstream pages it
    walks     one function for each list; its rows as a `Listing`, newest id first
      keyset    over lists that the upstream pages by id: the jobs of a project
      offset    over lists that it pages by number, page by page (`offset_pages`): the others
    pipelines the walk through a project's pipelines, in other orders too (`ordering`)
    items     a pipeline's jobs and bridges as one list
    whole     all rows of a list, up to a limit
    filtered  the rows of a list that fit a test of our own, as one that was `passed_over`

Lists move while they are read. Rows that are created or drop out between two windows make no row
appear twice and none be skipped (architecture.md, cursors by id).
"""

from gateway.upstream.paging.filtered import (
    FilteredListing,
    JobTest,
    filtered_calls,
    walk_filtered,
)
from gateway.upstream.paging.items import ItemListing, walk_all_items, walk_items
from gateway.upstream.paging.pipelines import walk_pipelines
from gateway.upstream.paging.walks import (
    Listing,
    walk_all_pipeline_jobs,
    walk_bridges,
    walk_pipeline_jobs,
    walk_project_jobs,
)
from gateway.upstream.paging.whole import WholeRows, read_rest
from gateway.upstream.paging.window import (
    DEFAULT_SIZE,
    MAX_SIZE,
    Window,
    calls_at_most,
    window_of,
)

__all__ = [
    "DEFAULT_SIZE",
    "MAX_SIZE",
    "FilteredListing",
    "ItemListing",
    "JobTest",
    "Listing",
    "WholeRows",
    "Window",
    "calls_at_most",
    "filtered_calls",
    "read_rest",
    "walk_all_items",
    "walk_all_pipeline_jobs",
    "walk_bridges",
    "walk_filtered",
    "walk_items",
    "walk_pipeline_jobs",
    "walk_pipelines",
    "walk_project_jobs",
    "window_of",
]
