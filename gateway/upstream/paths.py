"""What a caller names, as a piece of a path: encoded exactly once, so that nothing a caller sends
reaches another path (upstream.md, 1).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from gateway.errors import BadInput, UpstreamInvalid
from gateway.upstream.entities import UNTOLD

if TYPE_CHECKING:
    from gateway.upstream.entities import ProjectKey

__all__ = ["encode_project", "encode_ref", "has_dots"]

# Longer than any full path GitLab allows (twenty groups of 255 characters).
MAX_LENGTH: Final = 6_000
_NUMBER = re.compile(r"[0-9]{1,19}")
_REFUSED = re.compile(r"[\x00-\x20\x7f?#%\\]")
_DOTS = re.compile(r"(?:^|/)(?:\.|%2e){1,2}(?:/|$)", re.IGNORECASE)


def encode_project(key: ProjectKey) -> str:
    """A project's number, or its full path with the slashes encoded; raises `BadInput`, and
    `UpstreamInvalid` for one that the upstream did not name.
    """
    if key is UNTOLD:
        raise UpstreamInvalid("the upstream does not tell which project it is of", endpoint=None)
    if isinstance(key, int):
        if key < 1:
            raise BadInput(f"project {key}: a project's number is 1 or more")
        return str(key)
    if _NUMBER.fullmatch(key):
        return key
    if _REFUSED.search(key) or len(key) > MAX_LENGTH:
        raise BadInput(
            "project: a full path has letters, digits, '_', '-', '.' and single slashes;"
            " write it as it stands in the address, not encoded"
        )
    if "/" not in key or "//" in f"/{key}/" or has_dots(key):
        raise BadInput(
            f"project '{key[:200]}': use the number, or the full path as in 'group/project',"
            " without a slash at either end"
        )
    return quote(key, safe="")


def encode_ref(text: str, argument: str) -> str:
    """A commit's hash, branch or tag as one segment; raises `BadInput`."""
    if not text or _REFUSED.search(text) or has_dots(text):
        raise BadInput(f"{argument} '{text[:80]}': not a commit, branch or tag name")
    return quote(text, safe="")


def has_dots(path: str) -> bool:
    """Has it a segment that servers take for "here" or "one up", encoded or not?"""
    return _DOTS.search(path) is not None
