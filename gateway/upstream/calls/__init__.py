"""Calls: what happens to a request on its way to the upstream.

    Kept       answers a read by what was kept of it a moment ago (only where reads are kept;
               `KeptShared` where several gateways share what is kept)
      Bound      waits until the operation has room for one more call at once
        Share      joins equal calls under way: reads of one credential and target, equal writes
          Forget     drops what is kept where it may not be right any more
            Retry      sends a read again after failures that may pass; follows redirects
              Paced      lets a credential's reads wait for their turn, as the upstream's limits ask
                Places     gives each credential its share of the connections
                  Breaker    fails at once while nobody is there, or a route fails
                    Observe    tells hooks (only where one listens)
                      Exchange   one request over the wire, with the caller's credential

`Bound` and `Share` (`admission`) see what is asked for; `Retry` and `Observe` (`attempts`) and
`Exchange` what is sent.

Every layer has the one method `send(call)` and is tested alone. `standard_chain` puts them
together; what all calls to an upstream share can be handed in.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.upstream.calls.admission import Bound, Share
from gateway.upstream.calls.attempts import Observe, Retry
from gateway.upstream.calls.breaker import Breaker
from gateway.upstream.calls.call import Call, Layer, NotModified, OpenAnswer
from gateway.upstream.calls.circuit import Circuit
from gateway.upstream.calls.config import ClientConfig
from gateway.upstream.calls.exchange import Exchange
from gateway.upstream.calls.keep import Forget, Kept
from gateway.upstream.calls.keep_shared import KeptShared
from gateway.upstream.calls.pace import Paced
from gateway.upstream.calls.pace_together import PacedTogether
from gateway.upstream.calls.places import Places, Pool
from gateway.upstream.calls.standing import Standings
from gateway.upstream.shared_reads import SharedReads

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.hooks import Hooks
    from gateway.upstream.kept import KeptReads
    from gateway.upstream.shared_reads import KnownChanges
    from gateway.upstream.wire import Wire

__all__ = [
    "Call",
    "Circuit",
    "ClientConfig",
    "Layer",
    "NotModified",
    "OpenAnswer",
    "Pool",
    "Standings",
    "standard_chain",
]


def standard_chain(  # noqa: PLR0913 - what all calls share, by name
    wire: Wire,
    config: ClientConfig,
    *,
    connections: int | Pool = 100,
    standings: Standings | None = None,
    circuit: Circuit | None = None,
    kept: KeptReads | SharedReads | None = None,
    hooks: Hooks | None = None,
    changes: KnownChanges | None = None,
    on_write: Callable[[str], object] | None = None,
) -> Layer:
    """All layers over a wire with so many connections. Without a store for them (`kept`) no reads
    are kept. `standings` are those of the callers' credentials, `circuit` is the one for all calls;
    its own where none are given. `changes` are those that others know of; shared reads bring them.
    `on_write` is told whose write begins, or has ended.
    """
    standings = Standings() if standings is None else standings
    chain: Layer = Exchange(wire, config)
    if hooks is not None and (hooks.call_began or hooks.call_ended):
        chain = Observe(chain, hooks)
    chain = Breaker(chain, standings, circuit)
    chain = Places(chain, standings, connections, hooks)
    if standings.pace is None:
        chain = Paced(chain, standings, hooks)
    else:
        chain = PacedTogether(chain, standings, standings.pace, hooks)
    chain = Retry(chain, config, standings, hooks=hooks)
    if isinstance(kept, SharedReads):
        chain = Bound(Share(Forget(chain, kept), hooks, kept.changes, on_write), hooks)
        return KeptShared(chain, kept, hooks)
    if kept is None:
        return Bound(Share(chain, hooks, changes, on_write), hooks)
    return Kept(Bound(Share(Forget(chain, kept), hooks, changes, on_write), hooks), kept, hooks)
