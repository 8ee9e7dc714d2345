"""Logs: what an operation asks of a job's log at once is answered by one call."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import msgspec
from msgspec import Struct

from gateway.loaders.flight import Loader, launch
from gateway.upstream.entities import Job  # noqa: TC001 - declared_classes reads it
from gateway.upstream.logs import LogFormat, LogPiece, Slice, Tail, format_steps
from gateway.upstream.logs.ranges import read_log

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop

    from gateway.loaders.flight import Flight
    from gateway.turns import Turns
    from gateway.upstream.client import Client
    from gateway.upstream.entities import ProjectKey
    from gateway.upstream.scope import CallScope

__all__ = ["LogOfJob", "LogReader"]

Want: TypeAlias = Tail | Slice | Literal["bytes", "lines"]


class LogReader(Loader[Want, Any]):
    """The log of one job. Cost: 1 call for all that is asked in one tick of the event loop."""

    def __init__(
        self,
        loop: AbstractEventLoop,
        client: Client,
        scope: CallScope,
        project: ProjectKey,
        job_id: int,
        turns: Turns,
    ) -> None:
        super().__init__(loop)
        self._turns = turns
        self._texts: dict[tuple[LogPiece, LogFormat], Flight[str]] = {}
        self._client = client
        self._scope = scope
        self._job = (project, job_id)

    def tail(self, lines: int, max_bytes: int) -> Flight[LogPiece]:
        """The last lines, of which no more than the last `max_bytes`."""
        return self.load(Tail(lines, max_bytes))

    def slice(self, from_byte: int, max_bytes: int) -> Flight[LogPiece]:
        """`max_bytes` from a position on."""
        return self.load(Slice(from_byte, max_bytes))

    def byte_count(self) -> Flight[int]:
        """Bytes so far."""
        return self.load("bytes")

    def line_count(self) -> Flight[int]:
        """Lines so far."""
        return self.load("lines")

    def text(self, piece: LogPiece, form: LogFormat) -> Flight[str]:
        """The text of a piece, made once in each form and in steps. Cost: 0."""
        key = (msgspec.structs.replace(piece, truncated=False), form)
        text = self._texts.get(key)
        if text is None or text.cancelled():
            formatting = self._turns.run(format_steps(piece, form))
            text = self._texts[key] = launch(self.loop, formatting)
        return text

    def plan(self, wanted: dict[Want, Flight[Any]]) -> dict[Want, Flight[Any]]:
        scan = launch(self.loop, self._scan(list(wanted)))
        for want, flight in wanted.items():
            flight.carry(_answer(scan, want))
        return {}

    async def _scan(self, wants: list[Want]) -> dict[Want, Any]:
        """Read the log once, no further than is needed."""
        pieces = [want for want in wants if isinstance(want, Tail | Slice)]
        scan = await read_log(
            self._client,
            self._scope,
            *self._job,
            pieces,
            needs_size="bytes" in wants,
            needs_lines="lines" in wants,
            run=self._turns.run,
        )
        answers: dict[Want, Any] = dict(zip(pieces, scan.pieces(), strict=True))
        return answers | {"bytes": scan.byte_count, "lines": scan.line_count}


class LogOfJob(Struct, frozen=True):
    """The log of a job; `reader` makes one call for everything that is asked of it."""

    job: Job
    reader: LogReader


async def _answer(scan: Flight[dict[Want, Any]], want: Want) -> Any:
    return (await scan)[want]
