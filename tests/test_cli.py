"""The commands of `jobs-gateway` beside `serve`, run as their users run them."""

import re
import socket
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pytest

from gateway import __version__
from gateway.cli import main
from gateway.settings import Settings, default_of
from gateway.settings.page import describe_settings
from tests.harness.command import get, run, running


@pytest.fixture
def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return taken.getsockname()[1]


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
        done = run("health", "--port", str(free_port), GATEWAY_HOST="0.0.0.0")

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
        with running("sandbox", "--port", "0", "--host", "0.0.0.0") as served:
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

    @pytest.mark.parametrize(
        ("flag", "name", "told"),
        [
            ("--world", "none.json", "cannot read {path}: there is no such file"),
            ("--world", "half.json", "{path} is no JSON: Input data was truncated"),
            ("--world", "bytes.json", "{path}: it is no text in UTF-8"),
            ("--world", "half.yaml", "{path} is no YAML: while parsing a flow"),
            ("--data", "half.json", "--data {path}: file is not a database; name a file that"),
            (
                "--data",
                "none/new.db",
                "--data {path}: unable to open database file; name a file that",
            ),
        ],
    )
    def test_a_file_that_cannot_be_read_is_told(self, tmp_path, flag, name, told):
        (tmp_path / "half.json").write_text('{"users": ')
        (tmp_path / "half.yaml").write_text("users: [")
        (tmp_path / "bytes.json").write_bytes(b"\xff")
        path = tmp_path / name

        done = run("sandbox", "--port", "0", flag, str(path))

        said = f"jobs-gateway: the sandbox cannot start: {told.format(path=path)}"
        assert done.returncode == 2
        assert done.stderr.startswith(said)


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

        said = f"jobs-gateway: cannot read {tmp_path / 'none'}: there is no such file\n"
        assert capsys.readouterr().err == said

    def test_a_folder_in_place_of_a_file_is_told(self, tmp_path, capsys):
        assert main(["schema", "--check", str(tmp_path)]) == 2

        said = f"jobs-gateway: cannot read {tmp_path}: it is a folder; name a file in it\n"
        assert capsys.readouterr().err == said

    def test_what_is_no_schema_is_told_and_not_compared(self, tmp_path, capsys):
        kept = tmp_path / "kept.graphql"
        kept.write_text('{"users": [', encoding="utf-8")

        assert main(["schema", "--check", str(kept)]) == 2

        out, said = capsys.readouterr()
        assert out == ""
        assert said.startswith(f"jobs-gateway: {kept}: no schema: ")

    def test_trusted_documents_that_are_not_there_are_told(self, tmp_path, capsys):
        kept, none = tmp_path / "kept.graphql", tmp_path / "none"
        kept.write_text("type Query { one: Int }", encoding="utf-8")

        assert main(["schema", "--check", str(kept), "--documents", str(none)]) == 2

        said = f"jobs-gateway: {none} is neither a file nor a folder\n"
        assert capsys.readouterr() == ("", said)

    @pytest.mark.parametrize(
        ("flags", "named"),
        [
            (["--breaking"], "--breaking"),
            (["--documents", "folder"], "--documents"),
            (["--breaking", "--documents", "folder"], "--breaking and --documents"),
        ],
    )
    def test_what_needs_another_schema_says_so(self, capsys, flags, named):
        assert main(["schema", *flags]) == 2

        out, said = capsys.readouterr()
        assert out == ""
        assert said.startswith(f"jobs-gateway: {named} of what? Give --check FILE")


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
            ("", "--variables is no JSON: line 1, column 1: it ends too early"),
            ('{"n": 1,\n"m": ', "--variables is no JSON: line 2, column 6: it ends too early"),
            ("{'n': 1}", "line 1, column 2: names and strings stand in double quotes"),
            ('{"n": one}', "line 1, column 7: 'o' cannot stand here"),
            ('{"n": "one}', "line 1, column 7: the string that begins here does not end"),
            ('{"n": 1}' * 500, "line 1, column 9: '{' cannot stand here"),
            ("[" * 100_000, "--variables is nested too deeply"),
            ("[1]", "--variables takes an object"),
            ("@/no/such/file", "cannot read /no/such/file: there is no such file\n"),
            ("@no/such", f"cannot read no/such: there is no such file in {Path.cwd()}\n"),
            ('{"x": 1}', "declares no variable $x; it has none"),
        ],
    )
    def test_variables_that_cannot_be_are_told(self, tmp_path, capsys, given, told):
        document = tmp_path / "query.graphql"
        document.write_text("{ currentJob { name } }")

        assert main(["explain", str(document), "--variables", given]) == 2

        assert told in capsys.readouterr().err

    def test_a_file_of_variables_that_is_named_without_its_sign_is_told(self, tmp_path, capsys):
        document, variables = tmp_path / "query.graphql", tmp_path / "variables.json"
        document.write_text("query ($id: ID!) { node(id: $id) { id } }")
        variables.write_text('{"id": "a"')

        assert main(["explain", str(document), "--variables", str(variables)]) == 2
        assert f"to read a file, --variables @{variables}\n" in capsys.readouterr().err
        assert main(["explain", str(document), "--variables", f"@{variables}"]) == 2
        assert f"{variables} is no JSON: line 1, column 11: it ends" in capsys.readouterr().err

    def test_a_document_that_is_no_text_is_told(self, tmp_path, capsys):
        document = tmp_path / "query.graphql"
        document.write_bytes(b"\xff\xfe")

        assert main(["explain", str(document)]) == 2

        said = f"jobs-gateway: cannot read {document}: it is no text in UTF-8\n"
        assert capsys.readouterr().err == said

    def test_a_document_that_is_not_valid_is_told(self, tmp_path, capsys):
        document = tmp_path / "query.graphql"
        document.write_text("{\n  unknown\n  other\n}")

        assert main(["explain", str(document)]) == 2

        first, second = capsys.readouterr().err.splitlines()
        said = "Cannot query field '%s' on type 'Query'."
        assert first == f"jobs-gateway: {document}:2:3: {said % 'unknown'}"
        assert second == f"{document}:3:3: {said % 'other'}"

    def test_a_document_that_cannot_be_parsed_is_told(self, tmp_path, capsys):
        document = tmp_path / "query.graphql"
        document.write_text("{ job(")

        assert main(["explain", str(document)]) == 2

        assert f"{document}:1:7: Syntax Error: " in capsys.readouterr().err

    def test_variables_that_do_not_fit_are_told_with_their_place(self, tmp_path, capsys):
        document = tmp_path / "query.graphql"
        document.write_text("query ($ids: [ID!]!) {\n  nodes(ids: $ids) { id }\n}")

        assert main(["explain", str(document), "--variables", '{"ids": null}']) == 2

        assert f"{document}:1:8: Variable '$ids'" in capsys.readouterr().err


def test_the_version_is_told(capsys):
    assert main(["version"]) == 0

    assert capsys.readouterr().out == f"jobs-gateway {__version__}\n"


def test_the_settings_page_is_printed(capsys):
    assert main(["settings"]) == 0

    assert capsys.readouterr().out == describe_settings()


def told_by(capsys, monkeypatch, *arguments):
    # No line is broken then.
    monkeypatch.setenv("COLUMNS", "1000")
    with pytest.raises(SystemExit):
        main([*arguments, "--help"])
    return " ".join(capsys.readouterr().out.split())


def test_the_help_of_serve_tells_each_default(capsys, monkeypatch):
    told = told_by(capsys, monkeypatch, "serve")

    for knob in fields(Settings):
        value, _ = default_of(knob.name)
        assert knob.metadata["sentence"] in told
        assert not value or f"{knob.metadata['sentence']} Default: {value}" in told
    assert "Default: 16000000 (16 MB)." in told


def test_the_help_of_doctor_tells_of_no_sandbox(capsys, monkeypatch):
    told = told_by(capsys, monkeypatch, "doctor")

    assert "Address of the GitLab to ask" in told
    assert "sandbox" not in told


def test_every_command_is_in_the_help(capsys):
    with pytest.raises(SystemExit) as ended:
        main(["--help"])

    out = capsys.readouterr().out
    assert ended.value.code == 0
    for command in ("serve", "sandbox", "schema", "explain", "settings", "health", "version"):
        assert re.search(rf"^ +{command} ", out, re.MULTILINE)
