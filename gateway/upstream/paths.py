"""Project keys in paths: encoded exactly once, so that nothing a caller sends reaches another path
(contract, section 1).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import quote

from gateway.errors import BadInput

if TYPE_CHECKING:
    from gateway.upstream.entities import ProjectKey

__all__ = ["encode_project", "encode_ref"]

# Longer than any full path GitLab allows (twenty groups of 255 characters).
MAX_LENGTH = 6_000
_NUMBER = re.compile(r"[0-9]{1,19}")
_REFUSED = re.compile(r"[\x00-\x20\x7f?#%\\]")


def encode_project(key: ProjectKey) -> str:
    """A project's number, or its full path with the slashes encoded; raises `BadInput`."""
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
    parts = key.split("/")
    if len(parts) < 2 or any(part in ("", ".", "..") for part in parts):
        raise BadInput(
            f"project '{key}': use the number, or the full path as in 'group/project',"
            " without a slash at either end"
        )
    return quote(key, safe="")


def encode_ref(text: str, argument: str) -> str:
    """A commit's hash, branch or tag as one path segment; raises `BadInput`."""
    if not text or _REFUSED.search(text) or any(part in (".", "..") for part in text.split("/")):
        raise BadInput(f"{argument} '{text[:80]}': not a commit, branch or tag name")
    return quote(text, safe="")
