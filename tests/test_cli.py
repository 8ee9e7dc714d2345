"""The command `jobs-gateway`, run as its users run it."""

import fcntl
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import httpx
import pytest

from gateway import __version__
from gateway.cli import main
from gateway.settings.page import describe_settings

STARTED_S = 60


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


@pytest.fixture
def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return taken.getsockname()[1]


def until_answered(url: str) -> httpx.Response:
    until = time.monotonic() + STARTED_S
    while True:
        try:
            return get(url)
        except httpx.ConnectError:
            assert time.monotonic() < until
            time.sleep(0.1)


HEALTH_BELOW_A_PREFIX = (
    "/ci/jobs/health/live",
    "/ci/jobs/health/ready/",
    "/health/live",
    "/health/live/",
)


def ask(url: str, query: str, token: str) -> dict:
    headers = {"private-token": token}
    return httpx.post(url, json={"query": query}, headers=headers, timeout=30).json()


def get(url: str, token: str = "") -> httpx.Response:
    return httpx.get(url, headers={"private-token": token} if token else {}, timeout=30)


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
        assert (start.status_code, start.headers["location"]) == (307, "graphql")
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
        assert (start.status_code, start.headers["location"]) == (307, "/ci/jobs/graphql")
        assert (slash.status_code, slash.headers["location"]) == (307, "graphql")

    def test_both_families_are_served_at_once(self):
        with running("--port", "0", GATEWAY_HOST="::", GATEWAY_SANDBOX="true") as served:
            port = served.said("GraphQL").removesuffix("/graphql").rpartition(":")[2]
            answers = [
                get(f"http://{host}:{port}/health/live").status_code
                for host in ("127.0.0.1", "[::1]")
            ]
            served.stop()

        assert answers == [200, 200]

    @pytest.mark.parametrize(
        ("environment", "told"),
        [
            ({"GATEWAY_UPSTREAM_URL": ""}, "GATEWAY_UPSTREAM_URL is empty: give the address"),
            ({"GATEWAY_UPSTREAM_URL": " "}, "GATEWAY_UPSTREAM_URL is empty: give the address"),
            ({"GATEWAY_HOST": "0.0.0.0"}, "GATEWAY_SANDBOX=true for the sandbox"),  # noqa: S104
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
            with httpx.Client(timeout=10) as caller:
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

    @pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&-", ">/dev/full", "| head -c 1"])
    def test_streams_that_are_closed_or_full_stop_nothing(self, closed, free_port):
        command = f"exec {sys.executable} -m gateway --port {free_port} {closed}"
        environment = os.environ | {"GATEWAY_DRAIN_S": "0"}
        with subprocess.Popen(
            ["/bin/sh", "-c", command], env=environment, stderr=subprocess.PIPE, text=True
        ) as process:
            url = f"http://127.0.0.1:{free_port}"
            live = until_answered(f"{url}/health/live")
            answer = ask(f"{url}/graphql", "{ __typename }", "")
            process.kill()

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


class TestHealth:
    def test_it_asks_the_gateway_of_the_same_settings_around_any_proxy(self):
        settings = {"GATEWAY_HOST": "::", "GATEWAY_PATH_PREFIX": "/jobs"}
        nowhere = dict.fromkeys(("HTTP_PROXY", "http_proxy"), "http://127.0.0.1:9")
        with running("--port", "0", GATEWAY_SANDBOX="true", **settings) as served:
            port = served.said("GraphQL").removesuffix("/jobs/graphql").rpartition(":")[2]
            done = [
                run("health", *more, GATEWAY_PORT=port, **settings, **nowhere)
                for more in ((), ("--ready",))
            ]
            served.stop()

        assert [(one.returncode, one.stderr) for one in done] == [(0, ""), (0, "")]

    def test_it_says_what_is_wrong(self, free_port):
        done = run("health", "--port", str(free_port))

        assert done.returncode == 1
        assert f"http://127.0.0.1:{free_port}/health/live does not answer" in done.stderr

    def test_not_ready_is_not_well(self):
        with running("--port", "0", "--upstream-url", "http://127.0.0.1:9") as served:
            port = served.said("GraphQL").removesuffix("/graphql").rpartition(":")[2]
            live, ready = run("health", "--port", port), run("health", "--port", port, "--ready")
            served.stop()

        assert (live.returncode, ready.returncode) == (0, 1)
        assert ready.stderr.startswith("503 ")

    def test_a_mistake_in_the_settings_is_one_here_too(self):
        assert run("health", GATEWAY_PORT="x").returncode == 2
        assert run("health", GATEWAY_PORT="0").returncode == 1

    def test_settings_that_only_serve_is_given_do_not_matter(self, free_port):
        done = run("health", "--port", str(free_port), GATEWAY_HOST="0.0.0.0")  # noqa: S104

        assert "does not answer" in done.stderr

    def test_it_loads_little(self):
        code = "import sys; sys.argv[1:] = ['health', '--port', '1']; import gateway.__main__ as m"
        loaded = "print(sorted({'strawberry', 'starlette', 'httpx', 'uvicorn'} & set(sys.modules)))"

        done = subprocess.run(
            [sys.executable, "-c", f"{code}; m.main(); {loaded}"],
            capture_output=True,
            text=True,
            check=True,
        )

        assert done.stdout.strip() == "[]"


class TestSandbox:
    def test_beyond_this_machine_it_warns(self):
        with running("sandbox", "--port", "0", "--host", "0.0.0.0") as served:  # noqa: S104
            [record] = served.stop()

        assert record["level"] == "warning"
        assert "its tokens are public" in record["message"]

    def test_it_serves_alone(self):
        with running("sandbox", "--port", "0", "--seed", "7", "--profile", "17") as served:
            api = served.said("sandbox REST")
            answer = get(f"{api}/projects/1", served.said("guest"))
            served.stop()

        assert answer.json()["id"] == 1
        assert served.process.returncode == 0

    def test_faults_strike(self):
        fault = "status,status=503,route=/projects/1,times=1"

        with running("sandbox", "--port", "0", "--fault", fault) as served:
            url = served.said("sandbox REST") + "/projects/1"
            statuses = [get(url, served.said("guest")).status_code for _ in range(2)]
            served.stop()

        assert statuses == [503, 200]

    @pytest.mark.parametrize(
        ("fault", "told"),
        [
            ("nonsense", "unknown kind of fault: 'nonsense'"),
            ("status,code=3", "'code' is none of route, method, probability"),
            ("status,status=many", "'many' does not fit status"),
        ],
    )
    def test_a_fault_that_is_none_is_told(self, fault, told):
        done = run("sandbox", "--port", "0", "--fault", fault)

        assert done.returncode == 2
        assert told in done.stderr

    def test_a_world_that_cannot_be_read_is_told(self, tmp_path):
        done = run("sandbox", "--port", "0", "--world", str(tmp_path / "none.json"))

        assert done.returncode == 2
        assert "none.json" in done.stderr


class TestSchema:
    def test_it_prints_the_schema(self, capsys):
        assert main(["schema"]) == 0

        assert "type Query {" in capsys.readouterr().out

    def test_a_file_that_holds_it_passes(self, tmp_path, capsys):
        main(["schema"])
        kept = tmp_path / "schema.graphql"
        kept.write_text(capsys.readouterr().out, encoding="utf-8")

        assert main(["schema", "--check", str(kept)]) == 0
        assert capsys.readouterr().out == ""

    def test_a_file_that_differs_fails_with_the_difference(self, tmp_path, capsys):
        main(["schema"])
        kept = tmp_path / "schema.graphql"
        text = capsys.readouterr().out.replace("type Query {", "type Query {\n  more: Int")
        kept.write_text(text, encoding="utf-8")

        assert main(["schema", "--check", str(kept)]) == 1
        assert "-  more: Int" in capsys.readouterr().out

    def test_a_file_that_is_not_there_is_told(self, tmp_path, capsys):
        assert main(["schema", "--check", str(tmp_path / "none")]) == 2

        assert "cannot read" in capsys.readouterr().err


class TestExplain:
    def test_it_shows_plan_cost_and_code(self, tmp_path, capsys):
        document = tmp_path / "query.graphql"
        document.write_text('{ project(id: "1") { jobs { nodes { name } } } }')

        assert main(["explain", str(document)]) == 0

        out = capsys.readouterr().out
        assert "upstream calls at worst: 1" in out
        assert "name: String  [compiled]" in out
        assert "def " in out

    @pytest.mark.parametrize("is_in_file", [False, True])
    def test_it_takes_variables(self, tmp_path, capsys, is_in_file):
        document, variables = tmp_path / "query.graphql", tmp_path / "variables.json"
        document.write_text("query ($ids: [ID!]!) { nodes(ids: $ids) { id } }")
        variables.write_text('{"ids": ["a", "b"]}')
        given = f"@{variables}" if is_in_file else variables.read_text()

        assert main(["explain", str(document), "--variables", given]) == 0

        assert "upstream calls at worst: 2" in capsys.readouterr().out

    @pytest.mark.parametrize(
        ("given", "told"),
        [
            ("{", "--variables takes JSON"),
            ("[1]", "--variables takes an object"),
            ("@/no/such/file", "cannot read /no/such/file"),
            ('{"x": 1}', "declares no variable $x; it has none"),
        ],
    )
    def test_variables_that_cannot_be_are_told(self, tmp_path, capsys, given, told):
        document = tmp_path / "query.graphql"
        document.write_text("{ currentJob { name } }")

        assert main(["explain", str(document), "--variables", given]) == 2

        assert told in capsys.readouterr().err

    def test_a_document_that_is_not_valid_is_told(self, tmp_path, capsys):
        document = tmp_path / "query.graphql"
        document.write_text("{ unknown }")

        assert main(["explain", str(document)]) == 2

        assert "Cannot query field 'unknown'" in capsys.readouterr().err


def test_the_version_is_told(capsys):
    assert main(["version"]) == 0

    assert capsys.readouterr().out == f"jobs-gateway {__version__}\n"


def test_the_settings_page_is_printed(capsys):
    assert main(["settings"]) == 0

    assert capsys.readouterr().out == describe_settings()


def test_every_command_is_in_the_help(capsys):
    with pytest.raises(SystemExit) as ended:
        main(["--help"])

    out = capsys.readouterr().out
    assert ended.value.code == 0
    for command in ("serve", "sandbox", "schema", "explain", "settings", "health", "version"):
        assert re.search(rf"^ +{command} ", out, re.MULTILINE)
