"""A log is read once for all that an operation asks of it, and no further than it needs."""

from __future__ import annotations

import asyncio

import pytest

from gateway.errors import BadInput
from gateway.loaders.logs import MAX_PATTERNS, ShownMatch
from gateway.upstream.logs import Search
from tests.harness.turns import turns

pytestmark = pytest.mark.anyio


async def test_the_log_is_read_once_for_all_that_is_asked_at_once(memory, context, outcomes):
    memory.log = b"one\ntwo\nthree\n"
    read = context()
    log = read.log(1, 5)

    tail, piece, size, lines = await outcomes(
        [log.tail(1, 100), log.slice(4, 3), log.byte_count(), read.log(1, 5).line_count()]
    )

    assert (tail.raw, piece.raw, size, lines) == (b"three\n", b"two\n", 14, 3)
    assert memory.calls.count("log 5") == 1


async def test_a_log_is_read_once_for_pieces_matches_and_sections(memory, context, outcomes):
    memory.log = b"section_start:1:a\r\x1b[0KTitle\none\ntwo\nsection_end:4:a\r\x1b[0K"
    log = context().log(1, 5)
    want = Search("t.o$", is_regex=True, from_byte=0, before=1, after=1, first=20)

    tail, matches, again, bare, sections, lines = await outcomes(
        [
            log.tail(1, 100),
            log.search(want, "plain"),
            log.search(want, "plain"),
            log.search(want, None),
            log.sections(9),
            log.line_count(),
        ]
    )

    assert (tail.raw, lines) == (b"section_end:4:a\r\x1b[0K", 4)
    assert matches == [ShownMatch(3, 32, 36, "two", ["one"], [""])]
    assert again is matches
    assert bare == [ShownMatch(3, 32, 36, "", [""], [""])]
    assert [(section.name, section.end_line, section.duration_s) for section in sections] == [
        ("a", 3, 3)
    ]
    assert memory.calls.count("log 5") == 1


async def test_a_search_that_cannot_be_made_leaves_the_others_alone(memory, context, outcomes):
    memory.log = b"one\ntwo\n"
    read = context()
    around = {"from_byte": 0, "before": 0, "after": 0, "first": 20}
    wants = [Search(pattern, is_regex=True, **around) for pattern in ("(", "two", "[")]

    bad, good, worse = await outcomes([read.log(1, 5).search(want, "plain") for want in wants])
    [alone] = await outcomes([read.log(1, 6).search(wants[0], "plain")])

    assert [type(error) for error in (bad, worse, alone)] == [BadInput] * 3
    assert [match.text for match in good] == ["two"]
    assert (memory.calls.count("log 5"), memory.calls.count("log 6")) == (1, 0)


async def test_a_log_is_searched_for_a_bounded_number_of_patterns(memory, context, outcomes):
    memory.log = b"one\ntwo\n"
    log = context().log(1, 5)
    around = {"from_byte": 0, "before": 0, "after": 0, "first": 20}
    wants = [Search(str(n), is_regex=False, **around) for n in range(MAX_PATTERNS + 1)]
    same = Search("0", is_regex=False, **around | {"first": 9})

    *found, one_more, of_the_first = await outcomes(
        [log.search(want, "plain") for want in [*wants, same]]
    )

    assert found == [[]] * MAX_PATTERNS
    assert of_the_first == []
    assert "at most 20 different ones in a log" in one_more.message


async def test_a_slice_is_read_no_further_than_it_goes(memory, context):
    memory.log = b"012345678\n" * 100_000
    read = context()

    piece = await read.log(1, 5).slice(10, 25)

    assert (piece.raw, piece.truncated) == (b"012345678\n" * 2, True)
    assert memory.calls.count("log 5") == 1
    # The upstream sends all: it is read until that is seen, and no further.
    assert memory.calls.count("chunk") < 7_000


async def test_a_log_is_read_no_further_when_all_who_asked_have_left(memory, context):
    memory.held["log 5"] = asyncio.Event()
    read = context()
    flights = [read.log(1, 5).byte_count(), read.log(1, 5).line_count()]
    await memory.is_called()

    for flight in flights:
        flight.cancel()
    await turns()

    assert memory.stopped == ["log 5"]
