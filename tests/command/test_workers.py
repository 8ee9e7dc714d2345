"""`jobs-gateway serve --workers N`, run as its users run it."""

import asyncio
import json
import os
import signal
import socket
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from tests.harness.command import STARTED_S, ask, get, run, running

JOBS = '{ project(id: "1") { jobs(first: 2) { nodes { name } } } }'
# It has finished, so it is kept for a minute.
JOB = '{ job(by: {path: {project: "1", job: 7}}) { erasedAt } }'
ERASE = (
    'mutation { jobErase(input: {job: {path: {project: "1", job: 7}}}) { userErrors { code } } }'
)

WATCH = (
    'subscription { pipelineUpdated(pipeline: {path: {project: "1", pipeline: 6}}) { __typename } }'
)

pytestmark = [
    pytest.mark.dear,
    pytest.mark.skipif(sys.platform == "win32", reason="workers need Unix"),
]


def workers_of(served) -> list[int]:
    children = Path(f"/proc/{served.process.pid}/task/{served.process.pid}/children")
    return [int(pid) for pid in children.read_text().split()]


def descriptors_of(served) -> list[int]:
    return [sum(1 for _ in Path(f"/proc/{pid}/fd").iterdir()) for pid in workers_of(served)]


def is_there(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"


def until(holds, what: str) -> None:
    end = time.monotonic() + STARTED_S
    while not holds():
        assert time.monotonic() < end, what
        time.sleep(0.05)


def up(served) -> dict:
    """How many are wanted and up; none where one that was just killed was given the question."""
    root = served.said("GraphQL").removesuffix("/graphql")
    try:
        return get(f"{root}/health/ready").json()["workers"]
    except httpx.TransportError:
        return {"wanted": 0, "up": 0}


class Load:
    """Callers that ask again and again, each on a connection that it keeps and opens anew."""

    def __init__(self, url: str, token: str, callers: int = 2) -> None:
        self._url, self._headers = url, {"private-token": token}
        self._stop = threading.Event()
        self._callers = callers
        self.answered = 0

    def __enter__(self):
        self._pool = ThreadPoolExecutor(self._callers)
        self._asking = [self._pool.submit(self._ask) for _ in range(self._callers)]
        return self

    def __exit__(self, *_):
        self._stop.set()
        self._pool.shutdown()

    def faults(self) -> list[str]:
        self._stop.set()
        return [fault for asking in self._asking for fault in asking.result()]

    def _ask(self) -> list[str]:
        faults = []
        with httpx.Client(headers=self._headers, timeout=STARTED_S) as client:
            while not self._stop.is_set():
                try:
                    answer = client.post(self._url, json={"query": JOBS})
                    if answer.status_code != 200 or "errors" in answer.json():
                        faults.append(answer.text)
                except httpx.HTTPError as error:
                    faults.append(repr(error))
                self.answered += 1
                time.sleep(0.05)
        return faults


@pytest.mark.broad
def test_all_workers_ask_the_one_sandbox_and_are_ready_together():
    with running("serve", "--port", "0", "--workers", "2") as served:
        url, token = served.said("GraphQL"), served.said("developer")
        answers = [ask(url, JOBS, token) for _ in range(4)]
        count = up(served)
        status = get(f"{served.said('sandbox REST')}/projects/1", token).status_code
        records = served.stop()

    assert served.said("workers") == "2"
    assert count == {"wanted": 2, "up": 2}
    assert all(answer == answers[0] for answer in answers)
    assert status == 200
    assert served.process.returncode == 0
    # One fingerprint in all of them.
    assert len({record["caller"] for record in records}) == 1


@pytest.mark.broad
def test_an_own_write_by_one_worker_shows_by_the_other():
    """Each request is a connection of its own, so they go to the workers in turn."""
    with running("serve", "--port", "0", "--workers", "2") as served:
        url, token = served.said("GraphQL"), served.said("maintainer")
        before = [ask(url, JOB, token)["data"]["job"]["erasedAt"] for _ in range(4)]
        written = ask(url, ERASE, token)
        after = [ask(url, JOB, token)["data"]["job"]["erasedAt"] for _ in range(4)]
        records = served.stop()

    assert written["data"]["jobErase"]["userErrors"] == []
    assert before == [None] * 4
    assert None not in after
    # Both kept it, before and after.
    reads = [record for record in records if record["type"] == "query"]
    assert sorted(record.get("cached", 0) for record in reads) == [0] * 4 + [1] * 4


@pytest.mark.broad
def test_connections_are_dealt_out_evenly():
    with running("serve", "--port", "0", "--workers", "2") as served:
        url = served.said("GraphQL")
        port = int(url.split(":")[2].split("/")[0])
        before = descriptors_of(served)
        kept = [socket.create_connection(("127.0.0.1", port)) for _ in range(30)]
        until(lambda: sum(descriptors_of(served)) >= sum(before) + 30, "not all were taken")
        after = descriptors_of(served)
        for connection in kept:
            connection.close()
        served.stop()

    assert [now - then for now, then in zip(after, before, strict=True)] == [15, 15]


def test_a_worker_that_is_killed_is_replaced_and_the_other_serves_meanwhile():
    with running("serve", "--port", "0", "--workers", "2") as served:
        url, token = served.said("GraphQL"), served.said("developer")
        first, second = workers_of(served)
        os.kill(first, signal.SIGKILL)
        until(lambda: up(served)["up"] == 1, "the death was not noticed")
        answers = [ask(url, JOBS, token) for _ in range(4)]
        until(lambda: up(served)["up"] == 2, "no other worker came")
        now = workers_of(served)
        records = served.stop()

    assert all("errors" not in answer for answer in answers)
    assert first not in now
    assert second in now
    told = [record["message"] for record in records if record["record"] == "gateway.workers"]
    assert told == [
        f"worker 0 (process {first}) was ended by SIGKILL; another one is started in 1 s"
    ]


def test_renewal_fails_no_request():
    with running("serve", "--port", "0", "--workers", "2", GATEWAY_DRAIN_S="1") as served:
        before = set(workers_of(served))
        with Load(served.said("GraphQL"), served.said("developer")) as load:
            served.process.send_signal(signal.SIGHUP)
            until(lambda: before.isdisjoint(workers_of(served)), "not all were renewed")
            answered = load.answered
            until(lambda: load.answered > answered + 50, "nothing is answered any more")
            faults = load.faults()
        after = workers_of(served)
        served.stop()

    assert faults == []
    assert len(after) == 2
    assert served.process.returncode == 0


def test_a_stop_does_not_wait_for_a_worker_that_only_starts(tmp_path):
    records = tmp_path / "records"
    with (
        records.open("w") as stderr,
        running("serve", "--port", "0", "--workers", "2", stderr=stderr) as served,
    ):
        served.process.send_signal(signal.SIGHUP)
        until(lambda: len(workers_of(served)) == 3, "none was renewed")
        served.process.terminate()
        served.process.wait(STARTED_S)

    # It served otherwise, and this was told.
    assert "gateway.workers" not in records.read_text()
    assert served.process.returncode == 0


@pytest.mark.broad
def test_sigterm_to_a_worker_renews_that_one():
    with running("serve", "--port", "0", "--workers", "2") as served:
        first, second = workers_of(served)
        os.kill(first, signal.SIGTERM)
        until(lambda: not is_there(first), "it did not end")
        now = workers_of(served)
        served.stop()

    assert second in now
    assert len(now) == 2


def test_sigterm_answers_what_runs_and_goes_on_while_it_drains():
    with running("serve", "--port", "0", "--workers", "2", GATEWAY_DRAIN_S="8") as served:
        root = served.said("GraphQL").removesuffix("/graphql")
        with Load(f"{root}/graphql", served.said("developer")) as load:
            until(lambda: load.answered > 20, "nothing is answered")
            served.process.send_signal(signal.SIGTERM)
            until(lambda: get(f"{root}/health/ready").status_code == 503, "it does not drain")
            live = get(f"{root}/health/live").status_code
            faults = load.faults()
        workers = workers_of(served)
        served.stop()

    assert live == 200
    assert faults == []
    assert len(workers) == 2
    assert served.process.returncode == 0
    assert not any(is_there(pid) for pid in workers)


@pytest.mark.anyio
async def test_subscriptions_end_with_the_word_to_come_again():
    with running("serve", "--port", "0", "--workers", "2") as served:
        headers = {"private-token": served.said("developer"), "accept": "text/event-stream"}
        async with (
            httpx.AsyncClient(timeout=STARTED_S, headers=headers) as client,
            client.stream("POST", served.said("GraphQL"), json={"query": WATCH}) as stream,
        ):
            lines = stream.aiter_lines()
            # Before, the stream is open, and what it is to carry is prepared yet.
            first = await anext(line async for line in lines if line and line != ":")
            stopping = asyncio.to_thread(served.stop)
            rest, records = await asyncio.gather(_all_of(lines), stopping)

    [ended] = [record for record in records if record["record"] == "subscription"]
    assert stream.status_code == 200
    assert first == "event: next"
    assert "event: complete" not in rest
    assert ended["ending"] == "stopped"
    assert served.process.returncode == 0


async def _all_of(lines):
    return [line async for line in lines]


@pytest.mark.broad
def test_when_the_parent_is_killed_workers_end_too():
    with running("serve", "--port", "0", "--workers", "2") as served:
        workers = workers_of(served)
        served.process.kill()
        served.process.wait()
        until(lambda: not any(is_there(pid) for pid in workers), "workers were left behind")


def test_a_port_that_is_taken_is_told_at_once():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ended = run("serve", "--port", str(port), "--workers", "2")

    assert ended.returncode == 2
    assert f"cannot listen on 127.0.0.1 port {port}" in ended.stderr


@pytest.mark.broad
def test_more_workers_than_connections_are_a_mistake():
    ended = run("serve", "--workers", "3", "--max-upstream-connections", "2")

    assert ended.returncode == 2
    assert "GATEWAY_WORKERS=3" in ended.stderr


def test_a_worker_that_cannot_start_ends_the_command(tmp_path):
    """What only the worker meets: here its interpreter finds no event loop."""
    (tmp_path / "sitecustomize.py").write_text(
        "import sys\nif 'gateway.workers.worker' in sys.orig_argv:\n  import os; os._exit(3)\n"
    )

    ended = run("serve", "--port", "0", "--workers", "2", PYTHONPATH=str(tmp_path))

    assert ended.returncode == 2
    assert "ended with status 3 before it served" in ended.stderr.splitlines()[-1]
    assert all(json.loads(line) for line in ended.stderr.splitlines()[:-1])


@pytest.mark.broad
def test_the_banner_tells_how_many_documents_are_trusted(tmp_path):
    (tmp_path / "A.graphql").write_text("query A { currentJob { name } }")
    (tmp_path / "B.graphql").write_text("query B { currentJob { id } }")
    documents = ("--trusted-documents", str(tmp_path), "--documents", "only")

    with running("--port", "0", "--workers", "2", *documents) as served:
        served.stop()

    assert "documents     2 trusted; others are refused" in map(str.strip, served.lines)


def test_the_banner_tells_the_store_without_its_password():
    store = {"GATEWAY_STORE_URL": "redis://me:hush@127.0.0.1:9/1", "GATEWAY_STORE_KEY": "k" * 32}

    with running("--port", "0", "--workers", "2", **store) as served:
        served.stop()

    assert "store         redis://127.0.0.1:9/1" in map(str.strip, served.lines)
    assert "hush" not in "".join(served.lines)
