"""What is known of how an upstream sends logs (upstream.md, 3.5)."""

from __future__ import annotations

import math
from asyncio import get_running_loop
from collections import OrderedDict
from typing import Final

__all__ = ["HEAD_BYTES", "LogRanges"]

# A log's first bytes, by which an answer that begins with the log is known.
HEAD_BYTES: Final = 256
MAX_HEADS: Final = 1_000
# What was learnt holds for so long: an upstream may be upgraded, and have nodes of two versions.
HOLDS_S: Final = 300.0


class LogRanges:
    """Whether an upstream is known to send whole logs only, and how the logs that were read last
    begin. All of it is for saving calls and bytes: which part of a log has come is told by each
    answer itself (`logs.origin`). Times are of the running loop's clock.
    """

    def __init__(self) -> None:
        self._ignored_until = self._refused_until = -math.inf
        # By the job's number, which no two jobs of an upstream share.
        self._heads: OrderedDict[int, tuple[bytes, float]] = OrderedDict()

    @property
    def are_ignored(self) -> bool:
        """Has it sent a whole log a while ago, though a part was asked for?"""
        return get_running_loop().time() < self._ignored_until

    @property
    def are_refused(self) -> bool:
        """Has it refused to be asked for a part a while ago?"""
        return get_running_loop().time() < self._refused_until

    def note_ignored(self) -> None:
        """It sent a whole log, though a part was asked for."""
        self._ignored_until = get_running_loop().time() + HOLDS_S

    def note_refused(self) -> None:
        """It refused to be asked for a part."""
        self.note_ignored()
        self._refused_until = self._ignored_until

    def note_honoured(self) -> None:
        """It sent the part that was asked for."""
        self._ignored_until = self._refused_until = -math.inf

    def head(self, job_id: int) -> bytes | None:
        """The first `HEAD_BYTES` of a job's log; None where they are not known."""
        head, until = self._heads.get(job_id, (None, 0.0))
        return head if get_running_loop().time() < until else None

    def keep_head(self, job_id: int, head: bytes) -> None:
        """Remember how a job's log begins; what will grow is not worth it."""
        if len(head) == HEAD_BYTES:
            self._heads[job_id] = (head, get_running_loop().time() + HOLDS_S)
            self._heads.move_to_end(job_id)
            if len(self._heads) > MAX_HEADS:
                self._heads.popitem(last=False)
