"""Logs: what an operation asks of a job's log at once is answered by one call."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias

import msgspec
from msgspec import Struct

from gateway.errors import BadInput
from gateway.loaders.flight import Loader, launch
from gateway.upstream.entities import Job  # noqa: TC001 - declared_classes reads it
from gateway.upstream.logs import (
    LogFormat,
    LogMatch,
    LogPiece,
    LogSection,
    Search,
    Sections,
    Slice,
    Tail,
    compile_pattern,
    format_steps,
)
from gateway.upstream.logs.ranges import read_log

if TYPE_CHECKING:
    from asyncio import AbstractEventLoop
    from collections.abc import Generator

    from gateway.loaders.flight import Flight
    from gateway.turns import Turns
    from gateway.upstream.client import Client
    from gateway.upstream.entities import ProjectKey
    from gateway.upstream.scope import CallScope

__all__ = ["LogOfJob", "LogReader", "ShownMatch"]

Want: TypeAlias = Tail | Slice | Search | Sections | Literal["bytes", "lines"]

# Patterns that one reading of a log looks for.
MAX_PATTERNS: Final = 20
TOO_MANY: Final = (
    f"pattern: an operation looks for at most {MAX_PATTERNS} different ones in a log; look for"
    " several in one regular expression, as in a|b, or in several operations"
)


class ShownMatch(Struct, frozen=True):
    """A line that matches and the lines around it, as text without line ends. Texts that are not
    asked for are empty.
    """

    number: int
    start_byte: int
    end_byte: int
    text: str
    before: list[str]
    after: list[str]


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
        self._line_texts: dict[tuple[int, int, LogFormat], str] = {}
        self._shown: dict[tuple[Search, LogFormat | None], Flight[list[ShownMatch]]] = {}
        self._client = client
        self._scope = scope
        self._job = (project, job_id)

    def tail(self, lines: int, max_bytes: int) -> Flight[LogPiece]:
        """The last lines, of which no more than the last `max_bytes`."""
        return self.load(Tail(lines, max_bytes))

    def slice(self, from_byte: int, max_bytes: int) -> Flight[LogPiece]:
        """`max_bytes` from a position on."""
        return self.load(Slice(from_byte, max_bytes))

    def search(self, want: Search, form: LogFormat | None) -> Flight[list[ShownMatch]]:
        """The lines that match, as text in this form; without a form their texts are left out."""
        key = (want, form)
        shown = self._shown.get(key)
        if shown is None or shown.cancelled():
            found = self.load(want)
            shown = self._shown[key] = launch(self.loop, self._show(found, form))
        return shown

    def sections(self, first: int) -> Flight[list[LogSection]]:
        """The sections that begin first."""
        return self.load(Sections(first))

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

    async def _show(
        self, found: Flight[list[LogMatch]], form: LogFormat | None
    ) -> list[ShownMatch]:
        return await self._turns.run(self._show_steps(await found, form))

    def _show_steps(
        self, matches: list[LogMatch], form: LogFormat | None
    ) -> Generator[None, None, list[ShownMatch]]:
        """The matches as text, in steps of a match; lines that several show are made once."""
        shown = []
        for number, line, before, after in matches:
            lines = (*before, line, *after)
            texts = [""] * len(lines)
            if form is not None:
                for at, one in enumerate(lines):
                    texts[at] = yield from self._line_text(one, form)
                # They are told wherever they are shown, and JSON adds to each.
                self._scope.hold(sum(map(len, texts)) + 3 * len(texts))
            yield
            middle = len(before)
            shown.append(
                ShownMatch(
                    number,
                    line.start_byte,
                    line.end_byte,
                    texts[middle],
                    texts[:middle],
                    texts[middle + 1 :],
                )
            )
        return shown

    def _line_text(self, line: LogPiece, form: LogFormat) -> Generator[None, None, str]:
        key = (line.start_byte, line.end_byte, form)
        text = self._line_texts.get(key)
        if text is None:
            text = yield from format_steps(line, form)
            if line.raw.endswith(b"\n"):
                text = text.removesuffix("\n")
            self._line_texts[key] = text
        return text

    def plan(self, wanted: dict[Want, Flight[Any]]) -> dict[Want, Flight[Any]]:
        scan = launch(self.loop, self._scan(list(wanted)))
        for want, flight in wanted.items():
            flight.carry(_answer(scan, want))
        return {}

    async def _scan(self, wants: list[Want]) -> dict[Want, Any]:
        """Read the log once, no further than is needed. Of a search that cannot be made its error
        stands for what it finds.
        """
        answers: dict[Want, Any] = {}
        if any(isinstance(want, Search) for want in wants):
            answers.update(await self._turns.run(_refused(wants)))
            wants = [want for want in wants if want not in answers]
            if not wants:
                return answers
        pieces = [want for want in wants if isinstance(want, Tail | Slice)]
        finds = [want for want in wants if isinstance(want, Search | Sections)]
        scan = await read_log(
            self._client,
            self._scope,
            *self._job,
            [*pieces, *finds],
            needs_size="bytes" in wants,
            needs_lines="lines" in wants,
            run=self._turns.run,
        )
        answers.update(zip(pieces, scan.pieces(), strict=True))
        for find in finds:
            answers[find] = scan.matches(find) if isinstance(find, Search) else scan.sections(find)
        return answers | {"bytes": scan.byte_count, "lines": scan.line_count}


def _refused(wants: list[Want]) -> Generator[None, None, dict[Want, BadInput]]:
    """Why some of the searches cannot be made; a step for each pattern."""
    errors: dict[tuple[str, bool], BadInput | None] = {}
    refused: dict[Want, BadInput] = {}
    for want in wants:
        if isinstance(want, Search):
            key = (want.pattern, want.is_regex)
            if key not in errors:
                too_many = len(errors) >= MAX_PATTERNS
                errors[key] = BadInput(TOO_MANY) if too_many else _why_refused(*key)
                yield
            if error := errors[key]:
                refused[want] = error
    return refused


def _why_refused(pattern: str, is_regex: bool) -> BadInput | None:  # noqa: FBT001
    try:
        compile_pattern(pattern, is_regex=is_regex)
    except BadInput as error:
        return error
    return None


class LogOfJob(Struct, frozen=True):
    """The log of a job; `reader` makes one call for everything that is asked of it."""

    job: Job
    reader: LogReader


async def _answer(scan: Flight[dict[Want, Any]], want: Want) -> Any:
    answer = (await scan)[want]
    if isinstance(answer, BadInput):
        raise answer
    return answer
