"""What becomes of a command to the store."""

from __future__ import annotations

from msgspec import Struct

__all__ = ["Counts", "ScriptUnknown", "StoreAway"]


class StoreAway(Exception):
    """The store is not reachable, too slow, refuses the command, or is known to be away. Whether
    the command was carried out is not known.
    """


class ScriptUnknown(StoreAway):
    """The store does not know the script by its hash."""


class Counts(Struct):
    """Commands by what became of them since the start; `away` were not even sent."""

    answered: int = 0
    refused: int = 0
    slow: int = 0
    lost: int = 0
    away: int = 0
    outages: int = 0
