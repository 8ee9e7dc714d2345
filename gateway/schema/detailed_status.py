"""A status as the upstream's own pages show it."""

from __future__ import annotations

import strawberry

from gateway.schema.fields import plain

__all__ = ["DetailedStatus"]


@strawberry.type(
    description="A pipeline's status as the upstream's own pages show it, for people to read."
)
class DetailedStatus:
    icon: str | None = plain("icon", "Name of an icon, e.g. status_success.")
    text: str | None = plain("text", "Short text, e.g. Passed.")
    label: str | None = plain("label", "Longer text, e.g. passed with warnings.")
    group: str | None = plain(
        "group", "Colour family, e.g. success, success-with-warnings, failed."
    )
    tooltip: str | None = plain("tooltip", "What shows when it is pointed at.")
    details_path: str | None = plain(
        "details_path", "Path of the page with the details, below the upstream's host."
    )
