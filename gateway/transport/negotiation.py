"""Media types: what a response may be written in, and what a request's body is written in.

`Accept` is read as RFC 9110 (12.5.1) says: the most specific range that names a type decides its
quality, the highest quality wins. Between equals the type that is named wins over one that a
wildcard covers, and then `application/graphql-response+json` over `application/json`; a wildcard
alone means `application/json` (GraphQL over HTTP, 4.1). The few texts that callers send are parsed
once.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final, TypeAlias

__all__ = [
    "GRAPHQL_RESPONSE",
    "HTML",
    "JSON",
    "content_type_fault",
    "names_stream",
    "negotiate",
    "ranges_of",
]

MediaType: TypeAlias = bytes

JSON: Final = b"application/json; charset=utf-8"
GRAPHQL_RESPONSE: Final = b"application/graphql-response+json; charset=utf-8"
HTML: Final = b"text/html; charset=utf-8"

# By preference where a caller names several with equal quality, and where a wildcard covers them.
_NAMED = {
    "text/html": HTML,
    "application/graphql-response+json": GRAPHQL_RESPONSE,
    "application/json": JSON,
}
_COVERED = ("application/json", "application/graphql-response+json")


@lru_cache(maxsize=256)
def negotiate(accept: bytes, *, offers_html: bool = False) -> MediaType | None:
    """The media type to answer in; None where the caller takes none of ours.

    `accept` is empty where the header is missing. HTML is given only to callers that name it.
    """
    if not accept.strip():
        return JSON
    ranges = ranges_of(accept.decode("latin-1"))
    named = [name for name in _NAMED if name in ranges and (offers_html or name != "text/html")]
    best = max(named, key=lambda name: ranges[name], default=None)
    covering = {name: ranges.get("application/*", ranges.get("*/*", 0.0)) for name in _COVERED}
    covered = max(
        (name for name in _COVERED if name not in ranges),
        key=lambda name: covering[name],
        default=None,
    )
    if covered and covering[covered] > (ranges[best] if best else 0.0):
        return _NAMED[covered]
    return _NAMED[best] if best and ranges[best] > 0 else None


@lru_cache(maxsize=256)
def names_stream(accept: bytes) -> bool:
    """May a caller with this `Accept` want a stream? `negotiate_stream` of `streams` tells."""
    return b"event-stream" in accept or b"multipart" in accept


def ranges_of(accept: str) -> dict[str, float]:
    """Quality by media range; ranges whose charset is not ours are left out."""
    ranges: dict[str, float] = {}
    for part in accept.split(","):
        name, parameters = _parsed(part)
        if not name or not _is_utf8(parameters):
            continue
        try:
            quality = min(max(float(parameters.get("q", "1")), 0.0), 1.0)
        except ValueError:
            continue
        ranges[name] = max(quality, ranges.get(name, 0.0))
    return ranges


@lru_cache(maxsize=256)
def content_type_fault(content_type: bytes) -> str | None:
    """What keeps a body of this content type from being read; None for JSON in UTF-8."""
    name, parameters = _parsed(content_type.decode("latin-1"))
    if not name:
        return "the body needs the header content-type: application/json"
    if name != "application/json":
        return "the body must be application/json"
    if not _is_utf8(parameters):
        return "the body must be in UTF-8"
    return None


def _parsed(text: str) -> tuple[str, dict[str, str]]:
    """A media type or range in lower case, and its parameters."""
    name, *parameters = (part.strip() for part in text.split(";"))
    pairs = (parameter.partition("=") for parameter in parameters)
    return name.lower(), {key.strip().lower(): value.strip().strip('"') for key, _, value in pairs}


def _is_utf8(parameters: dict[str, str]) -> bool:
    return parameters.get("charset", "utf-8").lower() in {"utf-8", "utf8"}
