"""Workers with what else comes with the gateway: metrics, trusted documents, and faults."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from contextlib import AsyncExitStack, suppress
from operator import itemgetter
from pathlib import Path

import httpx
import pytest

import gateway.workers.parent as parent
from gateway.settings import Settings
from gateway.transport.server import address_of, listen
from gateway.workers import serve_with_workers
from tests.command.test_workers import JOBS, is_there, until, up, workers_of
from tests.harness.command import STARTED_S, ask, get, run, running
from tests.telemetry.conftest import numbers_in

pytestmark = [
    pytest.mark.dear,
    pytest.mark.skipif(sys.platform == "win32", reason="workers need Unix"),
]

TWO = ("serve", "--port", "0", "--workers", "2")
GOOD = "query Type { __typename }"
OTHER = "query Other { other: __typename }"
WATCH = """subscription {
  jobUpdated(job: {path: {project: "1", job: 8}}) { status }
}"""
CANCEL = """mutation {
  jobCancel(input: {job: {path: {project: "1", job: 8}}}) { userErrors { code } }
}"""
BAD = "query Bad {\n  nothing\n}"


@pytest.fixture
def folder(tmp_path):
    """Trusted documents; nothing else is run."""
    made = tmp_path / "documents"
    made.mkdir()
    (made / "Type.graphql").write_text(GOOD)
    return made


def trusting(folder) -> dict[str, str]:
    return {"GATEWAY_TRUSTED_DOCUMENTS": str(folder), "GATEWAY_DOCUMENTS": "only"}


def asked_of_both(served, document_id: str) -> list:
    """Each request is a connection of its own, so they go to the workers in turn."""
    answers = [
        httpx.post(served.said("GraphQL"), json={"documentId": document_id}, timeout=30).json()
        for _ in range(4)
    ]
    return [answer.get("data") or answer["errors"][0]["extensions"]["code"] for answer in answers]


def told_by(records: list[dict]) -> list[str]:
    return [record["message"] for record in records if record["record"] == "gateway.workers"]


class TestMetrics:
    def test_either_worker_tells_all_exactly_also_after_one_was_killed(self):
        with running(*TWO, "--metrics") as served:
            url, token = served.said("GraphQL"), served.said("developer")

            def told():
                root = url.removesuffix("/graphql")
                return [numbers_in(get(f"{root}/metrics").text) for _ in range(4)]

            for _ in range(9):
                ask(url, JOBS, token)
            before = told()
            first, _ = workers_of(served)
            os.kill(first, signal.SIGKILL)
            until(lambda: not is_there(first), "it was not killed")
            until(lambda: up(served)["up"] == 1, "the death was not noticed")
            until(lambda: up(served) == {"wanted": 2, "up": 2}, "no other worker came")
            for _ in range(4):
                ask(url, JOBS, token)
            after = told()
            records = served.stop()

        # Each worker writes its own some time after.
        records.sort(key=itemgetter("time"))
        operations = [record for record in records if record["record"] == "operation"]
        calls = sum(record.get("calls", 0) for record in operations[:9])
        assert [total(numbers, "gateway_operations_total") for numbers in before] == [9] * 4
        assert [total(numbers, "gateway_operations_total") for numbers in after] == [13] * 4
        durations = "gateway_operation_duration_seconds_count"
        assert [total(numbers, durations) for numbers in after] == [13] * 4
        assert [made_calls(numbers) for numbers in before] == [calls] * 4
        assert [numbers["gateway_workers",] for numbers in before + after] == [2] * 8
        kept = {numbers["gateway_kept_max_bytes",] for numbers in before + after}
        assert kept == {Settings().kept_bytes}


def total(numbers, name: str) -> float:
    return sum(number for key, number in numbers.items() if key[0] == name)


def made_calls(numbers) -> float:
    return sum(
        number
        for key, number in numbers.items()
        if key[0] == "gateway_calls_total" and {"made", "retried"} & {*key}
    )


class TestTrustedDocuments:
    @pytest.mark.broad
    def test_a_bad_one_at_the_start_ends_the_command_with_its_place(self, folder):
        (folder / "Bad.graphql").write_text(BAD)

        ended = run(*TWO, **trusting(folder))

        assert ended.returncode == 2
        told = f"{folder}/Bad.graphql:2:3: Cannot query field 'nothing'"
        assert ended.stderr.count(told) == 1
        assert ended.stderr.startswith("jobs-gateway: GATEWAY_TRUSTED_DOCUMENTS: ")

    @pytest.mark.broad
    def test_renewed_workers_have_the_new_ones(self, folder):
        with running(*TWO, **trusting(folder)) as served:
            old = set(workers_of(served))
            before = asked_of_both(served, "Other")
            (folder / "Other.graphql").write_text(OTHER)
            served.process.send_signal(signal.SIGHUP)
            until(lambda: old.isdisjoint(workers_of(served)), "not all were renewed")
            after = asked_of_both(served, "Other")
            served.stop()

        assert before == ["DOCUMENT_NOT_TRUSTED"] * 4
        assert after == [{"other": "Query"}] * 4
        assert served.process.returncode == 0

    def test_with_a_bad_one_those_that_serve_go_on_until_it_is_mended(self, folder, tmp_path):
        records = tmp_path / "records"
        with (
            records.open("w") as stderr,
            running(*TWO, stderr=stderr, **trusting(folder)) as served,
        ):
            old = set(workers_of(served))
            (folder / "Other.graphql").write_text(OTHER)
            (folder / "Bad.graphql").write_text(BAD)
            served.process.send_signal(signal.SIGHUP)
            until(lambda: "not renewed" in records.read_text(), "the mistake was not told")
            meanwhile = asked_of_both(served, "Type"), asked_of_both(served, "Other")
            same = set(workers_of(served)), up(served)
            (folder / "Bad.graphql").unlink()
            served.process.send_signal(signal.SIGHUP)
            until(lambda: old.isdisjoint(workers_of(served)), "not all were renewed")
            after = asked_of_both(served, "Other")
            served.process.terminate()
            served.process.wait(STARTED_S)

        told = told_by([json.loads(line) for line in records.read_text().splitlines()])
        assert meanwhile == ([{"__typename": "Query"}] * 4, ["DOCUMENT_NOT_TRUSTED"] * 4)
        assert same == (old, {"wanted": 2, "up": 2})
        assert after == [{"other": "Query"}] * 4
        assert told[0].startswith(
            "workers are not renewed: GATEWAY_TRUSTED_DOCUMENTS: "
            f"{folder}/Bad.graphql:2:3: Cannot query field 'nothing'"
        )
        assert told[0].endswith("; those that serve go on")
        assert "cannot serve" not in records.read_text()


class TestSubscribers:
    @pytest.mark.broad
    @pytest.mark.anyio
    async def test_of_all_workers_are_told_at_once_what_one_of_them_wrote(self):
        """They would look by themselves after ten minutes."""
        slow = {"GATEWAY_WATCH_INTERVAL_S": "600", "GATEWAY_WATCH_IDLE_INTERVAL_S": "600"}
        with running(*TWO, **slow) as served:
            url, headers = served.said("GraphQL"), {"accept": "text/event-stream"}
            headers["private-token"] = served.said("maintainer")
            async with (
                httpx.AsyncClient(headers=headers, timeout=STARTED_S) as client,
                AsyncExitStack() as stack,
            ):
                streams = [
                    await stack.enter_async_context(
                        client.stream("POST", url, json={"query": WATCH})
                    )
                    for _ in range(4)
                ]
                events = [_events(stream) for stream in streams]
                first = [await anext(told) for told in events]
                written = await client.post(
                    url, json={"query": CANCEL}, headers={"accept": "application/json"}
                )
                second = [await anext(told) for told in events]
                rest = [[event async for event in told] for told in events]
            served.stop()

        assert written.json()["data"]["jobCancel"]["userErrors"] == []
        assert first == [first[0]] * 4
        assert second == [second[0]] * 4 != first
        assert rest == [[]] * 4
        assert served.process.returncode == 0


async def _events(stream):
    async for line in stream.aiter_lines():
        if line.startswith("data: {"):
            yield json.loads(line.removeprefix("data: "))


class TestWatching:
    @pytest.mark.broad
    def test_the_pause_grows_for_one_that_ends_early_each_time(self):
        with running(*TWO) as served:
            killed = []
            for _ in range(2):
                until(lambda: up(served) == {"wanted": 2, "up": 2}, "no other worker came")
                killed.append(workers_of(served)[0] if not killed else max(workers_of(served)))
                os.kill(killed[-1], signal.SIGKILL)
                until(lambda: not is_there(killed[-1]), "it was not killed")
                until(lambda: up(served)["up"] == 1, "the death was not noticed")
            records = served.stop()

        assert told_by(records) == [
            f"worker 0 (process {pid}) was ended by SIGKILL; another one is started in {pause_s} s"
            for pid, pause_s in zip(killed, (1, 2), strict=True)
        ]

    @pytest.mark.broad
    def test_a_signal_to_renew_that_comes_early_ends_nothing(self):
        command = [sys.executable, "-m", "gateway", *TWO]
        with subprocess.Popen(
            command,
            env=os.environ | {"GATEWAY_DRAIN_S": "0"},
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        ) as process:
            children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
            until(lambda: children.read_text().strip(), "no worker was started")
            process.send_signal(signal.SIGHUP)
            first = process.stdout.readline()
            process.terminate()
            process.communicate(timeout=STARTED_S)

        assert first.startswith("Jobs Gateway")
        assert process.returncode == 0

    @pytest.mark.anyio
    async def test_one_that_hangs_is_killed_and_replaced(self, sandbox_server, monkeypatch, caplog):
        monkeypatch.setattr(parent, "PING_EVERY_S", 0.2)
        monkeypatch.setattr(parent, "HUNG_S", 3.0)
        settings = Settings(upstream_url=sandbox_server.url, workers=2, drain_s=0)
        listener, announced = listen("127.0.0.1", 0), asyncio.Event()
        address = address_of(listener)
        serving = asyncio.create_task(
            serve_with_workers(lambda: settings, listener, lambda _: announced.set())
        )
        async with asyncio.timeout(STARTED_S):
            await announced.wait()
            hung = _children()[0]
            os.kill(hung, signal.SIGSTOP)
            while is_there(hung) or await _up(address) < 2:  # noqa: ASYNC110 - of another process
                await asyncio.sleep(0.1)
        os.kill(os.getpid(), signal.SIGTERM)
        await serving

        told = [record.getMessage() for record in caplog.records]
        assert f"worker 0 (process {hung}) has said nothing for 3 s and is killed" in told
        assert _children() == []


def _children() -> list[int]:
    return [
        int(pid)
        for pid in Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
        if b"gateway.workers.worker" in Path(f"/proc/{pid}/cmdline").read_bytes()
    ]


async def _up(address: str) -> int:
    # A connection may have been handed to the one that hangs.
    with suppress(httpx.HTTPError):
        async with httpx.AsyncClient(timeout=1) as client:
            answer = await client.get(f"{address}/health/ready")
            return answer.json()["workers"]["up"]
    return 0
