"""What stands behind the gateway."""

from __future__ import annotations

import strawberry

from gateway.schema.fields import plain

__all__ = ["Upstream"]


@strawberry.type(description="The server of the Jobs API behind the gateway.")
class Upstream:
    version: str | None = plain("version", "Its version, e.g. 18.10.1-ee.")
    revision: str | None = plain("revision", "The revision it was built from.")
