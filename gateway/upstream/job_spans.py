"""How near to each other the ids of a project's jobs lie, learned from pages that were read."""

from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from gateway.upstream.entities import ProjectKey

__all__ = ["JobSpans"]

# Pages that are remembered, some 250 bytes each.
MAX_PAGES: Final = 4000


class JobSpans:
    """Over how many ids full pages of jobs reached, of the pages read last. An upstream counts the
    jobs of all its projects in one sequence, so that this may be 100 or a million; and since new
    jobs come above all others, a page from the same id on reaches as far again.
    """

    def __init__(self) -> None:
        self._spans: OrderedDict[tuple[ProjectKey, int | None], int] = OrderedDict()

    def of(self, project: ProjectKey, top: int) -> int | None:
        """What a page from this id on reaches over: as that one did, else as the project's last
        one; None where none was read.
        """
        span = self._spans.get((project, top))
        return self._spans.get((project, None)) if span is None else span

    def learn(self, project: ProjectKey, top: int, bottom: int) -> None:
        """Remember a page's highest and lowest ids."""
        for key in ((project, top), (project, None)):
            self._spans[key] = top - bottom + 1
            self._spans.move_to_end(key)
        while len(self._spans) > MAX_PAGES:
            self._spans.popitem(last=False)
