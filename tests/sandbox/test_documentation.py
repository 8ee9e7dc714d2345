"""docs/sandbox.md says what is: its tables match the code, its examples run."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from gateway.sandbox import KINDS, Sandbox

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "sandbox.md").read_text(encoding="utf-8")


def section(title: str) -> str:
    return PAGE.split(f"\n## {title}\n", 1)[1].split("\n## ", 1)[0]


def rows(title: str) -> list[list[str]]:
    """Cells of a section's table, without its head; code marks removed."""
    lines = [line for line in section(title).splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


def code(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


def test_credentials(sandbox):
    listed = {code(role)[0]: code(text)[0] for role, text, _ in rows("Who you can be")}
    assert listed == dict(sandbox.tokens)


def test_projects_of_the_demo_world(sandbox, api):
    for number, path, _ in rows("The demo world"):
        body = api.as_("admin").get(f"/projects/{number}").json()
        assert code(path) == [body["path_with_namespace"]]
    assert len(rows("The demo world")) == 7


def test_landmarks_that_are_named(sandbox):
    named = [
        word for word in code(section("The demo world")) if word.endswith(("_job", "_pipeline"))
    ]
    assert named
    assert set(named) <= sandbox.landmarks.keys()


def test_kinds_of_faults():
    assert {code(kind)[0]: text for kind, text in rows("Faults")} == KINDS


def test_options_of_the_command():
    done = subprocess.run(
        [sys.executable, "-m", "gateway", "sandbox", "--help"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    offered = set(re.findall(r"^  (--[a-z-]+)", done.stdout, re.MULTILINE))

    assert {option for row in rows("Start") for option in code(row[0])} == offered


def test_routes_of_the_admin_endpoint(loop, caller_of):
    caller = caller_of(admin=True)

    for route, _, _ in rows("The admin endpoint"):
        *methods, last = " ".join(code(route)).split()
        for method in methods:
            body = {"profile": "17", "seconds": 1} if method in {"PUT", "POST"} else None
            answer = caller.call(method, last, json_body=body, root="")
            assert answer.status not in {404, 405}, (method, last)


def test_members_of_the_sandbox(sandbox):
    table = section("In a Python test suite").split("What a sandbox offers a test:")[1]
    names = {
        re.match(r"\w+", word)[0]
        for line in table.splitlines()
        if line.startswith("| `")
        for word in code(line.split("|")[1])
    }

    assert len(names) > 10
    assert [name for name in names if not hasattr(sandbox, name)] == []


def test_the_world_file_makes_the_world_it_describes(tmp_path):
    (example,) = blocks("yaml")
    path = tmp_path / "team.yaml"
    path.write_text(example, encoding="utf-8")

    sandbox = Sandbox(world=path)
    try:
        jobs = {(job.name, job.status) for job in sandbox.jobs(pipeline=100)}
        (downstream,) = sandbox.jobs(pipeline=100, bridge=1)
    finally:
        sandbox.close()

    assert jobs == {
        ("compile", "success"),
        ("spec", "failed"),
        ("spec", "running"),
        ("release", "manual"),
        ("downstream", "success"),
    }
    assert downstream.downstream_id == 200


def test_the_python_examples_pass(tmp_path):
    for number, example in enumerate(blocks("python")):
        (tmp_path / f"test_example_{number}.py").write_text(example, encoding="utf-8")

    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-p",
            "gateway.testing",
            "-W",
            "error",
            str(tmp_path),
        ],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout
    assert "5 passed" in done.stdout


@pytest.mark.parametrize("line", [line for block in blocks("sh") for line in block.splitlines()])
def test_shell_examples_name_what_there_is(sandbox, api, line):
    """Commands are parsed by test_options_of_the_command; requests are sent."""
    if not line.startswith("curl"):
        assert line.startswith("jobs-gateway sandbox")
        return
    method = "POST" if "-X POST" in line else "GET"
    target = re.search(r"http://127\.0\.0\.1:8001(/\S+?)'?$", line)[1]
    token = re.search(r"PRIVATE-TOKEN: ([\w-]+)", line)[1]

    answer = api.call(method, target, headers={"private-token": token}, root="")

    assert answer.status in {200, 201}
