"""Cursors: our own opaque positions in the upstream's lists (architecture.md, cursors by id).

All upstream lists run newest id first, so "after X" means ids below X, whatever happened to X
since. Lists that the upstream pages by offset add where X was seen, so that going on costs one
call, and how long the list was then, which often proves that nothing slipped past. The text is
base64 without padding of

    j1.<id>                                  jobs of a project
    p1.0.<id>.<offset>.<total>               pipelines of a project
    o1.<order>.<id>.<offset>.<changed>       the same in another order (`ordering`)
    q1.<pipeline>.<id>.<offset>.<total>      jobs of a pipeline
    b1.<pipeline>.<id>.<offset>.<total>      bridges of a pipeline
    m1.<pipeline>.<id>.<jobs>.<total>.<bridges>.<total>
                                             both in one list, at a job; n1, at a bridge

with numbers in hexadecimal; <total> is empty where it proves nothing. <changed> is when the row had
changed last, in µs, where the order goes by that. <jobs> and <bridges> are how
many of each stood at or above the row. The project is not in it: the same list is known by its path
and by its number.
"""

from __future__ import annotations

import re
from binascii import a2b_base64, b2a_base64
from typing import Any, Final, Literal, TypeAlias

from msgspec import Struct

from gateway.errors import BadInput

__all__ = ["ITEM_KINDS", "MAX_ID", "Cursor", "ListKind"]

ListKind: TypeAlias = Literal["j", "p", "o", "q", "b", "m", "n"]

# One below what the upstream can hold, so that the bound above an id is an id too.
MAX_ID: Final = 2**63 - 2

# Lists are at most 50,000 rows deep by offset, and a forged offset must not make us look further.
MAX_OFFSET: Final = 50_000

_KINDS: Final[dict[bytes, ListKind]] = {
    b"p": "p",
    b"o": "o",
    b"q": "q",
    b"b": "b",
    b"m": "m",
    b"n": "n",
}
# At a job and at a bridge, in the one list of both.
ITEM_KINDS: Final = frozenset({"m", "n"})
_NUMBER = "([0-9a-f]{1,16})"
_OPTIONAL = "([0-9a-f]{0,16})"
_TEXT = re.compile(
    rf"(?:(j)1\.{_NUMBER}"
    rf"|([poqb])1\.{_NUMBER}\.{_NUMBER}\.{_NUMBER}\.{_OPTIONAL}"
    rf"|([mn])1\.{_NUMBER}\.{_NUMBER}\.{_NUMBER}\.{_OPTIONAL}\.{_NUMBER}\.{_OPTIONAL})".encode()
)


class Cursor(Struct, frozen=True):
    """A position: the row with this id, in the list of this kind and parent.

    `offset` (from 0) and `total` tell where the row was seen and how many rows there were then;
    both mean something for lists paged by offset only. In another order `parent` is that order, and
    `total` tells when the row had changed last, in µs. In the one list of a pipeline's jobs and
    bridges `offset` and `total` tell how many jobs stood at or above it and how many there were,
    `bridges` and `bridges_total` the same of the bridges.
    """

    kind: ListKind
    id: int
    parent: int = 0
    offset: int = 0
    total: int | None = None
    bridges: int = 0
    bridges_total: int | None = None

    def __str__(self) -> str:
        if self.kind == "j":
            plain = b"j1.%x" % self.id
        else:
            plain = b"%b1.%x.%x.%x.%b" % (
                self.kind.encode(),
                self.parent,
                self.id,
                self.offset,
                _optional(self.total),
            )
            if self.kind in ITEM_KINDS:
                plain += b".%x.%b" % (self.bridges, _optional(self.bridges_total))
        # Of these characters base64 makes no "+" and no "/".
        return b2a_base64(plain, newline=False).rstrip(b"=").decode()

    @classmethod
    def parse(cls, text: str, argument: str) -> Cursor:
        """The position a text tells; raises `BadInput`, naming the argument, for other texts."""
        try:
            padded = text.encode("ascii") + b"=" * (-len(text) % 4)
            match = _TEXT.fullmatch(a2b_base64(padded, strict_mode=True))
        except ValueError:
            match = None
        if match is None:
            raise BadInput(
                f"{argument}: not a cursor: {text[:80]!r}; give one back as a page gave it"
            )
        keyset, keyset_id, *others = match.groups()
        if keyset:
            cursor = cls("j", int(keyset_id, 16))
        else:
            kind, parent, last_id, *seen = (part for part in others if part is not None)
            numbers: list[Any] = [int(part, 16) if part else None for part in seen]
            cursor = cls(_KINDS[kind], int(last_id, 16), int(parent, 16), *numbers)
        if cursor.id > MAX_ID or max(cursor.offset, cursor.bridges) > MAX_OFFSET:
            raise BadInput(f"{argument}: not a cursor of any list there is")
        return cursor


def _optional(number: int | None) -> bytes:
    return b"" if number is None else b"%x" % number
