"""Scripts, which the store runs as one command each."""

from __future__ import annotations

import hashlib
from typing import ClassVar

__all__ = ["Script"]


class Script:
    """A Lua script; all keys of one run are of one hash tag. A store is told all that there are
    when it is connected to, so that one is not sent twice when time is short.
    """

    __slots__ = ("sha1", "text")

    known: ClassVar[list[Script]] = []

    def __init__(self, text: str) -> None:
        self.known.append(self)
        self.text = text
        # It is how the store names a script.
        self.sha1 = hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()
