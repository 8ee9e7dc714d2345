"""What several gateways share, as the settings want it: kept reads, persisted documents, the pace,
and what is watched.

Nothing of the store is imported where there is none.
"""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any

from gateway.extras import how_to_install
from gateway.settings import SettingsError
from gateway.upstream.kept import KeptInMemory
from gateway.upstream.kept_by_workers import KeptByWorkers

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from gateway.execution.persisted import SharedDocuments
    from gateway.findings import Finding
    from gateway.settings import Settings
    from gateway.store.connection import Store
    from gateway.store.sealing import Sealing
    from gateway.team import Team
    from gateway.upstream.calls.shared_pace import SharedPace
    from gateway.upstream.kept import KeptReads
    from gateway.upstream.shared_reads import SharedReads
    from gateway.watch.sharing import Sharing

__all__ = [
    "Shared",
    "check_store",
    "examine_store",
    "kept_of",
    "pace_of",
    "shared_of",
    "watched_of",
]


@dataclass(frozen=True, slots=True)
class Shared:
    """What this gateway shares with others: a store, and how what is in it is sealed."""

    store: Store
    sealing: Sealing

    @property
    def documents(self) -> SharedDocuments:
        """Persisted documents, as all of them have been sent."""
        made: SharedDocuments = _of_store("documents").DocumentsInStore(self.store, self.sealing)
        return made


def check_store(settings: Settings) -> None:
    """Raise `SettingsError` for a store that cannot be used, whether it is there or not."""
    if settings.store_url is None:
        return
    try:
        _of_store("connection").Store(settings.store_url)
        _of_store("servers").check_files(settings.store_url)
    except ValueError as error:
        raise SettingsError([f"GATEWAY_STORE_URL=… {error}"]) from None


async def examine_store(settings: Settings, api_url: str) -> list[Finding]:
    """What the doctor finds of the store of these settings, which must have one."""
    check_store(settings)
    space = _of_store("sealing").Sealing(settings.store_key, api_url).space
    found: list[Finding] = await _of_store("examination").examine(
        settings.store_url, space=space, patience_s=settings.store_timeout_s
    )
    return found


@asynccontextmanager
async def shared_of(settings: Settings, api_url: str) -> AsyncIterator[Shared | None]:
    """What is shared, where there is a store; one that is away is looked for meanwhile."""
    if settings.store_url is None or settings.store_key is None:
        yield None
        return
    sealing: Sealing = _of_store("sealing").Sealing(settings.store_key, api_url)
    store: Store = _of_store("connection").Store(
        settings.store_url, patience_s=settings.store_timeout_s, space=sealing.space
    )
    await store.start()
    try:
        yield Shared(store, sealing)
    finally:
        await store.aclose()


def _of_store(module: str) -> Any:
    """A module of `gateway.store`; raises `SettingsError` without the extra that it needs."""
    try:
        return import_module(f"gateway.store.{module}")
    except ModuleNotFoundError as error:
        lacking = f"GATEWAY_STORE_URL needs {error.name}, which is not installed"
        raise SettingsError([f"{lacking}: {how_to_install('store')}"]) from None


@asynccontextmanager
async def kept_of(
    settings: Settings, team: Team, shared: Shared | None
) -> AsyncIterator[KeptReads | SharedReads | None]:
    """Where reads are kept; nowhere if another worker's writes would not show."""
    max_bytes = team.share_of(settings.kept_bytes)
    if not settings.kept_reads:
        yield None
    elif shared is not None:
        kept = _of_store("kept").KeptInStore(shared.store, shared.sealing, max_bytes)
        try:
            yield kept
        finally:
            await kept.aclose()
    elif team.slate is not None:
        yield KeptByWorkers(max_bytes, team.slate.changes())
    else:
        yield KeptInMemory(max_bytes) if team.knows_writes else None


@asynccontextmanager
async def pace_of(team: Team, shared: Shared | None) -> AsyncIterator[SharedPace | None]:
    """The pace that all keep who share a store."""
    if shared is None:
        yield None
        return
    async with _of_store("allowances").one_pace(shared.store, team.size) as pace:
        yield pace


@asynccontextmanager
async def watched_of(settings: Settings, shared: Shared | None) -> AsyncIterator[Sharing | None]:
    """How what is watched is shared, where it is."""
    if shared is None:
        yield None
        return
    made = _of_store("leases").SharedSubjects(
        shared.store, shared.sealing, settings.watch_interval_s
    )
    try:
        yield made
    finally:
        await made.aclose()
