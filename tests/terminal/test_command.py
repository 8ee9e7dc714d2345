"""The command by its exit status and what it says, over a gateway that plays a script."""

import io
import json
import os
import signal
from contextlib import contextmanager
from threading import Thread

import pytest
from websockets.sync.server import serve

from gateway.cli import main
from gateway.terminal.connection import SUBPROTOCOL
from tests.terminal.conftest import row

PAGE = "https://gitlab.example.com/a/b/-/jobs/7"


@contextmanager
def playing(*events):
    """A gateway that answers a watched job with these events, or by a function of its connection,
    and its log with a line.
    """

    def answer(socket):
        socket.recv()
        socket.send('{"type": "connection_ack"}')
        asked = json.loads(socket.recv())["payload"]["query"]
        log = [{"data": {"jobLog": {"text": "a line\n", "endByte": 7}}}]
        for payload in log if "jobLog" in asked else events:
            if callable(payload):
                payload(socket)
                return
            socket.send(json.dumps({"id": "1", "type": "next", "payload": payload}))
        socket.send('{"id": "1", "type": "complete"}')
        socket.close()

    with serve(answer, "127.0.0.1", 0, subprotocols=[SUBPROTOCOL]) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.socket.getsockname()[1]}/"
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture
def watch(monkeypatch, capfd):
    """Watch a page by these events; gives the exit status, and what was written and said."""

    def watched(*events, token="t"):
        monkeypatch.setenv("GITLAB_TOKEN", token)
        with playing(*events) as gateway:
            status = main(["watch", PAGE, "--gateway", gateway])
        return status, *capfd.readouterr()

    return watched


@pytest.mark.parametrize(
    ("status", "code"), [("success", 0), ("failed", 1), ("canceled", 3), ("skipped", 4)]
)
def test_the_exit_status_tells_how_the_job_ended(watch, status, code):
    job = row(7, "rspec", status)

    told, written, said = watch({"data": {"jobUpdated": {**job, "ref": "main"}}})

    assert (told, written) == (code, "a line\n")
    assert f"rspec (7): {status}" in said


def test_an_upstream_that_somebody_has_to_set_right_ends_it(watch):
    extensions = {"code": "UPSTREAM_UNAVAILABLE", "upstream": {"cause": "CERTIFICATE_EXPIRED"}}
    error = {"message": "its certificate has expired", "extensions": extensions}

    told, _, said = watch({"data": {"jobUpdated": None}, "errors": [error]})

    assert told == 5
    assert said.endswith("jobs-gateway: its certificate has expired\n")


@pytest.mark.parametrize(
    ("code", "token", "advice"),
    [
        ("NOT_FOUND", "t", "where GitLab lives below a path, set GATEWAY_UPSTREAM_URL"),
        ("UNAUTHENTICATED", "t", "GITLAB_TOKEN needs a token of that GitLab"),
        ("FORBIDDEN", "", "no token was presented; GITLAB_TOKEN needs"),
    ],
)
def test_what_is_refused_is_told_with_what_to_do(watch, code, token, advice):
    error = {"message": "job 7: it is refused", "extensions": {"code": code}}

    told, _, said = watch({"data": {"jobUpdated": None}, "errors": [error]}, token=token)

    assert told == 5
    assert said.startswith("jobs-gateway: job 7: it is refused; ")
    assert advice in said


@pytest.fixture
def taken():
    """The signals that the program whose part the command is took; it takes them again after."""
    taken = []
    names = ("SIGTERM", "SIGHUP")
    before = {
        name: signal.signal(getattr(signal, name), lambda number, _: taken.append(number))
        for name in names
    }
    yield taken
    for name, handler in before.items():
        signal.signal(getattr(signal, name), handler)


@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP"])
def test_a_signal_to_end_is_told_by_the_status_and_is_its_owners_again(watch, taken, name):
    number = getattr(signal, name)

    def signalled(socket):
        os.kill(os.getpid(), number)
        assert list(socket) == []

    told, _, said = watch(signalled)
    signal.raise_signal(number)

    assert (told, said) == (128 + number, "")
    assert taken == [number]


def test_an_ignored_signal_ends_nothing(watch, taken):
    job = row(7, "rspec", "success")

    def signalled(socket):
        os.kill(os.getpid(), signal.SIGHUP)
        answer = {"data": {"jobUpdated": {**job, "ref": "main"}}}
        socket.send(json.dumps({"id": "1", "type": "next", "payload": answer}))
        socket.send('{"id": "1", "type": "complete"}')

    signal.signal(signal.SIGHUP, signal.SIG_IGN)

    told, _, _ = watch(signalled)

    assert told == 0
    assert taken == []


def test_no_gateway_where_one_is_named_is_told(monkeypatch, capfd):
    monkeypatch.setenv("GITLAB_TOKEN", "t")

    assert main(["watch", PAGE, "--gateway", "http://127.0.0.1:9"]) == 5

    said = capfd.readouterr().err
    assert "no connection to http://127.0.0.1:9/graphql" in said
    assert "is the gateway running?" in said


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["https://gitlab.example.com/a/b/-/issues/1"], "not the page of a job or a pipeline"),
        ([PAGE], "no token: set GITLAB_TOKEN"),
        ([PAGE, "glpat-0123456789"], "looks like a token"),
        ([PAGE, "--gateway", "localhost:8000"], "--gateway takes the address"),
        ([PAGE, "--gateway", "http://localhost:port"], "--gateway takes the address"),
        (["https://gitlab..com/a/-/jobs/7"], "https://gitlab..com has a host name that cannot be"),
    ],
)
def test_bad_input_is_told_without_a_start(arguments, told, monkeypatch, capsys):
    monkeypatch.delenv("GITLAB_TOKEN", raising=False)
    monkeypatch.setattr("sys.stdin", io.StringIO())

    assert main(["watch", *arguments]) == 2

    said = capsys.readouterr().err
    assert told in said
    assert "glpat-0123456789" not in said


def test_a_page_of_another_gitlab_than_the_settings_is_told(monkeypatch, capsys):
    monkeypatch.setenv("GITLAB_TOKEN", "t")
    monkeypatch.setenv("GATEWAY_UPSTREAM_URL", "https://other.example.com/gitlab")

    assert main(["watch", PAGE]) == 2

    assert "unset GATEWAY_UPSTREAM_URL, or set GATEWAY_UPSTREAM_WEB_URL" in capsys.readouterr().err


def test_a_token_that_no_header_can_carry_is_not_repeated(monkeypatch, capsys):
    monkeypatch.setenv("GITLAB_TOKEN", "sécret")

    assert main(["watch", PAGE]) == 2

    said = capsys.readouterr().err
    assert "GITLAB_TOKEN holds characters" in said
    assert "sécret" not in said
