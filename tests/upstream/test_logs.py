"""Logs in one pass, cut at line ends, and their texts in three forms."""

from __future__ import annotations

import random
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from gateway.upstream.logs import LogPiece, LogScan, Slice, Tail, format_log, format_steps
from gateway.upstream.logs.pieces import BEFORE_BYTES

RECORDED = Path(__file__).parents[3] / "shared" / "recorded"
FORMS = ("plain", "ansi", "raw")
LINE = 64 * 1024
STAMP = b"2024-01-01T10:20:30.123456Z 00O"

ATOMS = [
    *(b"a", b"word ", b"\n", b"\n", b"\r", b"\r\n", b"\x00", b"\xff", b"\xc3", b" 50%\r 51%"),
    *("é".encode(), "✓".encode(), "😀".encode()),
    *(b"\x1b[0m", b"\x1b[31;1m", b"\x1b[0K", b"\x1b[", b"\x1b[3", b"\x1b", b"\x1b(B", b"\x07"),
    *(b"\x1b]0;title\x07", b"\x1b]8;;http://x\x1b\\", b"\x1b]0;never ends"),
    *(b"section_start:1:b\r\x1b[0K", b"section_start:1:b[collapsed=true]\r\x1b[0KTitle\n"),
    *(
        b"section_end:1:b\r\x1b[0K",
        b"section_end:1:b\n\x1b[0K",
        b"section_start:1:x in",
        b"section_",
    ),
    *(STAMP, STAMP + b" ", STAMP + b"+", b"\n" + STAMP + b"+", b"\r\n" + STAMP + b"+ 60%"),
]
# What fills a line of more than 64 KiB.
FILLS = [
    *(b"x", b"\r7%", "é".encode(), "😀".encode(), b"\xe2\x9c", b"\x1b[31mq", b"\x00\xff"),
    *(b"ab\r\n" + STAMP + b"+", b"section_start:1:b\r\x1b[0Kz", b"\x1b]0;" + b"t" * 99 + b"\x07"),
]
small_logs = st.lists(st.sampled_from(ATOMS), max_size=40).map(b"".join)


@st.composite
def long_logs(draw):
    """Lines around the length at which they are cut, others around them."""
    fill = draw(st.sampled_from(FILLS))
    size = draw(st.sampled_from([LINE, 2 * LINE, 3 * LINE])) + draw(st.integers(-40, 40))
    line = (fill * (size // len(fill) + 1))[:size]
    return draw(small_logs) + b"p" * draw(st.integers(0, 40)) + line + draw(small_logs)


def scan(log, *wants, chunk_bytes=7, first_byte=0):
    done = LogScan(wants, first_byte=first_byte)
    for start in range(first_byte, len(log), chunk_bytes):
        done.feed(log[start : start + chunk_bytes])
    done.end()
    return done


def text_of(piece, form):
    steps = format_steps(piece, form)
    while True:
        try:
            next(steps)
        except StopIteration as stop:
            return stop.value


def pieces_of(log, max_bytes, chunk_bytes, position=0):
    """Slices one after the other, each read no earlier and no further than it needs."""
    pieces = []
    while True:
        first_byte = max(0, position - BEFORE_BYTES)
        done = LogScan([Slice(position, max_bytes)], first_byte=first_byte)
        for start in range(first_byte, len(log), chunk_bytes):
            done.feed(log[start : start + chunk_bytes])
            if done.is_done:
                break
        done.end()
        [piece] = done.pieces()
        pieces.append(piece)
        assert piece.raw or not piece.truncated
        if not piece.truncated:
            return pieces
        position = piece.end_byte


def check_pieces(log, max_bytes, chunk_bytes):
    pieces = pieces_of(log, max_bytes, chunk_bytes)

    assert b"".join(piece.raw for piece in pieces) == log
    assert all(len(piece.raw) <= max(max_bytes, LINE) for piece in pieces)
    for form in FORMS:
        whole = format_log(log, form)
        assert "".join(text_of(piece, form) for piece in pieces) == whole


@settings(max_examples=2_000, deadline=None)
@given(small_logs, st.integers(1, 60), st.integers(1, 99))
@example(b"see section_start:1:x in the docs\nnext", 1, 1)
@example(b"section_end:12: field of the protocol", 9, 9)
def test_pieces_put_together_are_the_whole(log, max_bytes, chunk_bytes):
    check_pieces(log, max_bytes, chunk_bytes)


@settings(max_examples=60, deadline=None)
@given(
    long_logs(),
    st.sampled_from([1, 1_000, LINE - 1, LINE, LINE + 1, 100_000, 2**20]),
    st.sampled_from([1_000, LINE, LINE + 1, 200_000]),
)
def test_pieces_of_lines_that_are_too_long_put_together_are_the_whole(log, max_bytes, chunk_bytes):
    check_pieces(log, max_bytes, chunk_bytes)


@pytest.mark.skipif(not RECORDED.is_dir(), reason="the recorded answers are not here")
@pytest.mark.parametrize("path", sorted(RECORDED.glob("trace__*")), ids=lambda path: path.stem)
def test_pieces_of_recorded_logs_put_together_are_the_whole(path):
    log = path.read_bytes()
    draw = random.Random(path.stem)

    for max_bytes in [1, 100, 4_096, 65_536, *(draw.randrange(1, 5_000) for _ in range(20))]:
        check_pieces(log[: 400 * max_bytes], max_bytes, draw.randrange(1, 9_000))


@settings(max_examples=300, deadline=None)
@given(small_logs | long_logs(), st.integers(1, 9), st.integers(1, 70_000), st.integers(1, 9_999))
def test_a_tail_is_the_end_of_the_whole_from_a_line_start_on(log, lines, max_bytes, chunk_bytes):
    [tail] = scan(log, Tail(lines, max_bytes), chunk_bytes=chunk_bytes).pieces()
    starts = [piece.start_byte for piece in pieces_of(log, 1, 70_000) if piece.raw]

    given = [start for start in starts[-lines:] if len(log) - start <= max_bytes]
    assert tail.start_byte == (given or starts[-1:] or [0])[0]
    assert (tail.end_byte, tail.raw) == (len(log), log[tail.start_byte :])
    assert tail.truncated == (len(given or starts[-1:]) < min(lines, len(starts)))
    for form in FORMS:
        assert format_log(log, form).endswith(text_of(tail, form))


@settings(max_examples=300, deadline=None)
@given(small_logs | long_logs(), st.integers(1, 9_999))
def test_bytes_and_lines_are_counted(log, chunk_bytes):
    done = scan(log, chunk_bytes=chunk_bytes)

    assert done.byte_count == len(log)
    assert done.line_count == sum(bool(piece.raw) for piece in pieces_of(log, 1, 70_000))


@pytest.mark.parametrize(
    ("log", "lines"),
    [
        (b"", 0),
        (b"one", 1),
        (b"one\ntwo\n", 2),
        (b"\n\n", 2),
        (b"x" * 200_000, 4),
        (b"x" * 200_000 + b"\n", 4),
        (STAMP + b" half\n" + STAMP + b"+ a line\n", 1),
        (b"section_start:1:x\n\x1b[0KTitle\n", 1),
    ],
)
def test_a_line_is_what_is_shown_as_one(log, lines):
    assert scan(log).line_count == lines


@settings(max_examples=300, deadline=None)
@given(small_logs, st.integers(0, 400), st.integers(1, 60), st.integers(1, 9))
def test_a_slice_from_anywhere_shows_no_part_of_what_began_before(log, from_byte, size, chunk):
    log = log.replace(b"\x1b]0;never ends", b"").replace(b"\x1b[3", b"").replace(b"\xc3", b"")
    log += b"\nsafe\n"

    [piece] = scan(log, Slice(from_byte, size), chunk_bytes=chunk).pieces()

    assert log[piece.start_byte : piece.end_byte] == piece.raw
    assert min(from_byte, len(log)) <= piece.start_byte <= min(from_byte + 3, len(log))
    assert piece.truncated == (piece.end_byte < len(log))
    assert "\x1b" not in text_of(piece, "plain")


SEQUENCES = {
    b"section_start:1:build[collapsed=true]\r\x1b[0K": "",
    b"section_end:1522927104:prepare_script\n\x1b[0K": "",
    b"\x1b[38;5;196m": "\x1b[38;5;196m",
    b"\x1b[0K": "",
    b"\x1b]8;;https://example.com/a\x1b\\": "",
    STAMP + b" ": "",
    b"\n" + STAMP + b"+": "",
    "😀".encode(): "",
}


@pytest.mark.parametrize("sequence", SEQUENCES, ids=repr)
def test_a_position_within_a_sequence_shows_nothing_of_it_or_all(sequence):
    line = b"" if sequence[-1:] in b" K" else b"before"
    log = b"first\n" + line + sequence + b"after\nlast\n"
    first = len(b"first\n" + line)

    for position in range(first + 1, first + len(sequence)):
        [piece] = scan(log, Slice(position, 6)).pieces()

        assert text_of(piece, "plain").startswith("after\n")
        assert text_of(piece, "ansi").startswith(SEQUENCES[sequence] + "after\n")


def test_what_a_growing_log_ended_with_is_shown_when_it_is_whole():
    log = b"one\n\x1b[31mred \x1b[0Kword\x1b[0m\n"

    for cut in range(len(log)):
        [first] = scan(log[:cut], Slice(0, 99)).pieces()
        [rest] = scan(log, Slice(first.end_byte, 99)).pieces()

        assert text_of(first, "plain") + text_of(rest, "plain") == format_log(log, "plain")
        assert text_of(first, "ansi") + text_of(rest, "ansi") == format_log(log, "ansi")


def test_one_pass_answers_several():
    log = b"".join(b"line %d\n" % number for number in range(1_000))

    done = scan(log, Tail(2, 100), Slice(0, 6), Tail(1, 3), Slice(7, 7), chunk_bytes=1_000)

    assert [piece.raw for piece in done.pieces()] == [
        b"line 998\nline 999\n",
        b"line 0\n",
        b"line 999\n",
        b"line 1\n",
    ]
    assert (done.byte_count, done.line_count) == (len(log), 1_000)


def test_a_long_log_takes_no_more_memory_than_what_is_wanted_of_it():
    done = LogScan([Tail(10, 1_000)])
    chunk = b"x" * 99 + b"\n"

    for _ in range(50_000):
        done.feed(chunk)

    kept = sum(len(block.raw) for block in done._tails._last) + len(done._lines._buffer)
    assert kept <= 4 * LINE
    assert done.byte_count == 5_000_000


@pytest.mark.parametrize(
    ("raw", "plain", "ansi"),
    [
        (
            b"\x1b[0;mplain \x1b[32;1mgreen\x1b[0m",
            "plain green",
            "\x1b[0;mplain \x1b[32;1mgreen\x1b[0m",
        ),
        (b"a\x1b[0K\x1b[2Jb\x1b(Bc\x1b]0;title\x07d\x1b7e\x1bMf\x1b=g", "abcdefg", "abcdefg"),
        (
            b"section_start:1522927103:build_script[collapsed=true]\r\x1b[0KBuild\n",
            "Build\n",
            "Build\n",
        ),
        (
            b"one\nsection_end:1522927104:x\r\x1b[0Ksection_start:1:y\r\x1b[0Ktwo\n",
            "one\ntwo\n",
            "one\ntwo\n",
        ),
        (b"one\nsection_end:15:a_b\n\x1b[0Ktwo\n", "one\ntwo\n", "one\ntwo\n"),
        (
            b"2026-04-01T16:45:56.599647Z 00O Running\n2026-04-01T16:45:57.5Z 01E failed\n",
            "Running\nfailed\n",
            "Running\nfailed\n",
        ),
        (
            b"2026-04-01T16:45:56.5Z 00O half\n2026-04-01T16:45:56.6Z 00O+ a line\n",
            "half a line\n",
            "half a line\n",
        ),
        (
            STAMP + b" section_start:1:x\r\n" + STAMP + b"+\x1b[0KTitle\n",
            "Title\n",
            "Title\n",
        ),
        (b" 1%\r 50%\r100%\ndone\r\n", "100%\ndone\n", " 1%\r 50%\r100%\ndone\n"),
        (b"one\n 1%\r 50%", "one\n 50%", "one\n 1%\r 50%"),
        (b"only\rcarriage\rreturns", "only\ncarriage\nreturns", "only\rcarriage\rreturns"),
        (b"cut \x1b[32", "cut ", "cut "),
        (b"broken \x1b[32\nnext", "broken \nnext", "broken \nnext"),
        ("é✓".encode()[:-1], "é�", "é�"),
    ],
)
def test_forms(raw, plain, ansi):
    assert format_log(raw, "plain") == plain
    assert format_log(raw, "ansi") == ansi
    assert format_log(raw, "raw") == raw.decode("utf-8", "replace")


@pytest.mark.parametrize(
    "text",
    [
        "see section_start in the docs",
        "see section_start:1:x in the docs\nnext",
        "section_end:12: field of the protocol",
        "section_start:1:x",
        "section_start:1:x\nnext",
        "section_start::x\r\x1b[0K"[:-5],
        "2026-04-01T16:45:56 is no runner's time",
        "at 2026-04-01T16:45:56.5Z 00O within a line",
    ],
)
def test_what_only_looks_like_a_mark_stays(text):
    assert format_log(text.encode(), "plain") == text
    assert format_log(text.encode(), "ansi") == text


@given(st.binary())
def test_plain_text_has_no_escape_characters(raw):
    assert "\x1b" not in format_log(raw + b"\x1b[0m", "plain")


@pytest.mark.skipif(not RECORDED.is_dir(), reason="the recorded answers are not here")
@pytest.mark.parametrize("path", sorted(RECORDED.glob("trace__*")), ids=lambda path: path.stem)
def test_recorded_logs_are_plain_text(path):
    raw = path.read_bytes()

    plain = format_log(raw, "plain")

    assert "\x1b" not in plain
    assert "\r" not in plain
    assert "section_start:" not in plain
    assert "section_end:" not in plain
    assert not any(line.startswith("2026-04-01T") for line in plain.splitlines())
    assert len(plain.split()) >= 5


@pytest.mark.skipif(not RECORDED.is_dir(), reason="the recorded answers are not here")
def test_a_recorded_log_loses_no_line():
    raw = (RECORDED / "trace__gitlab-com__runner10.6__3445-lines.log").read_bytes()

    lines = format_log(raw, "plain").splitlines()

    marks = sum(line.lstrip(b"\x1b[0;mK").startswith(b"section_") for line in raw.split(b"\n"))
    assert abs(len(lines) + marks - raw.count(b"\n")) <= 1
    assert lines[0].startswith("Running with ")
    assert scan(raw, chunk_bytes=9_999).line_count == len(lines)


def test_wants_that_come_to_the_same_bytes_share_them():
    log = b"one\ntwo\n"

    pieces = scan(log, Tail(9, 99), Tail(8, 50), Slice(0, 99), Slice(0, 50)).pieces()

    assert {id(piece.raw) for piece in pieces} == {id(pieces[0].raw)}
    assert pieces[0] == LogPiece(log, 0, len(log), truncated=False)
