"""What the tests of watching watch, and who follows it there."""

from __future__ import annotations

import asyncio

from gateway.upstream.logs import LogPiece

__all__ = ["LoggedJob", "Subscriber", "statuses"]


def statuses(events):
    return [event.value.status for event in events]


class LoggedJob:
    """A running job whose log grows."""

    def __init__(self, sandbox):
        self.sandbox = sandbox
        self.pipeline = sandbox.create_pipeline(1)
        self.id = sandbox.create_job(1, self.pipeline, status="running", log=b"")
        self.log = b""

    def write(self, data):
        self.log += data
        self.sandbox.set_log(self.id, self.log)

    def finish(self):
        self.sandbox.set_status(self.id, "success")
        self.sandbox.set_log(self.id, self.log)


class Subscriber:
    """Follows a job and its log through `live`, in sessions that end at any time."""

    def __init__(self, it, live, job, pipeline):
        self.it, self.live, self.job, self.pipeline = it, live, job, pipeline
        self.raw = b""
        self.seen = []
        self.tasks = []
        self.listeners = []

    def come(self):
        if self.listeners:
            return
        credential = self.it.credential()
        states = self.live.job(credential, 1, self.job, self.pipeline)
        log = self.live.log(credential, 1, self.job, self.pipeline, from_byte=len(self.raw))
        self.listeners = [states, log]
        self.tasks = [asyncio.create_task(self.take(one)) for one in self.listeners]

    async def leave(self):
        for listener in self.listeners:
            listener.close()
        if self.tasks:
            await asyncio.wait(self.tasks)
        self.listeners, self.tasks = [], []

    async def take(self, listener):
        while (event := await listener.next()) is not None:
            if isinstance(event.value, LogPiece):
                assert event.value.start_byte == len(self.raw)
                self.raw += event.value.raw
            elif not isinstance(event.value, Exception):
                self.seen.append((event.value.coverage or 0.0, event.value.status))
