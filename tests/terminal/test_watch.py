"""`jobs-gateway watch` as a program over the sandbox, in time that the tests drive; and over
gateways that end, one after the other.
"""

import asyncio
import os
import pty
import signal
import socket
import subprocess
import sys
import termios
import time
from contextlib import asynccontextmanager, contextmanager, suppress

import pytest

from gateway.app import Gateway
from gateway.settings import Settings
from gateway.terminal.connection import Address
from gateway.terminal.following import Patience
from gateway.terminal.plain import PlainView
from gateway.terminal.subject import read_subject
from gateway.terminal.watching import Watch
from gateway.transport.records import Records
from gateway.transport.server import address_of, listen, serving
from tests.harness.command import ask, get, run, running
from tests.harness.turns import until

ENDS_S = 60
QUICK = {"GATEWAY_WATCH_INTERVAL_S": "0.1", "GATEWAY_WATCH_IDLE_INTERVAL_S": "0.2"}

pytestmark = [pytest.mark.dear, pytest.mark.sandbox(jobs=30)]


@pytest.fixture
def env(sandbox_server):
    return {**QUICK, "GITLAB_TOKEN": sandbox_server.tokens["developer"]}


@pytest.fixture
def page(sandbox_server):
    """The address of a page in project 1."""
    return lambda kind, number: f"{sandbox_server.url}/demo/diaspora-client/-/{kind}/{number}"


@asynccontextmanager
async def served(settings, listener):
    """A gateway on this socket, which stays open for the next one."""
    gateway = Gateway(settings, Records(lambda _: None))
    async with (
        gateway.running(),
        serving(
            gateway,
            listener.dup(),
            shutdown_timeout_s=1,
            hang_up=gateway.hang_up,
            max_message_bytes=100_000,
        ),
    ):
        yield


@contextmanager
def watching(*arguments, **environment):
    """The program, while it runs; its standard output as bytes."""
    with subprocess.Popen(
        [sys.executable, "-m", "gateway", "watch", *arguments],
        env=os.environ | environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        try:
            yield process
        finally:
            if process.poll() is None:
                process.kill()


def moved_to_the_end(process, sandbox, step_s=2.0):
    """Let the sandbox's time pass while the program runs; gives what it wrote."""
    latest = time.monotonic() + ENDS_S
    while True:
        try:
            return process.communicate(timeout=0.1)
        except subprocess.TimeoutExpired:
            assert time.monotonic() < latest
            sandbox.advance(step_s)


def test_a_jobs_log_is_written_to_its_end_byte_for_byte(sandbox_server, env, page):
    sandbox = sandbox_server.sandbox
    job = sandbox.create_job(
        name="long", status="pending", moves=True, planned_s=60.0, log_lines=400
    )

    with watching(page("jobs", job), "--log-format", "raw", **env) as process:
        written, said = moved_to_the_end(process, sandbox)

    trace = get(f"{sandbox_server.api_url}/projects/1/jobs/{job}/trace", env["GITLAB_TOKEN"])
    assert process.returncode == 0, said
    assert len(trace.content) > 10_000
    assert written == trace.content
    assert said.decode().splitlines()[-1].startswith(f"test         long ({job}): success")


def test_a_pipeline_that_fails_tells_each_change_and_the_failed_log(sandbox_server, env, page):
    sandbox = sandbox_server.sandbox
    pipeline = sandbox.create_pipeline(1)
    work = {"planned_s": 10.0, "log_lines": 20}
    sandbox.create_job(
        1, pipeline, name="compile", stage="build", status="pending", moves=True, **work
    )
    failing = sandbox.create_job(
        1, pipeline, name="rspec", status="created", outcome="script_failure", **work
    )
    sandbox.create_job(1, pipeline, name="deploy", stage="deploy", status="created", **work)

    with watching(page("pipelines", pipeline), **env) as process:
        written, said = moved_to_the_end(process, sandbox)

    lines = written.decode().splitlines()
    changes = [line for line in lines if not line.startswith("  ")]
    log = [line for line in lines if line.startswith(f"  rspec ({failing}) | ")]
    assert (process.returncode, said) == (1, b"")
    assert changes[-1].endswith(": failed")
    assert len([line for line in changes if "rspec" in line and "script_failure" in line]) == 1
    assert log[-1].endswith("| ERROR: Job failed: exit code 1")
    assert "\x1b" not in written.decode()


def test_a_terminal_has_a_table_and_is_clean_after_ctrl_c(sandbox_server, env, page):
    job = sandbox_server.sandbox.create_job(
        name="endless", status="running", moves=True, planned_s=9_000.0, log_lines=40
    )
    ours, theirs = pty.openpty()
    before = termios.tcgetattr(theirs)

    with subprocess.Popen(
        [sys.executable, "-m", "gateway", "watch", page("jobs", job)],
        env=os.environ | env | {"TERM": "xterm-256color"},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    ) as process:
        drawn = b""
        while b"log" not in drawn or b"endless" not in drawn:
            drawn += os.read(ours, 65_536)
        process.send_signal(signal.SIGINT)
        while b"\x1b[?1049l" not in drawn:
            drawn += os.read(ours, 65_536)
        status = process.wait(ENDS_S)
    os.set_blocking(ours, False)
    with suppress(BlockingIOError):
        drawn += os.read(ours, 65_536)
    after = termios.tcgetattr(theirs)
    os.close(ours)
    os.close(theirs)

    assert status == 130
    assert after == before
    assert drawn.count(b"\x1b[?1049h") == drawn.count(b"\x1b[?1049l") == 1
    assert drawn.rindex(b"\x1b[?25h") > drawn.rindex(b"\x1b[?25l")
    assert b"Traceback" not in drawn


def test_a_running_gateway_is_asked_where_one_is_named():
    query = """{ project(id: 1) { jobs(first: 1, statuses: [FAILED]) {
        nodes { webUrl log { tail(lines: 10000) { text } } } } } }"""
    with running("--port", "0", "--sandbox-jobs", "30") as served:
        token, url = served.said("developer"), served.said("GraphQL")
        [job] = ask(url, query, token)["data"]["project"]["jobs"]["nodes"]

        done = run(
            "watch", job["webUrl"], "--gateway", url.removesuffix("/graphql"), GITLAB_TOKEN=token
        )
        records = served.stop()

    assert done.returncode == 1
    assert done.stdout == job["log"]["tail"]["text"]
    assert {record.get("operation") for record in records} >= {"Watch", "Follow"}


@pytest.fixture
def unknown():
    """A name that no resolver knows (RFC 6761, 6.4)."""
    try:
        socket.getaddrinfo("nobody.invalid", 443)
    except socket.gaierror as error:
        if error.errno == socket.EAI_NONAME:
            return "https://nobody.invalid"
    pytest.skip("no resolver that tells unknown names")


@pytest.mark.parametrize("kind", ["jobs", "pipelines"])
def test_a_host_that_never_was_there_ends_it_at_once(unknown, kind):
    done = run("watch", f"{unknown}/a/b/-/{kind}/1", GITLAB_TOKEN="t")

    told = f"the host of {unknown} is unknown: check the address that was given"
    assert (done.returncode, done.stdout) == (5, "")
    assert done.stderr == f"jobs-gateway: {told}\n"


def test_what_passes_tells_of_the_address_that_was_given():
    with watching("http://127.0.0.1:9/a/b/-/pipelines/1", GITLAB_TOKEN="t") as process:
        said = process.stderr.readline()

    assert said.startswith(b"jobs-gateway: no connection to the upstream: its host refuses")
    assert b"(GATEWAY_UPSTREAM_URL is http://127.0.0.1:9 here, of the address" in said


@pytest.mark.anyio
async def test_a_log_is_whole_over_gateways_that_end(sandbox_server, page):
    sandbox = sandbox_server.sandbox
    job = sandbox.create_job(
        name="long", status="pending", moves=True, planned_s=60.0, log_lines=400
    )
    settings = Settings(
        upstream_url=sandbox_server.url, watch_interval_s=0.05, watch_idle_interval_s=0.1
    )
    written, said = [], []
    view = PlainView(written.append, said.append, is_job=True)

    with listen("127.0.0.1", 0) as listener:
        address = Address(
            f"{address_of(listener)}/graphql",
            {"PRIVATE-TOKEN": sandbox_server.tokens["developer"]},
            by_proxy=False,
        )
        watch = Watch(address, read_subject(page("jobs", job)), view, "RAW", Patience(first_s=0.01))
        following = asyncio.create_task(watch.to_the_end())
        async with asyncio.timeout(ENDS_S):
            while not following.done():
                async with served(settings, listener):
                    pieces = len(written)
                    sandbox.advance(5.0)
                    await until(lambda: len(written) > pieces or following.done())  # noqa: B023
        status = await following

    trace = await asyncio.to_thread(
        get,
        f"{sandbox_server.api_url}/projects/1/jobs/{job}/trace",
        sandbox_server.tokens["developer"],
    )
    assert status == "success"
    assert "".join(written).encode() == trace.content
    assert any("come again" in line for line in said)
