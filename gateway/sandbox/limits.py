"""Limiters: requests per minute and caller. Off until a limit is set, so that tests may call
freely.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from gateway.sandbox.answers import Refusal

if TYPE_CHECKING:
    from gateway.sandbox.clock import Clock

__all__ = ["Limits"]

_TOO_MANY = "This endpoint has been requested too many times. Try again later."


@dataclass(slots=True)
class Limits:
    """Limits per minute of the world's clock; None is off. GitLab's defaults: 600 and 400."""

    clock: Clock
    project_jobs: int | None = None
    """`GET /projects/:id/jobs`, checked before the project is looked up."""
    project: int | None = None
    """`GET /projects/:id`."""
    _seen: dict[tuple[str, int | None, int], int] = field(default_factory=dict)

    def check(self, name: str, user_id: int | None) -> None:
        """Count a request; 429 beyond the limit."""
        limit: int | None = getattr(self, name)
        if limit is None:
            return
        key = (name, user_id, int(self.clock.now() // 60))
        if key not in self._seen and len(self._seen) > 10_000:
            self._seen.clear()
        count = self._seen[key] = self._seen.get(key, 0) + 1
        if count > limit:
            raise Refusal(429, {"message": {"error": _TOO_MANY}})
