"""Pace and circuit: time is an argument, so nothing waits here."""

from __future__ import annotations

from time import time

import pytest

from gateway.errors import UpstreamUnavailable
from gateway.upstream.calls.circuit import Circuit
from gateway.upstream.calls.pace import Pace
from gateway.upstream.credential import Credential
from gateway.upstream.wire import Answer

ONE = Credential("PRIVATE-TOKEN", "one")
OTHER = Credential("PRIVATE-TOKEN", "other")


def told(remaining, *, status=200, limit="600", reset_in_s=30):
    headers = {
        "ratelimit-remaining": str(remaining),
        "ratelimit-limit": limit,
        "ratelimit-reset": str(int(time()) + reset_in_s),
    }
    return Answer(status, headers.get, b"")


class TestPace:
    @pytest.mark.parametrize(
        "answer",
        [
            Answer(200, {}.get, b""),
            told(599),
            told(60),
            told("?"),
            told(1, limit="unlimited"),
            Answer(429, {}.get, b""),
            Answer(200, {"ratelimit-remaining": "1", "ratelimit-limit": "600"}.get, b""),
        ],
    )
    def test_nothing_waits_while_there_is_plenty_or_nothing_is_told(self, answer):
        pace = Pace()

        pace.heed(ONE, answer, 100)

        assert pace.wait_s(ONE, 100) == 0

    def test_what_is_left_is_shared_out_until_the_reset(self):
        pace = Pace()
        pace.heed(ONE, told(9), 100)

        waits = [pace.wait_s(ONE, 100) for _ in range(10)]

        assert waits == sorted(waits)
        assert waits[0] == pytest.approx(3, abs=0.2)
        assert waits[-1] == pytest.approx(30, abs=1)

    def test_nothing_left_waits_for_the_reset(self):
        pace = Pace()
        pace.heed(ONE, told(0), 100)

        assert pace.wait_s(ONE, 100) == pytest.approx(30, abs=1)
        assert pace.wait_s(ONE, 131) == 0

    def test_a_429_holds_until_its_time(self):
        pace = Pace()
        pace.heed(ONE, Answer(429, {"retry-after": "20"}.get, b""), 100)

        assert [pace.wait_s(ONE, now) for now in (100, 110, 120, 130)] == [20, 10, 0, 0]

    def test_a_wrong_clock_stops_nobody_for_more_than_a_minute(self):
        pace = Pace()
        pace.heed(ONE, told(0, reset_in_s=1_000_000), 100)

        assert pace.wait_s(ONE, 100) == 60

    def test_each_credential_has_its_own(self):
        pace = Pace()
        pace.heed(ONE, told(0), 100)

        assert pace.wait_s(OTHER, 100) == 0
        assert pace.wait_s(None, 100) == 0
        assert pace.wait_s(Credential("PRIVATE-TOKEN", "one"), 100) > 0

    def test_ends_when_there_is_plenty_again(self):
        pace = Pace()
        pace.heed(ONE, told(0), 100)
        pace.heed(ONE, told(599), 101)

        assert pace.wait_s(ONE, 102) == 0

    def test_keeps_no_more_than_it_needs(self):
        pace = Pace()
        for number in range(5_000):
            pace.heed(Credential("PRIVATE-TOKEN", str(number)), told(0), number)

        assert len(pace._slowed) <= 1_001


class TestCircuit:
    def test_opens_after_failures_in_a_row_for_a_moment(self):
        circuit = Circuit(threshold=3, open_s=2)
        for _ in range(3):
            circuit.check(100, "GET /x")
            circuit.failed(100)

        with pytest.raises(UpstreamUnavailable, match="failed 3 times in a row"):
            circuit.check(101.9, "GET /x")
        circuit.check(102, "GET /x")

    def test_opens_again_with_one_more(self):
        circuit = Circuit(threshold=3, open_s=2)
        for now in (100, 100, 100, 102):
            circuit.failed(now)

        with pytest.raises(UpstreamUnavailable):
            circuit.check(103, "GET /x")

    def test_one_answer_closes_it(self):
        circuit = Circuit(threshold=3, open_s=2)
        for _ in range(3):
            circuit.failed(100)
        circuit.worked()

        circuit.check(100, "GET /x")
        circuit.failed(100)
        circuit.check(100, "GET /x")


def test_numbers_of_thousands_of_digits_are_passed_over():
    pace = Pace()
    endless = "9" * 5000
    headers = dict.fromkeys(
        ("ratelimit-remaining", "ratelimit-limit", "ratelimit-reset", "retry-after"), endless
    )

    for status in (200, 429):
        pace.heed(ONE, Answer(status, headers.get, b""), 100)

    assert pace.wait_s(ONE, 100) == 0
