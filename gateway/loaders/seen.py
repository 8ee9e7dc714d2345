"""What an operation has read already, so that it is not read again.

Lists are only put aside; they are sorted by key when a single thing is asked for the first time
after. Most operations never ask.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gateway.errors import UpstreamInvalid
from gateway.upstream.entities import Bridge, Job
from gateway.upstream.pruning import whole_class

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gateway.upstream.entities import Commit, Item, ProjectKey

__all__ = ["Seen"]


class Seen:
    """Jobs, bridges and commits by project and id.

    A project that was asked for by path is known by its number, too, once one of its items was
    seen.
    """

    __slots__ = ("_projects", "_unsorted")

    def __init__(self) -> None:
        self._unsorted: list[tuple[ProjectKey, Iterable[object]]] = []
        self._projects: dict[ProjectKey, _SeenProject] = {}

    def add(self, project: ProjectKey, rows: Iterable[object]) -> None:
        """Keep jobs and bridges of a project; other rows are passed over."""
        self._unsorted.append((project, rows))

    def job(self, project: ProjectKey, job_id: int) -> Job | None:
        """A job, if it was seen."""
        seen = self._project(project)
        return seen.jobs.get(job_id) if seen is not None else None

    def bridge(self, project: ProjectKey, bridge_id: int) -> Bridge | None:
        """A bridge, if it was seen."""
        seen = self._project(project)
        return seen.bridges.get(bridge_id) if seen is not None else None

    def commit(self, project: ProjectKey, sha: str) -> Commit | None:
        """A commit, if a job or bridge that was seen ran for it."""
        seen = self._project(project)
        return seen.commit(sha) if seen is not None else None

    def number(self, project: ProjectKey) -> int | None:
        """A project's number, if an item of it was seen."""
        seen = self._project(project)
        return seen.number if seen is not None else None

    def _project(self, project: ProjectKey) -> _SeenProject | None:
        if self._unsorted:
            for key, rows in self._unsorted:
                self._sort(key, rows)
            self._unsorted.clear()
        return self._projects.get(project)

    def _sort(self, project: ProjectKey, rows: Iterable[object]) -> None:
        """The rows of one list, which are all of one kind."""
        items: list[Any] = [row for row in rows if not isinstance(row, UpstreamInvalid)]
        kind = whole_class(items[0].__class__) if items else None
        if kind is Job or kind is Bridge:
            seen = self._project_of(project, items[0])
            by_id = seen.jobs if kind is Job else seen.bridges
            by_id.update([(item.id, item) for item in items])
            seen.commits = None

    def _project_of(self, project: ProjectKey, item: Item) -> _SeenProject:
        """What was seen of a project, the same by its number and by its path."""
        number = None if item.pipeline is None else item.pipeline.project_id
        seen = self._projects.get(project if number is None else number)
        if seen is None:
            seen = _SeenProject(number)
        named = self._projects.get(project)
        if named is not None and named is not seen:
            seen.jobs |= named.jobs
            seen.bridges |= named.bridges
        self._projects[project] = seen
        if number is not None:
            self._projects[number] = seen
        return seen


class _SeenProject:
    """What was seen of one project."""

    __slots__ = ("bridges", "commits", "jobs", "number")

    def __init__(self, number: int | None) -> None:
        self.number = number
        self.jobs: dict[int, Job] = {}
        self.bridges: dict[int, Bridge] = {}
        # By hash, once one was asked for: where none is, items are read without theirs.
        self.commits: dict[str, Commit] | None = None

    def commit(self, sha: str) -> Commit | None:
        if self.commits is None:
            items: list[Item] = [*self.jobs.values(), *self.bridges.values()]
            self.commits = {item.commit.id: item.commit for item in items if item.commit}
        return self.commits.get(sha)
