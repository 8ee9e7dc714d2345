"""Timestamps as the upstream writes them (ISO 8601), which entities hold as they came."""

from __future__ import annotations

from datetime import UTC, datetime

__all__ = ["instant_of"]


def instant_of(text: str | None) -> datetime | None:
    """The moment that a timestamp tells, in UTC where it names no zone; None where it tells
    none.
    """
    try:
        moment = datetime.fromisoformat(text or "")
    except ValueError:
        return None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
