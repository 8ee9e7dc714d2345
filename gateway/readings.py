"""What the gauges of the metrics show: how the parts of the application stand at the moment."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import TYPE_CHECKING, Final

import gateway.telemetry.catalogue as catalogue
from gateway.upstream.kept import KeptInMemory
from gateway.upstream.shared_reads import SharedReads
from gateway.watch.logs import LogPoller

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gateway.execution.admission import Admission
    from gateway.execution.documents import Documents
    from gateway.execution.persisted import PersistedDocuments
    from gateway.execution.trusted import TrustedDocuments
    from gateway.store.connection import Store
    from gateway.telemetry.measuring import Reading
    from gateway.transport.websocket import WebSockets
    from gateway.upstream.calls import Circuit, Pool, Standings
    from gateway.upstream.calls.shared_pace import SharedPace
    from gateway.upstream.kept import KeptReads
    from gateway.watch import Live

__all__ = ["readings_of_engine", "readings_of_store", "readings_of_upstream"]

# The upstream names its limiters; one that names many must not make as many series.
MAX_LIMITERS: Final = 20
GENERAL: Final = "general"
# How long it counts what an upstream with plenty left has told: its limits are by the minute.
TOLD_S: Final = 60.0


def readings_of_engine(
    admission: Admission,
    documents: Documents,
    persisted: PersistedDocuments,
    trusted: TrustedDocuments,
    live: Live,
    web_sockets: WebSockets,
) -> Iterator[Reading]:
    """Operations, documents, pollers and WebSockets."""
    yield catalogue.RUNNING, (), admission.running
    yield catalogue.WEB_SOCKETS, (), len(web_sockets)
    yield catalogue.DOCUMENTS, ("compiled",), len(documents)
    yield catalogue.DOCUMENTS, ("persisted",), len(persisted)
    yield catalogue.DOCUMENTS, ("trusted",), len(trusted)
    pollers = live.pollers
    logs = sum(isinstance(poller, LogPoller) for poller in pollers)
    yield catalogue.POLLERS, ("log",), logs
    yield catalogue.POLLERS, ("pipeline",), len(pollers) - logs


def readings_of_upstream(
    standings: Standings, circuit: Circuit, places: Pool, kept: KeptReads | SharedReads | None
) -> Iterator[Reading]:
    """Connections, circuits, the pace, and what is kept."""
    yield catalogue.PLACES, (), places.size
    yield catalogue.PLACES_USED, (), places.used
    yield catalogue.CIRCUIT, (), circuit.is_open
    yield catalogue.CREDENTIALS, ("accepted",), len(standings.verified)
    yield catalogue.CREDENTIALS, ("unknown",), len(standings) - len(standings.verified)
    held = kept.held if isinstance(kept, SharedReads) else kept
    if isinstance(held, KeptInMemory):
        yield catalogue.KEPT_BYTES, (), held.size_bytes
        yield catalogue.KEPT_MAX, (), held.max_bytes
    yield from _of_credentials(standings)


def readings_of_store(store: Store | None, pace: SharedPace | None) -> Iterator[Reading]:
    """Whether the store is there, what became of its commands, and how many share it."""
    if store is None:
        return
    counts = store.counts
    yield catalogue.STORE_UP, (), store.is_up
    if pace is not None:
        yield catalogue.STORE_GATEWAYS, (), pace.replicas
    yield catalogue.STORE_OUTAGES, (), counts.outages
    yield catalogue.STORE_COMMANDS, ("answered",), counts.answered
    yield catalogue.STORE_COMMANDS, ("refused",), counts.refused
    yield catalogue.STORE_COMMANDS, ("slow",), counts.slow
    yield catalogue.STORE_COMMANDS, ("lost",), counts.lost
    yield catalogue.STORE_COMMANDS, ("away",), counts.away


def _of_credentials(standings: Standings) -> Iterator[Reading]:
    now = asyncio.get_running_loop().time()
    left: dict[str, float] = {}
    waiting: Counter[str] = Counter()
    failing: Counter[str] = Counter()
    for standing in standings:
        failing.update(
            route.name for route, circuit in standing.circuits.items() if circuit.is_open
        )
        told = standing.told
        is_told = not any(limiter.is_general for limiter in standing.limiters.values())
        if is_told and told is not None and now < told[-1] + TOLD_S and told[0]:
            left[GENERAL] = min(left.get(GENERAL, 1.0), told[1] / told[0])
        for limiter in standing.limiters.values():
            name = limiter.name or GENERAL
            if name not in left and len(left) >= MAX_LIMITERS:
                name = "other"
            waiting[name] += len(limiter.waiting)
            if limiter.limit and now < limiter.reset_at:
                part = min(max(limiter.left, 0) / limiter.limit, 1.0)
                left[name] = min(left.get(name, 1.0), part)
            else:
                left.setdefault(name, 1.0)
    for name, part in left.items():
        yield catalogue.PACE_LEFT, (name,), part
    for name, number in waiting.items():
        yield catalogue.PACE_WAITING, (name,), number
    for name, number in failing.items():
        yield catalogue.ROUTE_CIRCUITS, (name,), number
