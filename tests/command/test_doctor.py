"""`jobs-gateway doctor`: what it finds of upstreams old and new, and of those that are not well."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import msgspec
import pytest
import trustme

from gateway.doctor import examine
from gateway.sandbox import Fault
from gateway.settings import Settings
from gateway.testing.server import serve
from tests.harness.command import run
from tests.upstream.conftest import RawServer

pytestmark = pytest.mark.anyio


async def findings(url, token=None, project=None, **settings):
    """Kind and text, by what they are about."""
    found = await examine(Settings(upstream_url=url, **settings), token, project)
    return {one.about: (one.kind, one.text) for one in found}


async def kinds(url, token=None, project=None, **settings):
    found = await findings(url, token, project, **settings)
    return {about: kind for about, (kind, _) in found.items()}


class Stub(RawServer):
    """Answers by path; what it does not know is 404."""

    def __init__(self, answers, **headers):
        super().__init__()
        self._answers = answers
        self._headers = headers
        self.answer = self._answer

    async def _answer(self, writer):
        target = self.heads[-1].split()[1]
        status, body, headers = self._answers.get(target.partition("?")[0], (404, {}, {}))
        content = msgspec.json.encode(body)
        lines = {
            "content-type": "application/json",
            "content-length": len(content),
            **self._headers,
            **headers,
        }
        head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
        writer.write(f"HTTP/1.1 {status} X\r\n{head}\r\n".encode() + content)


VERSION = {"/api/v4/version": (200, {"version": "18.0.0"}, {})}


class TestProfiles:
    async def test_of_the_newest_all_is_honoured(self):
        with serve() as sandbox:
            found = await kinds(sandbox.url, sandbox.tokens["developer"], "1")

        assert found == dict.fromkeys(
            ["reachable", "clock", "version", "keyset", "order", "ref", "statuses", "addresses"],
            "ok",
        ) | {"limits": "unknown", "logs": "ok"}

    @pytest.mark.parametrize(
        ("profile", "lacking"), [("16", {"ref", "statuses", "logs"}), ("17", {"ref", "logs"})]
    )
    async def test_of_older_ones_it_names_what_they_lack(self, profile, lacking):
        with serve(profile=profile) as sandbox:
            found = await findings(sandbox.url, sandbox.tokens["developer"], "1")

        assert {about for about, (kind, _) in found.items() if kind == "note"} == lacking
        assert found["version"] == (
            "ok",
            f"GitLab {profile}.{'3.4' if profile == '16' else '5.2'}-ee",
        )

    async def test_only_reads_are_sent(self):
        with serve() as sandbox:
            await examine(Settings(upstream_url=sandbox.url), sandbox.tokens["maintainer"], "1")
            sent = {request.method for request in sandbox.sandbox.received}

        assert sent == {"GET"}


class TestWhatItSees:
    async def test_a_clock_that_is_off(self):
        wrong = format_datetime(datetime.now(UTC) - timedelta(minutes=3), usegmt=True)
        async with Stub(VERSION, date=wrong).running() as upstream:
            found = await findings(upstream.origin)

        assert found["clock"][0] == "note"
        assert "180 s behind" in found["clock"][1] or "179 s behind" in found["clock"][1]

    async def test_a_limit_below_what_one_operation_may_need(self):
        headers = {"ratelimit-limit": 60, "ratelimit-name": "throttle_authenticated_api"}
        async with Stub(VERSION, **headers).running() as upstream:
            found = await examine(Settings(upstream_url=upstream.origin), None)

        assert [one.set_to for one in found if one.about == "limits"] == [("GATEWAY_MAX_CALLS=60",)]

    async def test_a_project_of_the_token_where_none_is_named(self):
        projects = {"/api/v4/projects": (200, [{"id": 9, "path_with_namespace": "a/b"}], {})}
        jobs = {"/api/v4/projects/9/jobs": (200, [], {})}
        async with Stub(VERSION | projects | jobs).running() as upstream:
            found = await kinds(upstream.origin, "token")

        assert found["project"] == "ok"
        assert found["keyset"] == "unknown"

    async def test_where_no_projects_are_listed_one_is_to_be_named(self):
        async with Stub(VERSION).running() as upstream:
            found = await findings(upstream.origin, "token")

        kind, told = found["project"]
        assert kind == "unknown"
        assert told.endswith(
            "their list is not given (HTTP 404): name one, by --project GROUP/PROJECT"
        )

    async def test_without_a_project_it_says_what_it_did_not_look_at(self):
        with serve() as sandbox:
            whole = await kinds(sandbox.url, sandbox.tokens["developer"], "1")
            found = await findings(sandbox.url)

        kind, told = found.pop("project")
        assert kind == "unknown"
        assert all(f"{about}" in told for about in whole.keys() - found.keys())
        assert told.endswith("set GITLAB_TOKEN, or name a public one, by --project GROUP/PROJECT")

    async def test_pages_by_offset_where_keyset_is_asked_for(self):
        rows = [{"id": 100 - number, "status": "success"} for number in range(20)]
        project = {"/api/v4/projects/9": (200, {"id": 9}, {})}
        jobs = {"/api/v4/projects/9/jobs": (200, rows, {"x-next-page": "2"})}
        async with Stub(VERSION | project | jobs).running() as upstream:
            found = await kinds(upstream.origin, "token", "9")

        assert found["keyset"] == "fault"
        assert found["order"] == "ok"

    async def test_jobs_in_another_order(self):
        rows = [{"id": number} for number in range(20)]
        project = {"/api/v4/projects/9": (200, {"id": 9}, {})}
        jobs = {"/api/v4/projects/9/jobs": (200, rows, {"link": "<x?cursor=a>; rel=next"})}
        async with Stub(VERSION | project | jobs).running() as upstream:
            found = await kinds(upstream.origin, "token", "9")

        assert (found["keyset"], found["order"]) == ("ok", "fault")

    async def test_pages_at_another_address(self):
        with serve(external_url="https://ci.example.com") as sandbox:
            found = await examine(
                Settings(upstream_url=sandbox.url), sandbox.tokens["developer"], "1"
            )

        assert [one.set_to for one in found if one.about == "addresses"] == [
            ("GATEWAY_UPSTREAM_WEB_URL=https://ci.example.com",)
        ]


class TestFaults:
    async def test_nobody_is_there(self):
        assert await kinds("http://127.0.0.1:9") == {"reachable": "fault"}

    async def test_the_port_speaks_no_tls(self):
        with serve() as sandbox:
            found = await findings(sandbox.url.replace("http:", "https:"))

        assert found["reachable"][0] == "fault"
        assert "TLS_NOT_SPOKEN" in found["reachable"][1]

    async def test_a_certificate_that_nobody_knows_asks_for_its_authority(self, tmp_path):
        authority = trustme.CA()
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert("127.0.0.1").configure_cert(context)
        authority.cert_pem.write_to_path(tmp_path / "ca.pem")
        async with Stub(VERSION).running(tls=context) as upstream:
            found = await examine(Settings(upstream_url=upstream.origin), None)
            cured = await kinds(upstream.origin, upstream_ca_file=str(tmp_path / "ca.pem"))

        assert [one.kind for one in found] == ["fault"]
        assert found[0].set_to[0].startswith("GATEWAY_UPSTREAM_CA_FILE=")
        assert cured["tls"] == "ok"

    async def test_a_token_that_is_refused(self):
        with serve() as sandbox:
            found = await kinds(sandbox.url, "glpat-nobody", "1")

        assert found["credential"] == "fault"
        assert "keyset" not in found

    async def test_a_page_in_place_of_the_api(self):
        with serve(faults=[Fault(kind="html")]) as sandbox:
            assert await kinds(sandbox.url) == {"reachable": "fault"}

    async def test_a_path_where_no_gitlab_is(self):
        with serve() as sandbox:
            assert await kinds(f"{sandbox.url}/gitlab") == {"reachable": "fault"}

    async def test_one_that_fails(self):
        with serve(faults=[Fault(kind="status", status=503)]) as sandbox:
            assert await kinds(sandbox.url) == {"reachable": "fault"}

    async def test_a_redirect_to_another_host_names_it(self):
        elsewhere = Fault(kind="redirect", location="https://new.example.com")
        with serve(faults=[elsewhere]) as sandbox:
            [found] = await examine(Settings(upstream_url=sandbox.url), None)

        assert (found.kind, found.set_to) == (
            "fault",
            ("GATEWAY_UPSTREAM_URL=https://new.example.com",),
        )

    async def test_a_project_that_is_not_there(self):
        with serve() as sandbox:
            found = await kinds(sandbox.url, sandbox.tokens["developer"], "none/such")

        assert found["project"] == "fault"


class TestCommand:
    def test_tells_and_ends_with_0(self):
        with serve() as sandbox:
            ended = run(
                "doctor",
                "--project=1",
                GATEWAY_UPSTREAM_URL=sandbox.url,
                GITLAB_TOKEN=sandbox.tokens["developer"],
            )

        assert ended.returncode == 0
        assert "GitLab 18.10.1-ee" in ended.stdout
        assert sandbox.tokens["developer"] not in ended.stdout + ended.stderr
        assert ended.stderr == ""

    def test_ends_with_1_where_something_is_in_the_way(self):
        ended = run("doctor", "--upstream-url=http://127.0.0.1:9", GITLAB_TOKEN="")

        assert ended.returncode == 1
        assert ended.stdout.startswith("fault    reachable")
        assert ended.stderr == ""

    def test_ends_with_2_without_an_upstream(self):
        ended = run("doctor")

        assert ended.returncode == 2
        assert "GATEWAY_UPSTREAM_URL is missing" in ended.stderr
