"""A log that is followed at several replicas: read by one, whole at each."""

import asyncio

import pytest

from gateway.upstream.logs import LogPiece

pytestmark = [pytest.mark.anyio, pytest.mark.sandbox(jobs=0)]

MB = 1_000_000


class Listener:
    """Takes what comes, at once, and finds each piece behind the one before."""

    def __init__(self, it, live, job, from_byte=0):
        follower = live.log(it.credential(), 1, job.id, job.pipeline, from_byte=from_byte)
        self.start, self.raw = from_byte, b""
        self.task = asyncio.create_task(self.listen(follower))

    async def listen(self, follower):
        while (event := await follower.next()) is not None:
            assert isinstance(event.value, LogPiece)
            assert event.value.start_byte == self.start + len(self.raw)
            self.raw += event.value.raw


async def write_and_count(it, job, steps=12):
    """Let the log grow, and count how often it was asked for."""
    it.calls()
    for number in range(steps):
        job.write(b"line %d\n" % number * 100)
        await it.advance(3, world_s=0)
    return it.calls().get("trace", 0)


async def test_is_read_by_one_replica_for_all(together, job):
    async with together(1) as it:
        job.write(b"it begins\n")
        Listener(it, it.lives[0], job)
        await it.advance(2, world_s=0)
        of_one = await write_and_count(it, job)
    async with together(3) as it:
        listeners = [Listener(it, live, job) for live in it.lives]
        await it.advance(2, world_s=0)
        of_three = await write_and_count(it, job)

        assert of_three == of_one
        assert [one.raw for one in listeners] == [job.log] * 3


async def test_ends_at_all_with_one_last_read(together, job):
    async with together() as it:
        job.write(b"one\n")
        listeners = [Listener(it, live, job) for live in it.lives]
        await it.advance(6, world_s=0)
        it.calls()

        job.write(b"the end")
        job.finish()
        await it.advance(20, world_s=0)

        assert [one.raw for one in listeners] == [b"one\nthe end"] * 3
        assert all(one.task.done() for one in listeners)
        assert it.pollers == 0
        # One that was due, one at the end.
        assert it.calls()["trace"] <= 3


async def test_no_byte_is_lost_where_who_read_it_dies(together, job):
    async with together() as it:
        listeners = [Listener(it, live, job) for live in it.lives]
        for number in range(40):
            job.write(b"line %d\n" % number * 500)
            await it.advance(2, world_s=0)
            if number in {10, 20}:
                await it.kill(0)
        job.finish()
        await it.advance(30, world_s=0)

        assert listeners[2].raw == job.log
        assert listeners[2].task.done()
        assert all(job.log.startswith(one.raw) for one in listeners)


async def test_goes_on_within_two_intervals_after_a_death(together, job):
    async with together() as it:
        listeners = [Listener(it, live, job) for live in it.lives]
        job.write(b"one\n")
        await it.advance(4, world_s=0)
        await it.kill(0)

        job.write(b"two\n")
        await it.advance(4, world_s=0)

        assert [one.raw for one in listeners[1:]] == [job.log] * 2


async def test_is_caught_up_by_who_begins_earlier_than_what_was_told(together, job):
    async with together(1) as it:
        Listener(it, it.lives[0], job)
        of_one = await write_and_count(it, job)
    async with together() as it:
        job.write(b"a line of some length\n" * 100_000)
        late_in_it = len(job.log) - 22 * 10
        near_the_end = Listener(it, it.lives[0], job, late_in_it)
        await it.advance(4, world_s=0)

        whole = Listener(it, it.lives[1], job)
        await it.advance(4, world_s=0)
        assert whole.raw == job.log
        counted = await write_and_count(it, job)

        assert near_the_end.raw == job.log[late_in_it:]
        assert whole.raw == job.log
        assert counted <= of_one + 1


async def test_that_is_short_is_told_to_who_comes_later_without_a_call(together, job):
    async with together() as it:
        job.write(b"one\ntwo\n")
        Listener(it, it.lives[0], job)
        await it.advance(1, world_s=0)
        it.calls()

        late = Listener(it, it.lives[2], job)
        await it.advance(0.5, world_s=0)

        assert late.raw == b"one\ntwo\n"
        assert it.calls() == {}
