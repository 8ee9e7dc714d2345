"""Who listens to one subject of a poller, and what they were told last."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Generic, TypeVar

from gateway.upstream.statuses import ACTIVE, FINISHED
from gateway.watch.changes import Change, has_changed

if TYPE_CHECKING:
    from gateway.errors import GatewayError
    from gateway.upstream.entities import Item, Job, PipelineDetail
    from gateway.watch.feed import ChangeFeed, Feed

__all__ = ["JobListeners", "PipelineListeners"]

F = TypeVar("F", bound="Feed[Any]")

# Rounds that a finished pipeline is polled on for while its jobs have not all ended: its page and
# its lists are read side by side, so the one may be a moment ahead of the other.
LAST_ROUNDS = 3


class _Listeners(Generic[F]):
    """Feeds, and whether they were told of a fault last."""

    __slots__ = ("feeds", "has_fault")

    def __init__(self) -> None:
        self.feeds: list[F] = []
        self.has_fault = False

    def tell(self, error: GatewayError, *, is_last: bool) -> None:
        """Tell an error, the last thing or not."""
        self.has_fault = not is_last
        for feed in self.feeds:
            feed.put(error, is_last=is_last)
        if is_last:
            self.feeds.clear()


class JobListeners(_Listeners["Feed[Job]"]):
    """The listeners of one job."""

    __slots__ = ("state",)

    def __init__(self) -> None:
        super().__init__()
        self.state: Job | None = None

    def add(self, feed: Feed[Job], *, is_fresh: bool) -> None:
        """One more; told the state at once where that is fresh."""
        self.feeds.append(feed)
        if is_fresh and self.state is not None:
            feed.put(self.state)

    def show(self, job: Job) -> bool:
        """Tell a state where it is one; tells whether it is. After a fault it always is."""
        changed = has_changed(self.state, job)
        is_told = changed or self.has_fault
        self.state, self.has_fault = job, False
        is_last = job.status in FINISHED
        for feed in self.feeds:
            if is_told or is_last or not feed.has_begun:
                feed.put(job, is_last=is_last)
        if is_last:
            self.feeds.clear()
        return changed

    def take(self, other: JobListeners) -> None:
        """Take over the listeners of the same job, and what they were told."""
        if self.state is None:
            self.state = other.state
        elif other.state is not self.state:
            for feed in other.feeds:
                feed.has_begun = False
        self.feeds += other.feeds
        self.has_fault |= other.has_fault
        other.feeds = []


class PipelineListeners(_Listeners["ChangeFeed"]):
    """The listeners of a whole pipeline: of its page, its jobs and its bridges."""

    __slots__ = ("_items", "_rounds_left", "state")

    def __init__(self) -> None:
        super().__init__()
        self.state: PipelineDetail | None = None
        self._items: dict[int, Item] = {}
        self._rounds_left = LAST_ROUNDS

    def add(self, feed: ChangeFeed, *, is_fresh: bool) -> None:
        """One more; told the state at once where that is fresh."""
        self.feeds.append(feed)
        if is_fresh and self.state is not None:
            feed.put(Change(self.state, tuple(self._items.values())))

    def show(self, pipeline: PipelineDetail, items: list[Item]) -> bool:
        """Tell what has changed, newest id first; tells whether anything has."""
        items.sort(key=lambda item: item.id, reverse=True)
        before = self._items
        moved = tuple([item for item in items if has_changed(before.get(item.id), item)])
        changed = bool(moved) or has_changed(self.state, pipeline)
        is_told = changed or self.has_fault
        self.state, self.has_fault = pipeline, False
        self._items = {item.id: item for item in items}
        is_last = self._is_over(pipeline)
        for feed in self.feeds:
            if not feed.has_begun:
                feed.put(Change(pipeline, tuple(items)), is_last=is_last)
            elif is_told or is_last:
                feed.put(Change(pipeline, moved), is_last=is_last)
        if is_last:
            self.feeds.clear()
        return changed

    def _is_over(self, pipeline: PipelineDetail) -> bool:
        if pipeline.status not in FINISHED:
            self._rounds_left = LAST_ROUNDS
            return False
        self._rounds_left -= 1
        return not self._rounds_left or not any(map(is_active, self._items.values()))

    def take(self, other: PipelineListeners) -> None:
        """Take over the listeners of the same pipeline; they are told all of it again."""
        for feed in other.feeds:
            feed.has_begun = False
        self.feeds += other.feeds
        other.feeds = []


def is_active(item: Item) -> bool:
    """May it change by itself?"""
    return item.status in ACTIVE
