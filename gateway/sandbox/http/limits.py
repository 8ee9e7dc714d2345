"""Rate limiters, which count requests per minute of the world's clock. They are off by default."""

from __future__ import annotations

from dataclasses import dataclass, field
from email.utils import formatdate
from typing import TYPE_CHECKING

from gateway.sandbox.http.answers import Answer, error

if TYPE_CHECKING:
    from gateway.sandbox.profile import Profile
    from gateway.sandbox.world.clock import Clock

__all__ = ["RETRY_LATER", "TOO_MANY", "Limits", "rate_limit_headers"]

TOO_MANY = {
    "message": {"error": "This endpoint has been requested too many times. Try again later."}
}
"""Body of the endpoint limiters' 429."""
RETRY_LATER = "Retry later\n"
"""Body of the global limiter's 429, which is plain text."""
_MAX_KEYS = 10_000


@dataclass(slots=True)
class Limits:
    """Limits per minute and caller; None is off. GitLab's defaults for the endpoints: 600, 400."""

    clock: Clock
    project_jobs: int | None = None
    """`GET /projects/:id/jobs`, checked before the project is looked up."""
    project: int | None = None
    """`GET /projects/:id`."""
    everything: int | None = None
    """The global limiter, by credential. With it every answer has RateLimit-*, as on GitLab.com."""
    _seen: dict[tuple[str, object, int], int] = field(default_factory=dict)

    def check(self, name: str, user_id: int | None) -> None:
        """Count a request to an endpoint; 429 beyond its limit."""
        limit: int | None = getattr(self, name)
        if limit is not None and self._count(name, user_id) > limit:
            raise error(429, TOO_MANY)

    def admit(self, credential: str, profile: Profile) -> tuple[dict[str, str], Answer | None]:
        """Count a request: headers for its answer, and beyond the limit the 429 in its place."""
        if self.everything is None:
            return {}, None
        now = self.clock.now()
        observed = self._count("everything", credential)
        headers = rate_limit_headers(profile, now, limit=self.everything, observed=observed)
        if observed <= self.everything:
            return headers, None
        wait = str(int(60 - now % 60))
        return headers, Answer.text(RETRY_LATER, status=429, Retry_After=wait)

    def _count(self, name: str, who: object) -> int:
        key = (name, who, int(self.clock.now() // 60))
        if key not in self._seen and len(self._seen) >= _MAX_KEYS:
            self._seen.clear()
        count = self._seen[key] = self._seen.get(key, 0) + 1
        return count


def rate_limit_headers(
    profile: Profile, now: float, *, limit: int, observed: int
) -> dict[str, str]:
    """The headers RateLimit-*, by which a client can slow down in time."""
    reset = int(now // 60 + 1) * 60
    newest = {"RateLimit-Name": "throttle_authenticated_api"}
    older = {"RateLimit-ResetTime": formatdate(reset, usegmt=True)}
    return {
        "RateLimit-Limit": str(limit),
        "RateLimit-Observed": str(observed),
        "RateLimit-Remaining": str(max(limit - observed, 0)),
        "RateLimit-Reset": str(reset),
    } | (newest if profile.ratelimit_name else older)
