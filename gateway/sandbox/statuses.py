"""The status words (upstream.md, 6), what each allows (upstream.md, 7), and a pipeline's status."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

__all__ = ["CANCELABLE", "COMPLETE", "RETRYABLE", "STATUSES", "composite_status"]

STATUSES = (
    "created",
    "waiting_for_resource",
    "preparing",
    "waiting_for_callback",
    "pending",
    "running",
    "success",
    "failed",
    "canceling",
    "canceled",
    "skipped",
    "manual",
    "scheduled",
)
"""All thirteen statuses of a job, in the server's order."""

COMPLETE = frozenset({"success", "failed", "canceled", "skipped"})
RETRYABLE = frozenset({"success", "failed", "canceled"})
CANCELABLE = frozenset(STATUSES) - COMPLETE - {"canceling"}

_DONE = {"success", "skipped", "ignored"}
_COMPOSITES: Sequence[tuple[str, set[str]]] = (
    ("skipped", {"skipped", "ignored"}),
    ("success", _DONE),
    ("created", {"created", "ignored"}),
    ("preparing", {"preparing", "ignored"}),
    ("canceled", _DONE | {"canceled"}),
    ("pending", _DONE - {"success"} | {"created", "pending"}),
)
_ANY = (
    ("running", {"running", "pending"}),
    ("waiting_for_resource", {"waiting_for_resource"}),
    ("waiting_for_callback", {"waiting_for_callback"}),
    ("manual", {"manual"}),
    ("scheduled", {"scheduled"}),
    ("preparing", {"preparing"}),
    ("running", {"created"}),
)


def composite_status(jobs: Iterable[tuple[str, bool]]) -> str:
    """The status of a pipeline with these jobs (status, `allow_failure`), the retried left out."""
    seen: set[str] = set()
    for status, allow_failure in jobs:
        if allow_failure and status == "manual":
            seen.add("ignored")
        elif allow_failure and status in {"failed", "canceled"}:
            seen.add("success")
        else:
            seen.add(status)
    if not seen:
        return "skipped"
    if "canceling" in seen:
        return "canceling"
    for status, only in _COMPOSITES:
        if seen <= only:
            return status
    for status, either in _ANY:
        if seen & either:
            return status
    return "failed"
