"""The command `jobs-gateway serve`, run as its users run it."""

import fcntl
import os
import signal
import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from tests.harness.command import STARTED_S, ask, get, run, running, until_answered
from tests.harness.first_page import IS_BUILT, is_first_page, leads_to

HEALTH_BELOW_A_PREFIX = (
    "/ci/jobs/health/live",
    "/ci/jobs/health/ready/",
    "/health/live",
    "/health/live/",
)


@pytest.fixture
def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return taken.getsockname()[1]


class TestServe:
    def test_without_anything_it_serves_the_gateway_over_the_sandbox(self):
        query = '{ project(id: "1") { jobs(first: 2) { nodes { name status } } } }'

        with running("--port", "0") as served:
            url = served.said("GraphQL")
            answer = ask(url, query, served.said("developer"))
            records = served.stop(signal.SIGINT)

        assert len(answer["data"]["project"]["jobs"]["nodes"]) == 2
        assert "errors" not in answer
        assert served.process.returncode == 0
        assert [record["calls"] for record in records] == [1]

    def test_every_roles_token_works_against_the_sandbox(self):
        with running("serve", "--port", "0") as served:
            api = served.said("sandbox REST")
            for role in ("maintainer", "developer", "reporter", "guest", "outsider"):
                assert get(f"{api}/projects/1", served.said(role)).status_code == 200, role
            assert served.stop() == []

    def test_health_and_other_paths(self):
        with running("serve", "--port", "0", "--log-level", "warning") as served:
            root = served.said("GraphQL").removesuffix("/graphql")
            answers = [get(root + path) for path in ("/health/live", "/health/ready", "/", "/no")]
            served.stop()

        live, ready, start, unknown = answers
        assert live.json() == {"status": "live"}
        assert ready.json() == {"status": "ready"}
        assert is_first_page(start)
        assert unknown.status_code == 404
        assert "GraphQL is at /graphql" in unknown.text

    def test_over_an_upstream_it_says_which(self, sandbox_server):
        query = '{ project(id: "1") { jobs(first: 1) { nodes { name } } } }'

        with running("--port", "0", GATEWAY_UPSTREAM_URL=sandbox_server.api_url) as served:
            upstream = served.said("upstream")
            answer = ask(served.said("GraphQL"), query, sandbox_server.tokens["developer"])
            served.stop()

        assert upstream == sandbox_server.url
        assert answer["data"]["project"]["jobs"]["nodes"]

    def test_an_upstream_that_is_down_makes_it_not_ready(self):
        with running(
            "--port", "0", "--upstream-url", "http://127.0.0.1:9", "--no-explorer"
        ) as served:
            root = served.said("GraphQL").removesuffix("/graphql")
            ready, live = get(f"{root}/health/ready"), get(f"{root}/health/live")
            served.stop()

        assert ready.status_code == 503
        assert ready.json()["cause"] == "CONNECTION_REFUSED"
        assert "GATEWAY_UPSTREAM_URL" in ready.json()["reason"]
        assert live.json() == {"status": "live"}

    def test_all_mistakes_in_settings_are_told_and_nothing_starts(self):
        done = run("serve", "--port", "x", GATEWAY_WIRE="curl", GATEWAY_HOTS="a")

        assert done.returncode == 2
        assert done.stdout == ""
        assert done.stderr.splitlines() == [
            "jobs-gateway: GATEWAY_HOTS is no setting; did you mean GATEWAY_HOST?",
            "GATEWAY_WIRE='curl' is none of http1, httpx",
            "--port='x' is no whole number",
        ]

    def test_everything_is_below_a_prefix_and_at_the_root(self):
        with running("--port", "0", GATEWAY_PATH_PREFIX="/ci/jobs") as served:
            graphql = served.said("GraphQL")
            root = graphql.removesuffix("/ci/jobs/graphql")
            answers = [
                ask(root + path, "{ __typename }", "")
                for path in ("/ci/jobs/graphql", "/ci/jobs/graphql/", "/graphql", "/graphql/")
            ]
            live = [get(root + path).status_code for path in HEALTH_BELOW_A_PREFIX]
            start, slash = get(f"{root}/ci/jobs"), get(f"{root}/ci/jobs/")
            served.stop()

        assert graphql.endswith("/ci/jobs/graphql")
        assert answers == [{"data": {"__typename": "Query"}}] * 4
        assert live == [200] * 4
        assert leads_to(start, "/ci/jobs/" if IS_BUILT else "/ci/jobs/graphql")
        assert is_first_page(slash)

    def test_both_families_are_served_at_once(self):
        with running("--port", "0", GATEWAY_HOST="::", GATEWAY_SANDBOX="true") as served:
            port = served.said("GraphQL").removesuffix("/graphql").rpartition(":")[2]
            answers = [
                get(f"http://{host}:{port}/health/live").status_code
                for host in ("127.0.0.1", "[::1]")
            ]
            served.stop()

        assert answers == [200, 200]

    @pytest.mark.broad
    @pytest.mark.parametrize(
        ("environment", "told"),
        [
            ({"GATEWAY_UPSTREAM_URL": ""}, "GATEWAY_UPSTREAM_URL is empty: give the address"),
            ({"GATEWAY_UPSTREAM_URL": " "}, "GATEWAY_UPSTREAM_URL is empty: give the address"),
            ({"GATEWAY_HOST": "0.0.0.0"}, "GATEWAY_SANDBOX=true for the sandbox"),
            ({"GATEWAY_HOST": "::"}, "GATEWAY_SANDBOX=true for the sandbox"),
            ({"GATEWAY_SANDBOX": "off"}, "GATEWAY_UPSTREAM_URL is missing"),
            (
                {"GATEWAY_SANDBOX": "on", "GATEWAY_UPSTREAM_URL": "https://a"},
                "GATEWAY_SANDBOX=true contradicts GATEWAY_UPSTREAM_URL",
            ),
            ({"GATEWAY_CORS_ORIGINS": "https://A.example/"}, "write https://a.example"),
        ],
    )
    def test_what_would_start_something_else_than_was_meant_starts_nothing(self, environment, told):
        done = run("serve", "--port", "0", **environment)

        assert (done.returncode, done.stdout) == (2, "")
        assert told in done.stderr

    def test_a_port_in_use_is_told(self, sandbox_server):
        port = sandbox_server.url.rpartition(":")[2]

        done = run("serve", "--port", port)

        assert done.returncode == 2
        assert f"cannot listen on 127.0.0.1 port {port}" in done.stderr


class TestStopping:
    def test_readiness_ends_first_and_all_else_goes_on(self):
        with running("--port", "0", GATEWAY_DRAIN_S="60") as served:
            url = served.said("GraphQL")
            root = url.removesuffix("/graphql")
            with httpx.Client() as kept:
                kept.get(f"{root}/health/live")
                served.process.send_signal(signal.SIGTERM)
                while (ready := kept.get(f"{root}/health/ready")).status_code == 200:
                    pass
            answer, live = ask(url, "{ __typename }", ""), get(f"{root}/health/live")
            served.stop()

        assert ready.json() == {"status": "not ready", "reason": "the gateway is stopping"}
        assert ready.headers["connection"] == "close"
        assert answer == {"data": {"__typename": "Query"}}
        assert live.status_code == 200
        # The second signal ended the minute.
        assert served.process.returncode == 0

    def test_an_operation_beyond_the_limit_is_answered_and_recorded(self):
        query = "{ job(by: {path: {project: 1, job: 1}}) { name } }"
        with (
            socket.create_server(("127.0.0.1", 0)) as upstream,
            ThreadPoolExecutor(1) as threads,
            running(
                "--port",
                "0",
                GATEWAY_UPSTREAM_URL=f"http://127.0.0.1:{upstream.getsockname()[1]}",
                GATEWAY_SHUTDOWN_TIMEOUT_S="0.2",
            ) as served,
        ):
            asking = threads.submit(ask, served.said("GraphQL"), query, "glpat-any")
            connection, _ = upstream.accept()
            connection.recv(1)
            records = served.stop()
            answer = asking.result()
            connection.close()

        [error] = answer["errors"]
        assert error["extensions"]["code"] == "UPSTREAM_UNAVAILABLE"
        assert [record["codes"] for record in records] == [["UPSTREAM_UNAVAILABLE"]]
        assert served.process.returncode == 0


class TestStandardStreams:
    @pytest.mark.parametrize("level", ["info", "debug"])
    def test_records_that_nobody_reads_stop_nothing(self, level):
        reading, writing = os.pipe()
        fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, 4096)
        with running("--port", "0", stderr=writing, GATEWAY_LOG_LEVEL=level) as served:
            os.close(writing)
            url = served.said("GraphQL")
            with httpx.Client(timeout=30) as caller:
                for _ in range(100):
                    caller.post(url, json={"query": "{ __typename }"})
                live = caller.get(url.replace("/graphql", "/health/live"))
            served.process.send_signal(signal.SIGTERM)
            served.process.wait(STARTED_S)
        os.close(reading)

        assert live.status_code == 200
        assert served.process.returncode == 0

    def test_a_reader_of_records_who_leaves_stops_nothing(self):
        reading, writing = os.pipe()
        with running("--port", "0", stderr=writing) as served:
            os.close(writing)
            os.close(reading)
            url = served.said("GraphQL")
            answers = [ask(url, "{ __typename }", "") for _ in range(3)]
            served.process.send_signal(signal.SIGTERM)
            served.process.wait(STARTED_S)

        assert answers == [{"data": {"__typename": "Query"}}] * 3
        assert served.process.returncode == 0

    @pytest.mark.broad
    @pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-", ">/dev/full", "| head -c 1"])
    def test_streams_that_are_closed_or_full_stop_nothing(self, closed, free_port):
        command = f"exec {sys.executable} -m gateway --port {free_port} {closed}"
        environment = os.environ | {"GATEWAY_DRAIN_S": "0"}
        with subprocess.Popen(
            ["/bin/sh", "-c", command],
            env=environment,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        ) as process:
            url = f"http://127.0.0.1:{free_port}"
            live = until_answered(f"{url}/health/live")
            answer = ask(f"{url}/graphql", "{ __typename }", "")
            # Before a pipe the gateway is the shell's child.
            os.killpg(process.pid, signal.SIGKILL)

        assert live.status_code == 200
        assert answer == {"data": {"__typename": "Query"}}

    def test_a_reader_of_the_schema_may_leave(self):
        with subprocess.Popen(
            [sys.executable, "-m", "gateway", "schema"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            process.stdout.close()
            errors = process.stderr.read()

        assert errors == ""
        assert process.returncode == 141
