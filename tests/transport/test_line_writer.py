"""Lines for a reader that stalls, leaves, or was never there."""

import os
import subprocess
import sys
from textwrap import dedent
from threading import Event

import pytest

from gateway.transport.line_writer import LineWriter, standard_streams, write_to

WRITTEN_S = 10
ENDS_S = 30


def told(number):
    return b"%d dropped\n" % number


def test_lines_are_written_in_order():
    written = []
    writer = LineWriter(written.append, told)

    for number in range(100):
        writer.write(b"%d\n" % number)

    assert writer.drain(WRITTEN_S)
    assert b"".join(written).split() == [b"%d" % number for number in range(100)]


def test_a_process_ends_though_what_is_cleared_away_says_something():
    program = """
        from gateway.transport.line_writer import LineWriter

        class Late:
            def __del__(self):
                self.writer.write(b"late")

        late = Late()
        late.writer = LineWriter(print, print)
        late.itself = late
    """

    done = subprocess.run(
        [sys.executable, "-c", dedent(program)],
        capture_output=True,
        check=False,
        timeout=ENDS_S,
    )

    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def test_a_stalled_reader_costs_lines_and_their_number_is_told_where_they_lack():
    written, may_go_on, is_stalled = [], Event(), Event()

    def write(lines):
        is_stalled.set()
        may_go_on.wait()
        written.append(lines)

    writer = LineWriter(write, told, queue_bytes=10)
    writer.write(b"first\n")
    is_stalled.wait()
    for line in (b"two\n", b"lost\n", b"lost\nlost\n"):
        writer.write(line)
    assert not writer.drain(0)
    may_go_on.set()
    assert writer.drain(WRITTEN_S)
    writer.write(b"last\n")

    assert writer.drain(WRITTEN_S)
    assert b"".join(written) == b"first\ntwo\n3 dropped\nlast\n"


def test_lines_that_nobody_takes_are_told_when_somebody_does():
    written, nobody = [], [True]

    def write(lines):
        if nobody:
            raise BrokenPipeError
        written.append(lines)

    writer = LineWriter(write, told)
    writer.write(b"lost\nlost\n")
    assert writer.drain(WRITTEN_S)
    nobody.clear()
    writer.write(b"kept\n")

    assert writer.drain(WRITTEN_S)
    assert b"".join(written) == b"2 dropped\nkept\n"


def test_a_pipe_takes_more_than_it_holds_from_a_writer_that_may_not_block():
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    text = b"x" * 300_000 + b"\n"
    with os.fdopen(writing, "w", encoding="utf-8") as stream:
        writer = LineWriter(write_to(stream), told)
        writer.write(text)

        taken = b""
        while len(taken) < len(text):
            taken += os.read(reading, 65_536)

        assert writer.drain(WRITTEN_S)
    os.close(reading)
    assert taken == text


def test_a_stream_that_was_closed_at_the_start_takes_all():
    write_to(None)(b"anything\n")


def test_a_command_prints_to_streams_that_were_closed_at_the_start(monkeypatch):
    monkeypatch.setattr(sys, "stdout", None)
    monkeypatch.setattr(sys, "stderr", None)

    with standard_streams():
        sys.stdout.write("said\n")
        sys.stderr.write("said\n")

    sys.stdout.close()


def test_a_reader_who_has_left_is_told_once(monkeypatch):
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w", encoding="utf-8") as stream:
        monkeypatch.setattr(sys, "stdout", stream)

        with pytest.raises(BrokenPipeError), standard_streams():
            sys.stdout.write("said\n")

        stream.flush()
