"""The command `jobs-gateway`, run as its users run it."""

import json
import os
import re
import signal
import subprocess
import sys
from contextlib import contextmanager

import httpx
import pytest

from gateway import __version__
from gateway.cli import main
from gateway.settings_page import describe_settings

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
def running(*arguments: str, **environment: str):
    """A command that serves, what it said, and its records when it has ended."""
    with subprocess.Popen(
        [sys.executable, "-m", "gateway", *arguments],
        env=os.environ | environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
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

    def test_a_port_in_use_is_told(self, sandbox_server):
        port = sandbox_server.url.rpartition(":")[2]

        done = run("serve", "--port", port)

        assert done.returncode == 2
        assert f"cannot listen on 127.0.0.1 port {port}" in done.stderr


class TestSandbox:
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
        assert "name: String!  [compiled]" in out
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
    for command in ("serve", "sandbox", "schema", "explain", "settings", "version"):
        assert re.search(rf"^ +{command} ", out, re.MULTILINE)
