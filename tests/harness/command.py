"""The command `jobs-gateway` as a process of its own, run as its users run it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager

import httpx

__all__ = ["STARTED_S", "Served", "ask", "get", "run", "running", "until_answered"]

STARTED_S = 60
# To make a client takes longer than a request: the system's certificates are read. So there is one
# for all, and a connection for each request.
_CALLER = httpx.Client(timeout=30, limits=httpx.Limits(max_keepalive_connections=0))


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "gateway", *arguments],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=STARTED_S,
        check=False,
    )


@contextmanager
def running(*arguments: str, stderr: int = subprocess.PIPE, **environment: str):
    """A command that serves, what it said, and its records when it has ended."""
    with subprocess.Popen(
        [sys.executable, "-m", "gateway", *arguments],
        env=os.environ | {"GATEWAY_DRAIN_S": "0"} | environment,
        stdout=subprocess.PIPE,
        stderr=stderr,
        text=True,
    ) as process:
        try:
            yield Served(process)
        finally:
            if process.poll() is None:
                process.kill()


class Served:
    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.lines = [process.stdout.readline().rstrip()]
        # The last line of either banner names the last role.
        while "JOB-TOKEN" not in self.lines[-1] and "upstream" not in self.lines[-1]:
            line = process.stdout.readline()
            assert line, process.stderr.read()
            self.lines.append(line.rstrip())

    def said(self, label: str) -> str:
        [found] = [line for line in self.lines if line.strip().startswith(label)]
        return found.strip().removeprefix(label).split()[-1 if "TOKEN" in found else 0]

    def stop(self, number: int = signal.SIGTERM) -> list[dict]:
        self.process.send_signal(number)
        _, errors = self.process.communicate(timeout=STARTED_S)
        return [json.loads(line) for line in errors.splitlines()]


def until_answered(url: str) -> httpx.Response:
    until = time.monotonic() + STARTED_S
    while True:
        try:
            return get(url)
        except httpx.ConnectError:
            assert time.monotonic() < until
            time.sleep(0.1)


def ask(url: str, query: str, token: str) -> dict:
    headers = {"private-token": token}
    return _CALLER.post(url, json={"query": query}, headers=headers).json()


def get(url: str, token: str = "") -> httpx.Response:
    return _CALLER.get(url, headers={"private-token": token} if token else {})
