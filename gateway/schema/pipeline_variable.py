"""What a pipeline was started with."""

from __future__ import annotations

import strawberry

from gateway.schema.fields import PROMISED, plain

__all__ = ["PipelineVariable"]


@strawberry.type(
    description=(
        "A variable that a pipeline was started with: by hand, by the API, a schedule or a trigger."
    )
)
class PipelineVariable:
    key: str | None = plain("key", f"Its name. {PROMISED}", promised=True)
    value: str | None = plain(
        "value", "Its value, which may be a secret; of a file variable what the file holds."
    )
    variable_type: str | None = plain(
        "variable_type", "env_var or file, and whatever comes; null on the oldest upstreams."
    )
