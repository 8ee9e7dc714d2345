"""A minute of three replicas in trouble; longer by `python -m tests.replicas`."""

import asyncio

import pytest

from tests.harness.redis import redis_program
from tests.replicas.run import run

pytestmark = [pytest.mark.timed, pytest.mark.dear, pytest.mark.timeout(240)]


def test_three_replicas_in_trouble_answer_right_and_once(tmp_path, lacking):
    if redis_program() is None:
        lacking("redis-server is not installed")

    outcome = asyncio.run(run(tmp_path, seconds=60))

    print(outcome)  # noqa: T201 - shown where it fails
    assert outcome.faults == []
    assert outcome.counted["own writes seen"] > 10
    assert outcome.counted["logs followed"] >= 4
    assert len(outcome.happened) >= 3, outcome.happened
