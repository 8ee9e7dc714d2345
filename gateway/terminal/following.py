"""A subscription over connections that break: it is begun anew, with pauses that grow."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from gateway.terminal.connection import Broken, Refused, responses

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Mapping

    from gateway.terminal.connection import Address

__all__ = ["Lost", "Patience", "Unreachable", "follow"]

TOO_SLOW: Final = "SUBSCRIBER_TOO_SLOW"
# Errors after which the subscription goes on.
PASSING: Final = frozenset(
    {"RATE_LIMITED", "UPSTREAM_INVALID", "UPSTREAM_TIMEOUT", "UPSTREAM_UNAVAILABLE"}
)


class Unreachable(Exception):
    """There never was a connection."""


class Lost(Exception):
    """The connection is gone, and did not come back for long."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to wait before a connection is tried again, at first and at most, and when to give
    up.
    """

    first_s: float = 0.5
    most_s: float = 15.0
    give_up_s: float = 600.0
    fails_at_once: bool = True
    """Where there never was a connection."""
    final_causes: frozenset[str] = frozenset()
    """Why an upstream is not reached until somebody changes something; nothing is tried again for
    them where there never was an event.
    """


async def follow(
    address: Address,
    document: str,
    variables: Callable[[], Mapping[str, Any]],
    *,
    notice: Callable[[str], object],
    patience: Patience,
) -> AsyncGenerator[Any]:
    """What the one root field of a subscription holds, event by event, until it is complete.

    `variables` is asked with each connection, so that a log goes on where it was. `notice` is told
    of what passes: a connection that broke, an upstream that fails for now. Raises `Refused` for
    what stays, `Unreachable` and `Lost`.
    """
    loop = asyncio.get_running_loop()
    pause_s, until, has_answered = patience.first_s, 0.0, False
    final_causes = patience.final_causes
    while True:
        refused: Refused | None = None
        try:
            async with aclosing(responses(address, document, variables())) as answers:
                async for response in answers:
                    pause_s, until, has_answered = patience.first_s, 0.0, True
                    value = next(iter((response.get("data") or {}).values()), None)
                    refused = _refusal_of(response, final_causes) if value is None else None
                    if value is not None:
                        final_causes = frozenset()
                        yield value
                    elif refused is not None and refused.code in PASSING:
                        notice(str(refused))
            if refused is None:
                return
            if refused.code != TOO_SLOW:
                raise refused
        except Broken as broken:
            if patience.fails_at_once and not has_answered:
                raise Unreachable(str(broken)) from None
            until = until or loop.time() + patience.give_up_s
            if loop.time() >= until:
                raise Lost(str(broken)) from None
            notice(f"{broken}; trying again")
            await asyncio.sleep(pause_s)
            pause_s = min(2 * pause_s, patience.most_s)


def _refusal_of(response: Mapping[str, Any], final_causes: frozenset[str]) -> Refused | None:
    """What is told in the place of a value; raises it for one of these causes."""
    errors = response.get("errors")
    refused = Refused.by(errors) if errors else None
    if refused is not None and refused.cause in final_causes:
        raise refused
    return refused
