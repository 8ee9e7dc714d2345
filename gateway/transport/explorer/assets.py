"""The explorer's files as the build left them in the package: `bundle/`.

    page.html       the explorer's page, with a place for what it starts with
    pipelines.html  the page of pipelines, likewise
    files/*.gz      scripts, styles and fonts; their names hold a hash of their content
    licences.txt    of the packages they are made of

Served compressed as they lie there; a browser that has one never asks for it again.
"""

from __future__ import annotations

import gzip
import re
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Final

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.routing import Route

if TYPE_CHECKING:
    from starlette.requests import Request

__all__ = ["BUNDLE", "Bundle"]

BUNDLE: Final = Path(str(files(__name__.rpartition(".")[0]).joinpath("bundle")))

_TYPES: Final = {
    ".js": "text/javascript",
    ".css": "text/css",
    ".ttf": "font/ttf",
    ".txt": "text/plain",
}
_LICENCES: Final = "licences.txt"
_HEADERS: Final = {
    # For scripts that run as workers: they load other scripts of ours and nothing else.
    "content-security-policy": "default-src 'none'; script-src 'self'; frame-ancestors 'none'",
    "cross-origin-resource-policy": "same-origin",
    "x-content-type-options": "nosniff",
    "vary": "accept-encoding",
}
_FOR_EVER: Final = "public, max-age=31536000, immutable"
# As a list in `Accept-Encoding` names it, but for a quality of zero.
_takes_gzip = re.compile(
    r"(?:^|[\s,])(?:gzip|x-gzip|\*)\s*(?:;\s*q=(?!0(?:\.0*)?\s*(?:,|$))|,|$)", re.IGNORECASE
)


class Bundle:
    """The built pages in a folder: the explorer's, and that of pipelines; both are None where they
    were not built.
    """

    def __init__(self, folder: Path = BUNDLE) -> None:
        self._folder = folder
        self.page = _content(folder / "page.html")
        self.pipelines = _content(folder / "pipelines.html")
        # By name, so that nothing but these files can be asked for.
        self._paths = {path.stem: path for path in (folder / "files").glob("*.gz")}

    def route(self, under: str) -> Route:
        """Where the files are served: `under`, a path without a closing slash."""
        return Route(f"{under}/{{name}}", self._file, methods=["GET"])

    async def _file(self, request: Request) -> Response:
        name = request.path_params["name"]
        if name == _LICENCES and self.page is not None:
            text = await run_in_threadpool((self._folder / _LICENCES).read_bytes)
            return Response(text, headers=_HEADERS, media_type="text/plain")
        path = self._paths.get(name)
        if path is None:
            raise HTTPException(404)
        is_packed = _takes_gzip.search(request.headers.get("accept-encoding", "")) is not None
        headers = _HEADERS | {
            "cache-control": _FOR_EVER,
            "etag": f'"{name}{".gz" if is_packed else ""}"',
        }
        if _names(request.headers.get("if-none-match", ""), headers["etag"]):
            return Response(status_code=304, headers=headers)
        content = await run_in_threadpool(path.read_bytes)
        if is_packed:
            headers["content-encoding"] = "gzip"
        else:
            content = await run_in_threadpool(gzip.decompress, content)
        return Response(content, headers=headers, media_type=_TYPES[Path(name).suffix])


def _content(path: Path) -> bytes | None:
    return path.read_bytes() if path.is_file() else None


def _names(if_none_match: str, etag: str) -> bool:
    tags = {tag.strip().removeprefix("W/") for tag in if_none_match.split(",")}
    return etag in tags or "*" in tags
