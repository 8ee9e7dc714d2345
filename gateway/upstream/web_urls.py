"""Addresses of GitLab's pages: pasted ones read, and paths and download addresses told from them.

Pages may have another address than the API (`GATEWAY_UPSTREAM_WEB_URL`); without a setting they
stand where the API's `/api/v4` begins.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote, urlsplit

from gateway.errors import BadInput
from gateway.upstream.paths import encode_project

if TYPE_CHECKING:
    from gateway.upstream.entities import ProjectKey

__all__ = ["WebUrls", "origin_of"]

_API = re.compile(r"/api/v4/?$")
# A page of a project: the full path, then `/-/jobs/1`, or `/jobs/1` on old servers. A path can hold
# a part called `jobs`, but none called `-`; what follows the number is a page below it.
_PAGE = re.compile(r"/(.+?)/-/(jobs|pipelines)/([0-9]{1,19})(?:/.*)?")
_OLD_PAGE = re.compile(r"/(.+)/(jobs|builds|pipelines)/([0-9]{1,19})(?:/[^0-9]*)?")
_DEFAULT_PORTS: Final = {"http": 80, "https": 443}


class WebUrls:
    """Reads and makes addresses for one upstream. `upstream_url` is the API's base address."""

    def __init__(self, upstream_url: str, web_url: str | None = None) -> None:
        self._api_url = upstream_url.rstrip("/")
        self.web_url = (web_url or _API.sub("", self._api_url)).rstrip("/")
        """Where the pages stand."""
        self._origin = origin_of(self.web_url)
        self._root = f"{urlsplit(self.web_url).path}/"

    def job(self, text: str) -> tuple[ProjectKey, int]:
        """Project path and job number of a job's page; raises `BadInput`."""
        return self._page(text, "job", {"jobs", "builds"})

    def pipeline(self, text: str) -> tuple[ProjectKey, int]:
        """Project path and pipeline number of a pipeline's page; raises `BadInput`."""
        return self._page(text, "pipeline", {"pipelines"})

    def path_of(self, web_url: str | None) -> str | None:
        """The full project path in the address of a job's or pipeline's page; None if in none."""
        if web_url is None:
            return None
        # Cheap on purpose: it runs for every row that shows its project's path.
        start = web_url.find("/", web_url.find("://") + 3)
        if start < 0:
            return None
        end = web_url.find("/-/", start)
        if end < 0:
            end = max(web_url.rfind("/jobs/"), web_url.rfind("/pipelines/"))
        start += len(self._root) if web_url.startswith(self._root, start) else 1
        return web_url[start:end] or None if start < end else None

    def artifact(self, project: ProjectKey, job_id: int, file_type: str) -> str | None:
        """Where a file is served with the caller's credential; None for kinds that are not."""
        if file_type == "archive":
            served = "artifacts"
        elif file_type == "trace":
            served = "trace"
        else:
            return None
        return f"{self._api_url}/projects/{encode_project(project)}/jobs/{job_id}/{served}"

    def _page(self, text: str, noun: str, kinds: set[str]) -> tuple[ProjectKey, int]:
        example = f"{self.web_url}/group/project/-/{noun}s/1"
        try:
            origin = origin_of(text.strip())
        except ValueError:
            raise BadInput(f"webUrl: no address; expected one like {example}") from None
        if origin != self._origin:
            raise BadInput(f"webUrl: this gateway's pages are at {self.web_url}, not there")
        path = urlsplit(text.strip()).path
        if path.startswith(self._root):
            path = path[len(self._root) - 1 :]
        page = _PAGE.fullmatch(path) or _OLD_PAGE.fullmatch(path)
        if page is None or page[2] not in kinds:
            raise BadInput(f"webUrl: not the address of a {noun}; expected one like {example}")
        project = unquote(page[1])
        encode_project(project)
        return project, int(page[3])


def origin_of(url: str) -> tuple[str, str, int | None]:
    """Scheme, host and port of an address; raises `ValueError`."""
    address = urlsplit(url)
    scheme = address.scheme.lower()
    return scheme, (address.hostname or "").lower(), address.port or _DEFAULT_PORTS.get(scheme)
