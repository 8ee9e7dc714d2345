"""Projects: as far as they are known without asking, and as their own endpoint shows them."""

from __future__ import annotations

from msgspec import Struct

from gateway.upstream.entities.values import UNTOLD, Known, Number, ProjectKey

__all__ = ["Project", "ProjectDetail", "ProjectHandle"]


class ProjectHandle(Struct, frozen=True, gc=False):
    """A project as far as it is known without asking: by number, by path, or both.

    Where there is no number, the path is what the caller called it, which the upstream may spell
    otherwise.
    """

    number: int | None = None
    path: str | None = None
    ci_job_token_scope_enabled: bool | None = None
    # Address of one of its pages, where the path stands in.
    page_url: str | None = None

    @property
    def known(self) -> Known:
        """SHORT with the number, which everything else is addressed by; else HANDLE."""
        return Known.HANDLE if self.number is None else Known.SHORT

    @property
    def key(self) -> ProjectKey:
        """How to address it upstream: by number where known."""
        if self.number is not None:
            return self.number
        return self.path or UNTOLD


class ProjectDetail(ProjectHandle, frozen=True, gc=False):
    """A project as its own endpoint shows it."""

    name: str | None = None
    default_branch: str | None = None

    @property
    def known(self) -> Known:
        return Known.LONG

    @property
    def web_url(self) -> str | None:
        """Address of its page."""
        return self.page_url


class Project(Struct, frozen=True, gc=False):
    """The answer of the single-project endpoint, as far as it is used."""

    id: Number
    name: str | None = None
    default_branch: str | None = None
    path_with_namespace: str | None = None
    web_url: str | None = None
    ci_job_token_scope_enabled: bool | None = None
