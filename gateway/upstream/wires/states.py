"""The states of a connection, and what may follow what. (The model is h11's `_state.py`.)

    NEW ─► IDLE ─► WAITING ─────────────────────► IDLE, or SPENT
             └───► STREAMING ◄──► HELD_BACK ────► IDLE, or SPENT

From each of them it may come to CLOSED, from those that wait for an answer to SILENT.
"""

from __future__ import annotations

from enum import IntEnum, auto
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["FOLLOWS", "UNDER_WAY", "Event", "State"]


class State(IntEnum):
    """Where a connection stands."""

    # It has no transport yet.
    NEW = auto()
    # A request may be sent.
    IDLE = auto()
    # A request was sent, and its answer is to come whole.
    WAITING = auto()
    # A request was sent, and its answer is read piece by piece.
    STREAMING = auto()
    # The same, but the reader is far behind: nothing is received until it has caught up.
    HELD_BACK = auto()
    # The answer came whole, and the upstream keeps the connection no longer.
    SPENT = auto()
    # It was given up because nothing came.
    SILENT = auto()
    # It was given up for any other reason, or lost.
    CLOSED = auto()


class Event(IntEnum):
    """What happens to a connection."""

    MADE = auto()
    # A request is sent: for a whole answer, or for one in pieces.
    ASKED = auto()
    ASKED_FOR_STREAM = auto()
    FELL_BEHIND = auto()
    CAUGHT_UP = auto()
    # The answer is whole, and the upstream keeps the connection, or closes it.
    ANSWERED = auto()
    ANSWERED_LAST = auto()
    FELL_SILENT = auto()
    ENDED = auto()


# Names of their own: looking a member up in its enum runs Python code until 3.12.
NEW, IDLE, WAITING, STREAMING, HELD_BACK, SPENT, SILENT, CLOSED = State
(
    MADE,
    ASKED,
    ASKED_FOR_STREAM,
    FELL_BEHIND,
    CAUGHT_UP,
    ANSWERED,
    ANSWERED_LAST,
    FELL_SILENT,
    ENDED,
) = Event

# An event that is not named cannot happen in that state.
FOLLOWS: Final[Mapping[State, Mapping[Event, State]]] = {
    NEW: {MADE: IDLE, ENDED: CLOSED},
    IDLE: {ASKED: WAITING, ASKED_FOR_STREAM: STREAMING, ENDED: CLOSED},
    WAITING: {ANSWERED: IDLE, ANSWERED_LAST: SPENT, FELL_SILENT: SILENT, ENDED: CLOSED},
    STREAMING: {
        FELL_BEHIND: HELD_BACK,
        ANSWERED: IDLE,
        ANSWERED_LAST: SPENT,
        FELL_SILENT: SILENT,
        ENDED: CLOSED,
    },
    HELD_BACK: {CAUGHT_UP: STREAMING, ANSWERED: IDLE, ANSWERED_LAST: SPENT, ENDED: CLOSED},
    SPENT: {ENDED: CLOSED},
    # Its transport tells of the end once more.
    SILENT: {ENDED: SILENT},
    # It may have been given up before it was made.
    CLOSED: {ENDED: CLOSED, MADE: CLOSED},
}

# A request was sent, and its answer is not whole.
UNDER_WAY: Final = frozenset({WAITING, STREAMING, HELD_BACK})
