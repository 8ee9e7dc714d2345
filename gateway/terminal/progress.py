"""What is known of the subject: its jobs in their order, and whose log is worth a look."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

__all__ = ["EXIT_STATUSES", "Item", "Progress", "clean", "lasting"]

# The exit status by the status a subject ended with; 2 is for what the user got wrong.
EXIT_STATUSES: Final = {"success": 0, "failed": 1, "canceled": 3, "skipped": 4}
_CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f]")


def clean(text: str) -> str:
    """A name as one line that a terminal can be told: without control characters."""
    return _CONTROLS.sub(" ", text)


def lasting(seconds: float) -> str:
    """A duration as people say it: `42s`, `3m 05s`, `1h 02m`."""
    whole = max(0, int(seconds))
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        return f"{whole // 60}m {whole % 60:02}s"
    return f"{whole // 3600}h {whole % 3600 // 60:02}m"


@dataclass(frozen=True, slots=True)
class Item:
    """A job or a bridge."""

    id: str
    number: int
    name: str
    stage: str
    status: str
    started_at: datetime | None
    duration_s: float | None
    is_allowed_to_fail: bool
    note: str
    """Why it failed, or which pipeline a bridge started."""
    has_log: bool

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> Item:
        """From a row of an answer."""
        note = row.get("failureReasonText") or ""
        if downstream := row.get("downstreamPipeline"):
            note = f"pipeline {downstream['databaseId']} {downstream.get('statusText') or ''}"
        return cls(
            row["id"],
            row["databaseId"],
            clean(row.get("name") or "?"),
            clean(row.get("stage") or "?"),
            clean(row.get("statusText") or "?"),
            _time(row.get("startedAt")),
            row.get("duration"),
            bool(row.get("allowFailure")),
            clean(note).strip(),
            row["__typename"] == "Job",
        )

    @property
    def is_failed(self) -> bool:
        """Did it fail, so that its pipeline does?"""
        return self.status == "failed" and not self.is_allowed_to_fail

    @property
    def is_running(self) -> bool:
        return self.status in {"running", "canceling"}

    def lasted_s(self, now: datetime) -> float | None:
        """How long it has run; None where it never began to."""
        if self.is_running and self.started_at is not None:
            return max(0.0, (now - self.started_at).total_seconds())
        return self.duration_s


@dataclass(slots=True)
class Progress:
    """A subject as it is now."""

    title: str = ""
    status: str = ""
    note: str = ""
    """What is wrong with the pipeline's configuration."""
    started_at: datetime | None = None
    duration_s: float | None = None
    _items: dict[tuple[str, str], Item] = field(default_factory=dict)
    _first_numbers: dict[str, int] = field(default_factory=dict)

    def take_pipeline(self, update: Mapping[str, Any]) -> list[Item]:
        """Take an event in; the items that it changed, in their order."""
        row = update["pipeline"]
        parts = [f"pipeline {row['databaseId']}", row.get("name"), row.get("ref")]
        parts.append((row.get("sha") or "")[:8])
        self.title = clean(" · ".join(part for part in parts if part))
        self.status = clean(row.get("statusText") or "?")
        self.note = clean(row.get("yamlErrors") or "")
        self.started_at, self.duration_s = _time(row.get("startedAt")), row.get("duration")
        return self._take(Item.of(each) for each in update.get("changed") or [])

    def take_job(self, row: Mapping[str, Any]) -> list[Item]:
        """Take an event of a single job in."""
        item = Item.of(row)
        self.title = clean(f"job {item.number} · {item.name} · {row.get('ref') or ''}")
        self.status = item.status
        self.started_at, self.duration_s = item.started_at, item.duration_s
        return self._take([item])

    def _take(self, items: Iterable[Item]) -> list[Item]:
        """A new attempt takes the place of the one before, which has its name and stage."""
        changed = []
        for item in items:
            place = (item.stage, item.name)
            known = self._items.get(place)
            if known is not None and known.number > item.number:
                continue
            if known is None or known != item:
                self._items[place] = item
                changed.append(item)
            first = self._first_numbers.setdefault(item.stage, item.number)
            self._first_numbers[item.stage] = min(first, item.number)
        return sorted(changed, key=self._place)

    def items(self) -> list[Item]:
        """Stage by stage, and by number within."""
        return sorted(self._items.values(), key=self._place)

    def _place(self, item: Item) -> tuple[int, int, int]:
        # GitLab numbers jobs stage by stage; `.pre` and `.post` have their places by name.
        ends = {".pre": -1, ".post": 1}.get(item.stage, 0)
        return ends, self._first_numbers[item.stage], item.number

    def worth_a_look(self, shown: Item | None) -> Item | None:
        """Whose log to show: the first that failed; one that runs, as long as it runs; else the
        one that was shown, or the last that ran.
        """
        able = [item for item in self.items() if item.has_log and item.started_at is not None]
        for item in able:
            if item.is_failed:
                return item
        running = [item for item in able if item.is_running]
        still = [item for item in able if shown is not None and item.id == shown.id]
        if running:
            return next((item for item in running if item in still), running[0])
        return still[0] if still else (able[-1] if able else None)

    def lasted_s(self, now: datetime) -> float | None:
        """How long it has run; None where it never began to."""
        if self.status not in EXIT_STATUSES and self.started_at is not None:
            return max(0.0, (now - self.started_at).total_seconds())
        return self.duration_s


def _time(text: str | None) -> datetime | None:
    try:
        return None if text is None else datetime.fromisoformat(text)
    except ValueError:
        return None
