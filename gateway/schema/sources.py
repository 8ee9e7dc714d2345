"""Sources: the fields of the subscription root, whose values come as events (`gateway.watch`)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import strawberry

from gateway.schema.fields import Cost, Edge

__all__ = ["Source", "source"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Source(Edge):
    """A root of watching: `watch(context, **arguments)` gives the listener of its events, and
    `resolve` gets what one of them holds, or its error, as the parent.
    """

    watch: Callable[..., Any]


def source(description: str, *, watch: Callable[..., Any]) -> Callable[[Callable[..., Any]], Any]:
    """A root of watching: a resolver as an edge's, whose parent is what an event holds."""

    def declare(resolver: Callable[..., Any]) -> Any:
        kind = Source(resolver, Cost(), None, (), watch=watch)
        return strawberry.field(resolver=resolver, description=description, metadata={"kind": kind})

    return declare
