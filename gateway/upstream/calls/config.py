"""How the client behaves."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["ClientConfig"]


@dataclass(frozen=True, slots=True)
class ClientConfig:
    """How the client behaves. `url` is the API's base address, `/api/v4` included.

    The pause before a read is sent again is drawn from 0 to `retry_pause_s`, then from twice as
    much each time, up to `max_pause_s`.
    """

    url: str
    max_retries: int = 3
    retry_pause_s: float = 0.1
    max_pause_s: float = 2.0
    user_agent: str = "jobs-gateway"
