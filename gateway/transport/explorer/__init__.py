"""The explorer: what a browser gets at `/graphql`, and the page of pipelines at `/`.

GraphiQL, made for this graph, as the build left it in the package; where it was not built, a plain
page of our own that says how to get it. None asks any other host for anything
(Content-Security-Policy), and all work under any path, since their addresses are relative.
"""

from __future__ import annotations

from base64 import b64encode
from hashlib import sha256
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Final

import msgspec
from starlette.responses import HTMLResponse

from gateway.transport.explorer.assets import Bundle
from gateway.transport.explorer.tabs import Examples, opening_tabs
from gateway.version import __version__

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.responses import Response

    from gateway.transport.request import Headers

__all__ = ["Bundle", "Examples", "Explorer"]

_START: Final = b"__START__"
# GraphiQL's editor writes its styles into the page.
_POLICY: Final = (
    "default-src 'none'; script-src %s; worker-src 'self'; style-src 'self' 'unsafe-inline';"
    " font-src 'self' data:; img-src 'self' data:; connect-src 'self'; base-uri 'none';"
    " form-action 'none'; frame-ancestors 'none'"
)


class Explorer:
    """The explorer's page, opening with these request headers in its editor and tabs that ask for
    `examples`; and the page of pipelines, opening with the same.

    The headers are shown to everybody who opens the page: only a sandbox's demo token may stand
    there.
    """

    def __init__(
        self,
        headers: Mapping[str, str] | None = None,
        examples: Examples | None = None,
        bundle: Bundle | None = None,
    ) -> None:
        bundle = bundle or Bundle()
        shown = _pretty(headers or {"PRIVATE-TOKEN": ""})
        tabs = opening_tabs(examples or Examples())
        start = {"version": __version__, "headers": shown, "tabs": tabs}
        if bundle.page is not None:
            page, scripts = bundle.page, "'self'"
        else:
            page = files(__name__).joinpath("plain.html").read_bytes()
            scripts = _hash_of_script(page)
        self._page = _starting(page, start)
        self._headers: Headers = (
            (b"content-security-policy", (_POLICY % scripts).encode()),
            (b"referrer-policy", b"no-referrer"),
            (b"x-content-type-options", b"nosniff"),
        )
        opening = {
            "headers": shown,
            "project": examples.project if examples else "",
            "pipeline": examples.pipeline if examples else "",
        }
        self._pipelines = bundle.pipelines and _starting(bundle.pipelines, opening)

    def page(self) -> tuple[bytes, Headers]:
        """The explorer's page and its headers."""
        return self._page, self._headers

    def pipelines(self) -> Response | None:
        """The page of pipelines; None where it was not built."""
        if self._pipelines is None:
            return None
        headers = {name.decode(): value.decode() for name, value in self._headers}
        return HTMLResponse(self._pipelines, headers=headers | {"cache-control": "no-store"})


def _starting(page: bytes, start: Mapping[str, Any]) -> bytes:
    """A page with what it starts with in its place."""
    # "</script>" and "<!--" cannot appear in the element that holds this.
    return page.replace(_START, msgspec.json.encode(start).replace(b"<", b"\\u003c"))


def _hash_of_script(page: bytes) -> str:
    """The one script in a page, as a policy names it."""
    script = page.partition(b"<script>")[2].partition(b"</script>")[0]
    return f"'sha256-{b64encode(sha256(script).digest()).decode()}'"


def _pretty(value: Mapping[str, str]) -> str:
    return msgspec.json.format(msgspec.json.encode(value), indent=2).decode()
