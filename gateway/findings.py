"""What the doctor finds, one thing at a time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

__all__ = ["Finding", "Kind"]

Kind: TypeAlias = Literal["ok", "note", "unknown", "fault"]


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found of one thing. `set_to` are settings that it asks for, by variable."""

    kind: Kind
    about: str
    text: str
    set_to: tuple[str, ...] = ()
