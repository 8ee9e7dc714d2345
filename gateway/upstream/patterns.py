"""Patterns for names: `*` stands for any run of characters, an empty one included."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["NamePatterns"]


class NamePatterns:
    """Names and patterns, any of which may fit. A test takes time in the length of the name for
    each pattern, whatever the pattern is.
    """

    def __init__(self, patterns: Sequence[str]) -> None:
        self._names = frozenset(pattern for pattern in patterns if "*" not in pattern)
        self._patterns = [pattern.split("*") for pattern in patterns if "*" in pattern]

    def fit(self, name: str) -> bool:
        """Does one of them stand for this name?"""
        return name in self._names or any(_fits(parts, name) for parts in self._patterns)


def _fits(parts: Sequence[str], name: str) -> bool:
    first, *middle, last = parts
    end = len(name) - len(last)
    if not name.startswith(first) or not name.endswith(last) or end < len(first):
        return False
    at = len(first)
    for part in middle:
        # The first place is the best one: it leaves most of the name for the others.
        found = name.find(part, at, end)
        if found < 0:
            return False
        at = found + len(part)
    return True
