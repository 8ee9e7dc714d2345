"""The explorer: what a browser gets at `/graphql`.

A plain page of our own that works at once, offline too; where GraphiQL's files load from the CDN
(pinned, checked by their hashes) GraphiQL takes its place. Nothing but these files and the gateway
is reachable from the page (Content-Security-Policy, a new nonce for each answer).
"""

from __future__ import annotations

import secrets
from importlib.resources import files
from typing import TYPE_CHECKING, Final

import msgspec

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gateway.transport.http_error import Headers

__all__ = ["ASSETS", "CDN", "Explorer"]

CDN: Final = "https://cdn.jsdelivr.net"
# In the order they must run; hashes of the files in the packages of the npm registry.
ASSETS: Final = {
    "/npm/react@18.3.1/umd/react.production.min.js": (
        "sha384-DGyLxAyjq0f9SPpVevD6IgztCFlnMF6oW/XQGmfe+IsZ8TqEiDrcHkMLKI6fiB/Z"
    ),
    "/npm/react-dom@18.3.1/umd/react-dom.production.min.js": (
        "sha384-gTGxhz21lVGYNMcdJOyq01Edg0jhn/c22nsx0kyqP0TxaV5WVdsSH1fSDUf5YJj1"
    ),
    "/npm/graphiql@3.9.0/graphiql.min.js": (
        "sha384-8NGfVj4CVlqHajlZj+bPJT4thxPMHMJYn7DWK2CvtopLd02E7qsPHazniBYvVjOO"
    ),
    "/npm/graphiql@3.9.0/graphiql.min.css": (
        "sha384-QMux00XgRtwRLSYIY3kw2rj1ovk5AuuliAchk+HSQbqdbGFnz9GYuqIlOqxhwCE2"
    ),
}


class Explorer:
    """The page, opening with these request headers and this project in its editors.

    The headers are shown to everybody who opens the page: only a sandbox's demo token may stand
    there.
    """

    def __init__(
        self, headers: Mapping[str, str] | None = None, project: str | None = None
    ) -> None:
        here = files(__name__)
        start = {
            "assets": [{"url": CDN + path, "integrity": digest} for path, digest in ASSETS.items()],
            "query": here.joinpath("welcome.graphql").read_text(encoding="utf-8"),
            "variables": _pretty({"project": project or "group/project"}),
            "headers": _pretty(headers or {"PRIVATE-TOKEN": ""}),
        }
        # "</script>" and "<!--" cannot appear in the script that holds this.
        config = msgspec.json.encode(start).replace(b"<", b"\\u003c")
        page = here.joinpath("page.html").read_bytes()
        self._pieces = page.replace(b"__START__", config).split(b"__NONCE__")

    def page(self) -> tuple[bytes, Headers]:
        """The page and its headers."""
        nonce = secrets.token_urlsafe(16).encode()
        policy = (
            b"default-src 'none'; script-src 'nonce-%b'; style-src 'self' 'unsafe-inline' %b;"
            b" img-src data:; font-src data:; connect-src 'self'; base-uri 'none';"
            b" form-action 'none'; frame-ancestors 'none'" % (nonce, CDN.encode())
        )
        return nonce.join(self._pieces), (
            (b"content-security-policy", policy),
            (b"referrer-policy", b"no-referrer"),
            (b"x-content-type-options", b"nosniff"),
        )


def _pretty(value: Mapping[str, str]) -> str:
    return msgspec.json.format(msgspec.json.encode(value), indent=2).decode()
