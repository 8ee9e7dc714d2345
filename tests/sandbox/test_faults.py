"""Each fault, over a real server, does on the wire what its name says."""

import contextlib
import http.client
import json
import socket

import pytest

from gateway.sandbox import KINDS, Fault
from gateway.testing.server import SandboxServer

JOB = "/api/v4/projects/1/jobs/1"
JOBS = "/api/v4/projects/1/jobs?per_page=1"
SIGNIFICANT = ("content-type", "content-length", "retry-after", "location")


@pytest.fixture
def server(sandbox_server) -> SandboxServer:
    return sandbox_server


@pytest.fixture
def call(server):
    """Status, headers and body of one request over a connection of its own."""

    def send(target=JOB, method="GET", timeout=30.0):
        host = server.url.removeprefix("http://")
        connection = http.client.HTTPConnection(host, timeout=timeout)
        try:
            headers = {"PRIVATE-TOKEN": server.tokens["maintainer"]}
            connection.request(method, target, headers=headers)
            answer = connection.getresponse()
            body = answer.read()
        finally:
            connection.close()
        return answer.status, {name.lower(): value for name, value in answer.getheaders()}, body

    return send


@pytest.fixture
def pieces(server):
    """What arrives for a GET, one `recv` at a time, until the connection ends."""

    def read(target=JOB):
        host, port = server.url.removeprefix("http://").split(":")
        head = [
            f"GET {target} HTTP/1.1",
            "Host: x",
            "Connection: close",
            f"PRIVATE-TOKEN: {server.tokens['maintainer']}",
        ]
        with socket.create_connection((host, int(port)), timeout=30) as connection:
            connection.sendall("\r\n".join([*head, "", ""]).encode())
            while piece := connection.recv(65_536):
                yield piece

    return read


@pytest.fixture
def fault(server):
    """Sets one fault and gives it back."""

    def add(kind, **options):
        made = Fault(kind=kind, **options)
        server.sandbox.faults.append(made)
        return made

    return add


class TestKinds:
    def test_every_kind_has_its_test(self):
        tested = {name.removeprefix("test_") for name in dir(type(self))}
        assert set(KINDS) <= tested

    def test_latency(self, call, fault):
        fault("latency", seconds=30)

        with pytest.raises(TimeoutError):
            call(timeout=0.2)

    def test_latency_ends_and_the_answer_is_right(self, call, fault):
        _, _, expected = call()
        fault("latency", seconds=0.01)

        assert call()[2] == expected

    @pytest.mark.parametrize("status", [None, 500, 502, 503, 504])
    def test_status(self, call, fault, status):
        fault("status", status=status)

        answered, headers, body = call()

        assert answered == (status or 503)
        assert headers["content-type"] == "application/json"
        assert json.loads(body)["message"].startswith(str(answered))

    @pytest.mark.parametrize("retry_after", [None, 7])
    def test_rate_limit_global(self, call, fault, retry_after):
        fault("rate_limit_global", retry_after=retry_after)

        status, headers, body = call()

        assert (status, body.strip()) == (429, b"Retry later")
        assert headers["content-type"].startswith("text/plain")
        assert headers["ratelimit-remaining"] == "0"
        assert headers.get("retry-after") == (None if retry_after is None else "7")

    @pytest.mark.parametrize("retry_after", [None, 7])
    def test_rate_limit_endpoint(self, call, fault, retry_after):
        fault("rate_limit_endpoint", retry_after=retry_after)

        status, headers, body = call()

        text = "This endpoint has been requested too many times. Try again later."
        assert (status, json.loads(body)) == (429, {"message": {"error": text}})
        assert headers.get("retry-after") == (None if retry_after is None else "7")

    def test_reset(self, pieces, fault):
        """Not a single byte, and a reset rather than an orderly end."""
        fault("reset")

        with pytest.raises(ConnectionResetError):
            next(pieces())

    @pytest.mark.parametrize("after_bytes", [None, 0, 10])
    def test_cut_body(self, pieces, call, fault, after_bytes):
        _, headers, whole = call()
        fault("cut_body", after_bytes=after_bytes)
        received = b""

        try:
            for piece in pieces():
                received += piece
        except ConnectionResetError:
            pass
        head, _, body = received.partition(b"\r\n\r\n")

        promised = next(line for line in head.lower().split(b"\r\n") if b"content-length" in line)
        assert int(promised.split(b":")[1]) == len(whole) == int(headers["content-length"])
        assert body == whole[: len(whole) // 2 if after_bytes is None else after_bytes]

    def test_broken_json(self, call, fault):
        _, _, whole = call()
        fault("broken_json", after_bytes=40)

        status, headers, body = call()

        assert (status, headers["content-type"]) == (200, "application/json")
        assert int(headers["content-length"]) == 40
        assert body == whole[:40]
        with pytest.raises(json.JSONDecodeError):
            json.loads(body)

    @pytest.mark.parametrize("status", [None, 502])
    def test_html(self, call, fault, status):
        fault("html", status=status)

        answered, headers, body = call()

        assert answered == (status or 200)
        assert headers["content-type"].startswith("text/html")
        assert body.startswith(b"<!DOCTYPE html>")

    def test_wrong_content_type(self, call, fault):
        _, _, whole = call()
        fault("wrong_content_type")

        status, headers, body = call()

        assert (status, headers["content-type"]) == (200, "application/octet-stream")
        assert body == whole

    def test_slow_drip(self, pieces, call, fault):
        _, _, whole = call()
        fault("slow_drip", seconds=0.01, after_bytes=len(whole) // 5)

        arrived = list(pieces())

        assert len(arrived) > 3
        assert b"".join(arrived).partition(b"\r\n\r\n")[2] == whole

    def test_hang(self, server, call, fault):
        fault("hang")

        with pytest.raises(TimeoutError):
            call(timeout=0.2)

        assert server.sandbox.received[-1].status is None

    def test_redirect(self, call, fault):
        fault("redirect", location="http://elsewhere.example")

        status, headers, _ = call(JOBS)

        assert (status, headers["location"]) == (302, f"http://elsewhere.example{JOBS}")


class TestChoice:
    def test_route_by_endpoints_name(self, call, fault):
        fault("status", route="project_jobs")

        assert call(JOBS)[0] == 503
        assert call(JOB)[0] == 200

    def test_route_by_pattern(self, call, fault):
        fault("status", route=r"per_page=1$")

        assert call(JOBS)[0] == 503
        assert call(f"{JOBS}0")[0] == 200

    def test_method(self, call, fault):
        fault("status", method="post")

        assert call(f"{JOB}/cancel", "POST")[0] == 503
        assert call(JOB)[0] == 200

    def test_times(self, call, fault):
        made = fault("status", times=2)

        assert [call()[0] for _ in range(3)] == [503, 503, 200]
        assert made.fired == 2

    def test_latency_goes_with_another_fault(self, call, fault):
        fault("latency", seconds=0.001)
        fault("status", status=500)

        assert call()[0] == 500

    @pytest.mark.sandbox(faults=[Fault(kind="status", probability=0.5)])
    def test_probability_and_faults_at_the_start(self, call):
        statuses = [call()[0] for _ in range(40)]

        assert 5 < statuses.count(503) < 35

    def test_removed_again(self, server, call, fault):
        fault("status")
        server.sandbox.faults.clear()

        assert call()[0] == 200

    def test_unknown_kind_is_refused(self):
        with pytest.raises(ValueError, match="unknown kind of fault: 'nonsense'"):
            Fault(kind="nonsense")


class TestWrites:
    """Whether the request was carried out is the fault's to say."""

    @pytest.mark.parametrize("kind", ["status", "reset", "hang"])
    @pytest.mark.parametrize("executed", [None, True, False])
    def test_replacing_faults_execute_only_if_told(self, server, call, fault, kind, executed):
        job = server.sandbox.create_job(project=1, pipeline=6, status="pending")
        fault(kind, executed=executed, times=1, method="POST")

        with contextlib.suppress(OSError):
            call(f"/api/v4/projects/1/jobs/{job}/cancel", "POST", timeout=0.5)

        _, _, body = call(f"/api/v4/projects/1/jobs/{job}")
        assert json.loads(body)["status"] == ("canceled" if executed else "pending")

    @pytest.mark.parametrize("kind", ["cut_body", "broken_json", "wrong_content_type"])
    def test_spoiling_faults_execute(self, server, call, fault, kind):
        job = server.sandbox.create_job(project=1, pipeline=6, status="pending")
        fault(kind, times=1, method="POST")

        with contextlib.suppress(OSError, http.client.IncompleteRead):
            call(f"/api/v4/projects/1/jobs/{job}/cancel", "POST", timeout=0.5)

        _, _, body = call(f"/api/v4/projects/1/jobs/{job}")
        assert json.loads(body)["status"] == "canceled"


class TestRecord:
    def test_the_sandbox_records_what_it_received(self, server, call):
        call("/api/v4/projects/a%2Fb/jobs?scope[]=failed")

        seen = server.sandbox.received[-1]

        assert (seen.method, seen.raw_path) == ("GET", "/api/v4/projects/a%2Fb/jobs?scope[]=failed")
        assert seen.headers["private-token"] == server.tokens["maintainer"]
        assert (seen.body, seen.status) == (b"", 404)

    @pytest.mark.sandbox(record=False)
    def test_recording_can_be_off(self, server, call):
        call()

        assert not server.sandbox.received
