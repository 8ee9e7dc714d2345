"""A team: the workers of one gateway, as one of them sees it.

A gateway of one process is a team of one. What is told to the others are pieces of news: something
has happened to a pipeline or to jobs, so whoever watches them should look.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeAlias

from msgspec import Struct, field

if TYPE_CHECKING:
    from gateway.slate import Slate

__all__ = ["News", "Team"]


class News(Struct, frozen=True, omit_defaults=True):
    """These have changed. `at_once`: it is known to have happened."""

    pipeline_id: int | None = None
    job_ids: tuple[int, ...] = ()
    at_once: bool = False


Listener: TypeAlias = Callable[[News], object]


def _nobody(_: News) -> None:
    pass


class Team(Struct, frozen=True, eq=False, kw_only=True):
    """Of `size` workers this is number `number`, from 0. `fingerprint_key` is the key of the
    fingerprints of credentials. Without a `slate` it is not known what the others write. `tell`
    tells news to the others; `on_news` is to be called with a listener for theirs.
    """

    size: int = 1
    number: int = 0
    fingerprint_key: bytes = field(default_factory=lambda: secrets.token_bytes(32))
    slate: Slate | None = None
    tell: Listener = _nobody
    on_news: Callable[[Listener], object] = lambda _: None

    def share_of(self, whole: int) -> int:
        """This worker's part of what all have together, 1 at least; the parts make up the whole."""
        return max(whole // self.size + (self.number < whole % self.size), 1)

    def workers(self) -> tuple[int, int] | None:
        """How many workers are wanted, and how many are up; None where nobody knows."""
        return None if self.slate is None else self.slate.workers

    @property
    def knows_writes(self) -> bool:
        """Does each worker know what the others wrote?"""
        return self.size == 1 or self.slate is not None
