"""Links to other pages, in the `Link` headers of an answer (RFC 8288).

    </jobs?page=2>; rel="next", <https://cdn.example/a,b.css>; rel=preload; as=style

The header may come several times, and others than the upstream may add links of their own.
Addresses may be relative and hold commas, parameters may be quoted and hold anything, and one `rel`
may name several relations, in any case.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["may_link_to", "page_links", "parameter_in"]

# The relations that tell where a page lies in its list (RFC 8288, RFC 5005).
PAGE_RELATIONS: Final = frozenset({"next", "prev", "previous", "first", "last"})

# What follows the address of a link as GitLab itself writes it, less `>; rel="`.
_PLAIN: Final = {f'{relation}"': relation for relation in PAGE_RELATIONS}
_LINK = re.compile(r"[\s,]*<([^<>]*)>")
_PARAMETER = re.compile(r'\s*;\s*([^\s;,="]*)\s*(?:=\s*("(?:[^"\\]|\\.)*(?:"|\\?$)|[^\s;,]*))?')
_NEXT_LINK = re.compile(r",\s*(?=<)")
_ESCAPED = re.compile(r"\\(.)")


def page_links(headers: Iterable[str]) -> dict[str, str]:
    """The addresses of the pages that an answer links to, by relation; the first of each."""
    found: dict[str, str] = {}
    for header in headers:
        plain = _plain_links(header)
        if plain is not None:
            found = {**plain, **found} if found else plain
            continue
        for address, relations in _links(header):
            for relation in relations & PAGE_RELATIONS:
                found.setdefault(relation, address)
    return found


def may_link_to(relation: str, headers: Iterable[str]) -> bool:
    """Is it worth while to take the headers apart for this relation? Looks for its name alone, and
    for escapes, which could hide it.
    """
    for header in headers:  # noqa: SIM110 - a generator costs more than what it looks at
        if relation in header.lower() or "\\" in header:
            return True
    return False


def parameter_in(address: str, name: str) -> str | None:
    """The value of a parameter in the query of an address; None without one."""
    query = address.partition("#")[0].partition("?")[2]
    for pair in query.split("&"):
        found, _, value = pair.partition("=")
        if unquote(found) == name:
            return unquote(value)
    return None


def _plain_links(header: str) -> dict[str, str] | None:
    """The same of one header, without a pattern, which would cost several times as much; None where
    there is anything but links to pages, or one that is written in another way than GitLab's.
    """
    found: dict[str, str] = {}
    if not header.startswith("<"):
        return None
    for link in header[1:].split(", <"):
        address, _, rest = link.partition('>; rel="')
        relation = _PLAIN.get(rest)
        if relation is None or "<" in address or ">" in address:
            return None
        found.setdefault(relation, address)
    return found


def _links(header: str) -> Iterator[tuple[str, frozenset[str]]]:
    """Each link's address and relations. What is no link is passed over."""
    place = 0
    while True:
        link = _LINK.match(header, place)
        if link is not None:
            place = link.end()
            given: dict[str, str] = {}
            while (parameter := _PARAMETER.match(header, place)) is not None:
                place = parameter.end()
                # Of equal parameters the first one counts.
                given.setdefault(parameter[1].lower(), _unquoted(parameter[2] or ""))
            # With an anchor it is a link of something else than this page.
            if "anchor" not in given:
                yield link[1], frozenset(given.get("rel", "").lower().split())
        following = _NEXT_LINK.search(header, place)
        if following is None:
            return
        place = following.end()


def _unquoted(value: str) -> str:
    if not value.startswith('"'):
        return value
    return _ESCAPED.sub(r"\1", value[1:].removesuffix('"'))
