"""How many reads may be sent again: a tenth of all, and some that were saved in quiet times.

Each credential saves a tenth of its own reads for itself. So one whose reads fail again and again,
of one broken project for instance, uses up no others'; and where all fail, all together send no
more than a tenth again. Those of which the upstream has not answered any leave half of what is
saved to the others: made-up tokens are many.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from gateway.upstream.calls.standing import Standing

__all__ = ["MOST_SAVED", "MOST_SAVED_BY_ONE", "RetryBudget"]

RETRIED_PART: Final = 0.1
MOST_SAVED: Final = 20.0
MOST_SAVED_BY_ONE: Final = 10.0


class RetryBudget:
    """One for an upstream."""

    def __init__(self) -> None:
        self._saved = MOST_SAVED

    def note_read(self, standing: Standing) -> None:
        """A read is sent for the first time."""
        if self._saved < MOST_SAVED:
            self._saved += RETRIED_PART
        if standing.spent_retries > 0:
            standing.spent_retries -= RETRIED_PART

    def allows(self, standing: Standing) -> bool:
        """May one of the credential's reads be sent again?"""
        left_to_others = 0.0 if standing.is_verified else MOST_SAVED / 2
        return self._saved >= left_to_others + 1 and standing.spent_retries <= MOST_SAVED_BY_ONE - 1

    def spend(self, standing: Standing) -> None:
        """One is."""
        self._saved -= 1
        standing.spent_retries += 1
