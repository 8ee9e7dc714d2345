"""Whole numbers in the upstream's headers."""

from __future__ import annotations

import re
from typing import Final

__all__ = ["whole_number"]

# What fits into 64 bits whatever the digits are. Python refuses to read thousands of them.
_DIGITS: Final = re.compile(r"[0-9]{1,18}")


def whole_number(text: str | None) -> int | None:
    """The number that a text is; None for any other text, and for numbers beyond 64 bits."""
    digits = None if text is None else _DIGITS.fullmatch(text.strip())
    return None if digits is None else int(digits[0])
