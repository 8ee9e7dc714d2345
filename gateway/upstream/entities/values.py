"""What entities are declared with: the numbers they hold, and how much is known of one."""

from __future__ import annotations

from enum import IntEnum
from typing import Annotated, Any, Final, TypeAlias

from msgspec import Meta, field

__all__ = ["UNTOLD", "Count", "Known", "Number", "ProjectKey", "Size", "ours"]

# A project as callers name it: its number, or its full path with single slashes ("group/project").
ProjectKey: TypeAlias = int | str


class _Untold(int):
    """Tells the project that no answer named from the number of one."""


# In place of a project that neither the upstream nor a caller has named: nobody can ask for it.
UNTOLD: Final = _Untold(0)

# Ids and sizes are 64 bits in the upstream, ids from 1 on: another number is none of its own.
Number: TypeAlias = Annotated[int, Meta(ge=1, le=2**63 - 1)]
Size: TypeAlias = Annotated[int, Meta(ge=0, le=2**63 - 1)]
# As many as an `Int` of GraphQL holds.
Count: TypeAlias = Annotated[int, Meta(ge=0, le=2**31 - 1)]


class Known(IntEnum):
    """How much is known of an entity. A level includes those before it; the next one is a call."""

    # What it takes to ask for the thing.
    HANDLE = 0
    # What comes with other things, and in lists.
    SHORT = 1
    # What its own endpoint answers.
    LONG = 2


def ours() -> Any:
    """A field that is put in here: no key of the upstream's is read into it."""
    return field(default=None, name="(put in by the gateway)")
