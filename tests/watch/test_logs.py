"""A watched log: its new bytes, in whole lines, without loss or repetition."""

import asyncio

import pytest

from gateway.errors import BadInput, SubscriberTooSlow
from gateway.sandbox import Fault
from gateway.upstream.logs import LogPiece

pytestmark = [pytest.mark.anyio, pytest.mark.sandbox(jobs=0)]


class Listener:
    """Takes what comes, at once."""

    def __init__(self, follower):
        self.follower = follower
        self.pieces = []
        self.errors = []
        self.task = asyncio.create_task(self.listen())

    async def listen(self):
        while (event := await self.follower.next()) is not None:
            (self.pieces if isinstance(event.value, LogPiece) else self.errors).append(event.value)

    @property
    def raw(self):
        return b"".join(piece.raw for piece in self.pieces)


def listen(it, job, **options):
    return Listener(it.live.log(it.credential(), 1, job.id, job.pipeline, **options))


async def test_is_told_from_its_start_as_it_grows_until_the_job_has_finished(world, job):
    async with world() as it:
        job.write(b"one\ntwo\n")
        listener = listen(it, job)
        await it.advance(2, world_s=0)
        assert listener.raw == b"one\ntwo\n"

        job.write(b"three\n")
        await it.advance(4, world_s=0)
        assert listener.raw == b"one\ntwo\nthree\n"

        job.write(b"the end")
        job.finish()
        await it.advance(20, world_s=0)

        assert listener.raw == job.log
        assert listener.task.done()
        assert len(it.live) == 0


async def test_a_line_waits_for_its_end_or_until_it_stands_still(world, job):
    async with world() as it:
        job.write(b"one\ntw")
        listener = listen(it, job)
        await it.advance(2, world_s=0)
        assert listener.raw == b"one\n"

        await it.advance(6, world_s=0)
        assert listener.raw == b"one\ntw"

        job.write(b"o\nthree\n")
        await it.advance(10, world_s=0)
        assert listener.raw == b"one\ntwo\nthree\n"
        assert listener.pieces[-1].begins_inside


async def test_goes_on_from_a_byte(world, job):
    async with world() as it:
        job.write(b"one\ntwo\nthree\n")
        listener = listen(it, job, from_byte=4)
        await it.advance(2, world_s=0)

        assert listener.raw == b"two\nthree\n"
        assert [piece.start_byte for piece in listener.pieces] == [4]


@pytest.mark.parametrize("profile", ["18", "16"])
@pytest.mark.parametrize(("from_byte", "told"), [(15, "has 14 bytes"), (70_000, "70000 is beyond")])
async def test_from_beyond_the_end_of_a_finished_log_is_told(world, job, profile, from_byte, told):
    job.sandbox.profile = profile
    async with world() as it:
        job.write(b"one\ntwo\nthree\n")
        beyond = listen(it, job, from_byte=from_byte)
        at_end = listen(it, job, from_byte=14)
        await it.advance(10, world_s=0)
        assert (beyond.errors, beyond.task.done()) == ([], False)

        job.finish()
        await it.advance(20, world_s=0)

        [error] = beyond.errors
        assert isinstance(error, BadInput)
        assert told in error.message
        assert at_end.errors == at_end.pieces == beyond.pieces == []
        assert at_end.task.done()
        assert beyond.task.done()


async def test_a_log_that_grows_as_far_as_its_reader_is_read_from_there(world, job):
    async with world() as it:
        job.write(b"one\n")
        listener = listen(it, job, from_byte=8)
        await it.advance(4, world_s=0)
        job.write(b"two\nthree\n")
        job.finish()
        await it.advance(20, world_s=0)

        assert listener.raw == b"three\n"
        assert listener.errors == []


async def test_reads_no_byte_twice(world, job):
    line = b"x" * 99 + b"\n"
    async with world() as it:
        listener = listen(it, job)
        for _ in range(50):
            job.write(line * 20)
            await it.advance(2, world_s=0)
        job.finish()
        await it.advance(4, world_s=0)

        assert listener.raw == job.log
        offsets = [
            int(one.raw_path.partition("byte_offset=")[2] or 0)
            for one in it.sandbox.received
            if "/trace" in one.raw_path and "byte_limit" not in one.raw_path
        ]
        assert offsets == sorted(offsets)
        assert len(set(offsets[1:])) >= len(offsets) - 3


async def test_has_one_poller_for_many_listeners(world, job):
    async with world() as it:
        job.write(b"one\n" * 1_000)
        listeners = [listen(it, job) for _ in range(100)]
        await it.advance(1, world_s=0)

        assert it.calls() == {"job": 1, "trace": 1}
        assert all(listener.raw == job.log for listener in listeners)


async def test_a_late_listener_catches_up_and_joins(world, job):
    async with world() as it:
        job.write(b"a line of some length\n" * 20_000)
        first = listen(it, job)
        await it.advance(4, world_s=0)
        late = listen(it, job)
        await it.advance(6, world_s=0)
        job.write(b"more\n")
        await it.advance(10, world_s=0)

        assert first.raw == job.log
        assert late.raw == job.log
        # One of the job, one of the log.
        assert len(it.live) == 2


async def test_a_late_listener_is_told_that_the_upstream_fails(world, job):
    async with world() as it:
        job.write(b"one\n")
        first = listen(it, job)
        await it.advance(4, world_s=0)
        it.sandbox.faults.append(Fault(kind="status", status=503, route="/trace"))
        await it.advance(40, world_s=0)
        late = listen(it, job)
        await it.advance(40, world_s=0)

        for listener in (first, late):
            [error] = listener.errors
            assert error.code == "UPSTREAM_UNAVAILABLE"

        it.sandbox.faults.clear()
        job.write(b"two\n")
        await it.advance(60, world_s=0)
        assert late.raw == first.raw == b"one\ntwo\n"


async def test_who_does_not_take_it_is_cut_off_with_the_place_to_go_on(world, job):
    async with world() as it:
        job.write(b"a line of some length\n" * 200_000)
        slow = it.live.log(it.credential(), 1, job.id, job.pipeline)
        taken = [(await slow.next()).value]
        fast = listen(it, job)
        await it.advance(20, world_s=0)
        await it.advance(20, world_s=0)

        assert fast.raw == job.log
        while not isinstance(taken[-1], SubscriberTooSlow):
            taken.append((await asyncio.wait_for(slow.next(), 30)).value)
        *pieces, cut = taken
        raw = b"".join(piece.raw for piece in pieces)
        assert raw == job.log[: cut.resume_from]


@pytest.mark.sandbox(profile="16")
async def test_is_right_where_the_upstream_sends_whole_logs_only(world, job):
    async with world() as it:
        listener = listen(it, job)
        for number in range(10):
            job.write(b"line %d\n" % number)
            await it.advance(3, world_s=0)
        job.finish()
        await it.advance(10, world_s=0)

        assert listener.raw == job.log
