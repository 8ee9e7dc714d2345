"""What stands behind the gateway."""

from __future__ import annotations

from typing import Final

import strawberry

from gateway.schema.fields import plain
from gateway.schema.scalars import URL
from gateway.upstream.entities import Known

__all__ = ["Upstream"]

OWN_CALL: Final = (
    "Null with an error without a credential, and for a CI_JOB_TOKEN. Cost: 1 call, shared."
)


@strawberry.type(description="The server of the Jobs API behind the gateway.")
class Upstream:
    url: URL = plain("url", "Address of its pages, as in https://gitlab.example.com. Cost: 0.")
    version: str | None = plain(
        "version", f"Its version, e.g. 18.10.1-ee. {OWN_CALL}", needs=Known.LONG
    )
    revision: str | None = plain(
        "revision", f"The revision it was built from. {OWN_CALL}", needs=Known.LONG
    )
