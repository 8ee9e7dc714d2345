"""Logs in one pass, and their texts in three forms."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import gateway.upstream.logs as logs_module
from gateway.upstream.logs import LogScan, Slice, Tail, format_log

RECORDED = Path(__file__).parents[3] / "shared" / "recorded"

logs = st.lists(st.sampled_from([b"a", b"\n", b"bc", "é".encode(), "✓".encode(), b"\r"])).map(
    b"".join
)


def scan(log, *wants, chunk_bytes=7):
    scan = LogScan(wants)
    for start in range(0, len(log), chunk_bytes):
        scan.feed(log[start : start + chunk_bytes])
    return scan


@given(logs, st.integers(1, 6), st.integers(4, 40), st.integers(1, 9))
def test_a_tail_is_the_last_lines_or_the_last_bytes_of_them(log, lines, max_bytes, chunk_bytes):
    [piece] = scan(log, Tail(lines, max_bytes), chunk_bytes=chunk_bytes).pieces()

    wanted = b"".join(log.splitlines(keepends=True)[-lines:]) if b"\r" not in log else None
    assert log[piece.start_byte : piece.end_byte] == piece.raw
    assert piece.end_byte == len(log)
    assert len(piece.raw) <= max_bytes
    if wanted is not None and len(wanted) <= max_bytes:
        assert (piece.raw, piece.truncated) == (wanted, False)
    elif wanted is not None:
        assert piece.truncated
        assert wanted.endswith(piece.raw)
        assert len(piece.raw) > max_bytes - 3
        piece.raw.decode()


@given(logs, st.integers(0, 50), st.integers(1, 40), st.integers(1, 9))
def test_a_slice_is_the_bytes_at_its_place(log, from_byte, max_bytes, chunk_bytes):
    [piece] = scan(log, Slice(from_byte, max_bytes), chunk_bytes=chunk_bytes).pieces()

    assert log[piece.start_byte : piece.end_byte] == piece.raw
    assert piece.start_byte == min(from_byte, len(log))
    assert len(piece.raw) <= max_bytes
    assert piece.truncated == (piece.end_byte < len(log))
    assert piece.raw or piece.start_byte == len(log)


@given(logs, st.integers(4, 12))
def test_slices_one_after_the_other_give_the_whole_log_in_whole_characters(log, max_bytes):
    text, position = "", 0
    while True:
        [piece] = scan(log, Slice(position, max_bytes)).pieces()
        text += piece.raw.decode()
        position = piece.end_byte
        if not piece.truncated:
            break

    assert text == log.decode()


@given(logs, st.integers(1, 9))
def test_bytes_and_lines_are_counted(log, chunk_bytes):
    done = scan(log, chunk_bytes=chunk_bytes)

    assert done.byte_count == len(log)
    assert done.line_count == log.count(b"\n") + (not log.endswith(b"\n") and log != b"")


def test_one_pass_answers_several():
    log = b"".join(b"line %d\n" % number for number in range(1_000))

    done = scan(log, Tail(2, 100), Slice(0, 6), Tail(1, 3), Slice(7, 7), chunk_bytes=1_000)

    assert [piece.raw for piece in done.pieces()] == [
        b"line 998\nline 999\n",
        b"line 0",
        b"99\n",
        b"line 1\n",
    ]
    assert (done.byte_count, done.line_count) == (len(log), 1_000)


def test_a_long_log_takes_no_more_memory_than_what_is_wanted_of_it():
    done = LogScan([Tail(10, 1_000)])
    chunk = b"x" * 99 + b"\n"

    for _ in range(50_000):
        done.feed(chunk)

    assert sum(map(len, done._last)) <= 1_200
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
        (b"one\nsection_start:1522927103:prepare_script\ntwo\n", "one\ntwo\n", "one\ntwo\n"),
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
        (b" 1%\r 50%\r100%\ndone\r\n", "100%\ndone\n", " 1%\r 50%\r100%\ndone\n"),
        (b"only\rcarriage\rreturns", "only\ncarriage\nreturns", "only\rcarriage\rreturns"),
        (b"cut \x1b[32", "cut ", "cut \x1b[32"),
        ("é✓".encode()[:-1], "é�", "é�"),
        (
            b"see section_start in the docs",
            "see section_start in the docs",
            "see section_start in the docs",
        ),
    ],
)
def test_forms(raw, plain, ansi):
    assert format_log(raw, "plain") == plain
    assert format_log(raw, "ansi") == ansi
    assert format_log(raw, "raw") == raw.decode("utf-8", "replace")


@given(st.binary())
def test_plain_text_has_no_escape_codes_that_were_whole(raw):
    assert "\x1b[0m" not in format_log(raw + b"\x1b[0m", "plain")


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


MARKS = ["a", "\n", "\r", "\x1b", "\x1b[0m", "\x1b[0K", "\x1b]0;", "\x07", "\x1b\\", "é", "+"]
MARKS += ["section_start:1:b", " ", "2026-01-01T00:00:00.0Z 00O"]


@given(
    st.lists(st.sampled_from(MARKS)).map("".join),
    st.integers(1, 9),
    st.sampled_from(["plain", "ansi", "raw"]),
)
def test_a_text_is_the_same_in_steps_of_any_size(text, step, form):
    raw = text.encode()[step % 2 :]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(logs_module, "STEP", step)
        in_steps = format_log(raw, form)

    assert in_steps == format_log(raw, form)


def test_wants_that_come_to_the_same_bytes_share_them():
    log = b"one\ntwo\n"

    pieces = scan(log, Tail(9, 99), Tail(8, 50), Slice(0, 99), Slice(0, 50)).pieces()

    assert {id(piece.raw) for piece in pieces} == {id(pieces[0].raw)}
