"""Cursors: our own opaque positions in the upstream's lists (architecture.md, cursors by id).

All upstream lists run newest id first, so "after X" means ids below X, whatever happened to X
since. Lists that the upstream pages by offset add where X was seen, so that going on costs one
call, and how long the list was then, which often proves that nothing slipped past. The text is
base64 without padding of

    j1.<id>                                  jobs of a project
    p1.0.<id>.<offset>.<total>               pipelines of a project
    q1.<pipeline>.<id>.<offset>.<total>      jobs of a pipeline
    b1.<pipeline>.<id>.<offset>.<total>      bridges of a pipeline

with numbers in hexadecimal; <total> is empty where it proves nothing. The project is not in it: the
same list is known by its path and by its number.
"""

from __future__ import annotations

import re
from binascii import a2b_base64, b2a_base64
from typing import Final, Literal, TypeAlias

from msgspec import Struct

from gateway.errors import BadInput

__all__ = ["MAX_ID", "Cursor", "ListKind"]

ListKind: TypeAlias = Literal["j", "p", "q", "b"]

# One below what the upstream can hold, so that the bound above an id is an id too.
MAX_ID: Final = 2**63 - 2

# Lists are at most 50,000 rows deep by offset, and a forged offset must not make us look further.
MAX_OFFSET: Final = 50_000

_KINDS: Final[dict[bytes, ListKind]] = {b"p": "p", b"q": "q", b"b": "b"}
_NUMBER = "([0-9a-f]{1,16})"
_TEXT = re.compile(
    rf"(?:(j)1\.{_NUMBER}|([pqb])1\.{_NUMBER}\.{_NUMBER}\.{_NUMBER}\.{_NUMBER}?)".encode()
)


class Cursor(Struct, frozen=True):
    """A position: the row with this id, in the list of this kind and parent.

    `offset` (from 0) and `total` tell where the row was seen and how many rows there were then;
    both mean something for lists paged by offset only.
    """

    kind: ListKind
    id: int
    parent: int = 0
    offset: int = 0
    total: int | None = None

    def __str__(self) -> str:
        if self.kind == "j":
            plain = b"j1.%x" % self.id
        else:
            total = b"" if self.total is None else b"%x" % self.total
            plain = b"%b1.%x.%x.%x.%b" % (
                self.kind.encode(),
                self.parent,
                self.id,
                self.offset,
                total,
            )
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
            kind, parent, last_id, offset, total = others
            cursor = cls(
                _KINDS[kind],
                int(last_id, 16),
                int(parent, 16),
                int(offset, 16),
                int(total, 16) if total else None,
            )
        if cursor.id > MAX_ID or cursor.offset > MAX_OFFSET:
            raise BadInput(f"{argument}: not a cursor of any list there is")
        return cursor
