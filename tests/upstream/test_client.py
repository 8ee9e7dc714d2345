"""The client: what it asks, what it gives, over answers written by hand."""

from __future__ import annotations

from base64 import urlsafe_b64encode

import pytest

from gateway.errors import BadInput, NotFound, UpstreamInvalid
from gateway.upstream.pages import KeysetCursor, offset_page
from gateway.upstream.wire import Answer
from tests.upstream.samples import JOB

pytestmark = pytest.mark.anyio

COMMIT = {"id": "a" * 40, "short_id": "aaaaaaaa", "title": "Fix"}
AGENTS = {"allowed_agents": []}


@pytest.mark.parametrize(
    ("call", "body", "request_line"),
    [
        (
            lambda client, scope: client.project_jobs_page(scope, 1, per_page=20),
            [],
            "GET /api/v4/projects/1/jobs?pagination=keyset&per_page=20",
        ),
        (
            lambda client, scope: client.project_jobs_page(
                scope, "group/sub.name/p", statuses=("failed", "pending"), per_page=100
            ),
            [],
            (
                "GET /api/v4/projects/group%2Fsub.name%2Fp/jobs?pagination=keyset&per_page=100"
                "&scope%5B%5D=failed&scope%5B%5D=pending"
            ),
        ),
        (
            lambda client, scope: client.project_jobs_page(
                scope, 1, per_page=2, cursor=KeysetCursor(101)
            ),
            [],
            # As documented (upstream.md, 8.2).
            (
                "GET /api/v4/projects/1/jobs?pagination=keyset&per_page=2"
                "&cursor=eyJpZCI6IjEwMSIsIl9rZCI6Im4ifQ%3D%3D"
            ),
        ),
        (
            lambda client, scope: client.pipeline_jobs_page(scope, 1, 6, page=2, per_page=20),
            [],
            "GET /api/v4/projects/1/pipelines/6/jobs?page=2&per_page=20",
        ),
        (
            lambda client, scope: client.pipeline_jobs_page(
                scope, 1, 6, include_retried=True, statuses=("manual",), per_page=1
            ),
            [],
            (
                "GET /api/v4/projects/1/pipelines/6/jobs?page=1&per_page=1&include_retried=true"
                "&scope%5B%5D=manual"
            ),
        ),
        (
            lambda client, scope: client.bridges_page(scope, 1, 6, per_page=100),
            [],
            "GET /api/v4/projects/1/pipelines/6/bridges?page=1&per_page=100",
        ),
        (
            lambda client, scope: client.pipelines_page(
                scope,
                1,
                status="running",
                filters=(("ref", "feature/a&b#1"), ("source", "push")),
                per_page=20,
            ),
            [],
            (
                "GET /api/v4/projects/1/pipelines?page=1&per_page=20&ref=feature%2Fa%26b%231"
                "&source=push&status=running"
            ),
        ),
        (
            lambda client, scope: client.latest_pipeline(scope, 1, ref="a/b"),
            {"id": 6},
            "GET /api/v4/projects/1/pipelines/latest?ref=a%2Fb",
        ),
        (lambda client, scope: client.job(scope, 1, 7), JOB, "GET /api/v4/projects/1/jobs/7"),
        (
            lambda client, scope: client.pipeline(scope, "a/ü", 6),
            {"id": 6},
            "GET /api/v4/projects/a%2F%C3%BC/pipelines/6",
        ),
        (
            lambda client, scope: client.pipeline_variables(scope, "g/p", 6),
            [{"key": "A", "value": "1", "variable_type": "env_var"}],
            "GET /api/v4/projects/g%2Fp/pipelines/6/variables",
        ),
        (
            lambda client, scope: client.test_report_summary(scope, 1, 6),
            {"total": {"count": 1}, "test_suites": []},
            "GET /api/v4/projects/1/pipelines/6/test_report_summary",
        ),
        (
            lambda client, scope: client.project(scope, "g/p"),
            {"id": 1, "path_with_namespace": "g/p"},
            "GET /api/v4/projects/g%2Fp",
        ),
        (
            lambda client, scope: client.commit(scope, 1, "feature/x"),
            COMMIT,
            "GET /api/v4/projects/1/repository/commits/feature%2Fx",
        ),
        (lambda client, scope: client.current_job(scope), JOB, "GET /api/v4/job"),
        (
            lambda client, scope: client.allowed_agents(scope),
            AGENTS,
            "GET /api/v4/job/allowed_agents",
        ),
        (
            lambda client, scope: client.cancel(scope, 1, 7),
            JOB,
            "POST /api/v4/projects/1/jobs/7/cancel",
        ),
        (
            lambda client, scope: client.retry(scope, 1, 7),
            JOB,
            "POST /api/v4/projects/1/jobs/7/retry",
        ),
        (
            lambda client, scope: client.erase(scope, 1, 7),
            JOB,
            "POST /api/v4/projects/1/jobs/7/erase",
        ),
        (
            lambda client, scope: client.play(scope, 1, 7),
            JOB,
            "POST /api/v4/projects/1/jobs/7/play",
        ),
    ],
)
async def test_each_method_asks_its_endpoint_once(over, answer, call, body, request_line):
    it = over(answer(body))
    scope = it.scope()

    await call(it.client, scope)

    assert it.wire.targets == [request_line]
    assert it.wire.sent[0].body is None
    assert (scope.tally.calls, scope.tally.retried) == (1, 0)


@pytest.mark.parametrize(
    ("call", "body"),
    [
        (lambda client, scope: client.cancel(scope, 1, 7, force=True), b'{"force":true}'),
        (
            lambda client, scope: client.retry(scope, 1, 7, inputs={"a": [1]}),
            b'{"inputs":{"a":[1]},"job_inputs":{"a":[1]}}',
        ),
        (
            lambda client, scope: client.play(scope, 1, 7, variables=[("A", "1"), ("ü", "")]),
            '{"job_variables_attributes":[{"key":"A","value":"1"},{"key":"ü","value":""}]}'.encode(),
        ),
        (
            lambda client, scope: client.play(scope, 1, 7, inputs={"env": "x"}),
            b'{"job_inputs":{"env":"x"}}',
        ),
    ],
)
async def test_what_a_write_needs_is_sent_as_json(over, answer, call, body):
    it = over(answer(JOB))

    await call(it.client, it.scope())

    assert it.wire.sent[0].body == body
    assert it.wire.sent[0].headers["Content-Type"] == "application/json"


async def test_a_call_presents_the_callers_credential_and_the_operations_id(over, answer):
    it = over(answer(JOB))

    await it.client.job(it.scope(), 1, 7)
    await it.client.job(it.scope(token=None), 1, 7)

    assert it.wire.sent[0].headers == {
        "User-Agent": "jobs-gateway",
        "PRIVATE-TOKEN": "glpat-secret-1",
        "X-Request-Id": "request-1",
    }
    assert "PRIVATE-TOKEN" not in it.wire.sent[1].headers


@pytest.mark.parametrize(
    "project", ["..", "a/../b", "a%2Fb", "/a/b", "a/b/", "a//b", "a/b?x", "a/b#x", "a", "", 0, -1]
)
async def test_a_project_that_none_can_have_is_refused_before_any_call(over, answer, project):
    it = over(answer([]))

    with pytest.raises(BadInput, match="project"):
        await it.client.project_jobs_page(it.scope(), project, per_page=20)

    assert it.wire.sent == []


def keyset_link(cursor: bytes, relation: str = "next") -> str:
    text = urlsafe_b64encode(cursor).decode().replace("=", "%3D")
    return (
        f"<https://internal:8080/api/v4/projects/1/jobs?cursor={text}&id=1&page=1"
        f'&pagination=keyset&per_page=2&private_token=x>; rel="{relation}"'
    )


class TestKeysetPages:
    async def test_the_next_id_is_taken_out_of_the_link(self, over, answer):
        it = over(answer([JOB], link=keyset_link(b'{"id":"6853087271","_kd":"n"}')))

        page = await it.client.project_jobs_page(it.scope(), 1, per_page=1)

        assert page.next == 6853087271

    @pytest.mark.parametrize(
        "link", [None, "", '<https://x/api/v4/jobs?id=1&page=1>; rel="first"', "nonsense"]
    )
    async def test_without_a_link_to_it_there_is_no_next_page(self, over, answer, link):
        it = over(answer([JOB]) if link is None else answer([JOB], link=link))

        assert (await it.client.project_jobs_page(it.scope(), 1, per_page=1)).next is None

    async def test_a_link_of_another_relation_is_no_next_page(self, over, answer):
        it = over(answer([JOB], link=keyset_link(b'{"id":"9","_kd":"p"}', "prev")))

        assert (await it.client.project_jobs_page(it.scope(), 1, per_page=1)).next is None

    @pytest.mark.parametrize(
        "cursor",
        [b"{", b'{"id":"x"}', b'{"_kd":"n"}', b"[]", b'{"id":"%s"}' % (b"9" * 5000)],
        ids=["cut", "text", "no id", "list", "5000 digits"],
    )
    async def test_after_a_cursor_that_cannot_be_read_the_list_goes_on_below_its_last_row(
        self, over, answer, cursor
    ):
        it = over(answer([JOB | {"id": 9}, JOB], link=keyset_link(cursor)))

        page = await it.client.project_jobs_page(it.scope(), 1, per_page=2)

        assert [job.id for job in page.items] == [9, 7]
        assert page.next == 7

    async def test_a_full_page_without_a_link_does_not_say_that_it_is_the_last(self, over, answer):
        it = over(answer([JOB]))

        full = await it.client.project_jobs_page(it.scope(), 1, per_page=1)
        short = await it.client.project_jobs_page(it.scope(), 1, per_page=2)
        backward = KeysetCursor(1, backward=True)
        above = await it.client.project_jobs_page(it.scope(), 1, per_page=1, cursor=backward)

        assert (full.is_told, short.is_told, above.is_told) == (False, True, True)


class TestOffsetPages:
    @pytest.mark.parametrize(
        ("headers", "next_page", "total"),
        [
            ({"x_next_page": "2", "x_total": "61"}, 2, 61),
            ({"x_next_page": "", "x_total": "0"}, None, 0),
            ({"x_next_page": ""}, None, None),
            ({}, None, None),
            ({"x_next_page": "²", "x_total": "many"}, None, None),
            ({"x_next_page": "9" * 5000, "x_total": "9" * 5000}, 2, None),
            ({"x_total": "3000000000"}, 2, None),
            ({"link": '</jobs?page=2>; rel="next"'}, 2, None),
            ({"x_next_page": "", "link": '</jobs?page=2>; rel="next"'}, 2, None),
            ({"x_next_page": "9" * 5000, "link": '</jobs?page=4>; rel="next"'}, 4, None),
            ({"link": '</jobs?page=1>; rel="first", </jobs?page=1>; rel="last"'}, None, None),
            ({"x_total": "21"}, 2, 21),
            ({"x_total": "20"}, None, 20),
        ],
    )
    async def test_next_page_and_total_are_in_headers(
        self, over, answer, headers, next_page, total
    ):
        it = over(answer([JOB], **headers))

        page = await it.client.pipeline_jobs_page(it.scope(), 1, 6, per_page=20)

        assert (page.next_page, page.total) == (next_page, total)

    @pytest.mark.parametrize(
        ("headers", "is_told"),
        [
            ({}, False),
            ({"link": '</style.css>; rel="preload"'}, False),
            ({"x_next_page": "null"}, False),
            ({"x_next_page": ""}, True),
            ({"x_next_page": "2"}, True),
            ({"link": '</jobs?page=1>; rel="first"'}, True),
            ({"x_total": "2"}, True),
        ],
    )
    async def test_a_full_page_that_tells_nothing_may_have_a_next_one(
        self, over, answer, headers, is_told
    ):
        it = over(answer([JOB, JOB], **headers))

        page = await it.client.pipeline_jobs_page(it.scope(), 1, 6, per_page=2)

        assert page.is_told == is_told
        assert page.next_page == (2 if not is_told or headers.get("x_next_page") else None)

    @pytest.mark.parametrize(
        ("told", "link", "next_page", "is_told"),
        [
            (["2", ""], None, 2, False),
            (["", "2"], '</jobs?page=1>; rel="first"', None, True),
            (["3", "4"], '</jobs?page=2>; rel="next"', 2, True),
            (["2", "2"], None, 2, True),
        ],
    )
    async def test_headers_that_contradict_each_other_are_none(
        self, told, link, next_page, is_told
    ):
        headers = {"x-next-page": told, "link": [link] if link else []}

        def first(name):
            values = headers.get(name)
            return values[0] if values else None

        sent = Answer(200, first, b"", lambda name: headers.get(name, []))

        page = offset_page(sent, [1, 2], page=1, per_page=2, endpoint="GET")

        assert (page.next_page, page.is_told) == (next_page, is_told)

    @pytest.mark.parametrize(
        "headers",
        [
            {"x_next_page": "2"},
            {"x_next_page": "1"},
            {"link": '<https://gitlab.test/api/v4/projects/1/jobs?page=2>; rel="next"'},
        ],
    )
    async def test_a_next_page_that_is_none_of_those_after_it_is_not_followed(
        self, over, answer, headers
    ):
        it = over(answer([JOB, JOB], **headers))

        with pytest.raises(UpstreamInvalid, match="leads from page 2 of its list to page"):
            await it.client.pipeline_jobs_page(it.scope(), 1, 6, page=2, per_page=2)

    async def test_totals_that_contradict_each_other_are_none(self):
        headers = {"x-total": ["7", "9"]}
        sent = Answer(200, lambda _: "7", b"", lambda name: headers.get(name, []))

        assert offset_page(sent, [1], page=1, per_page=20, endpoint="GET").total is None


class TestTraces:
    async def test_a_log_comes_in_pieces(self, over, answer):
        it = over(answer(b"a log in pieces", x_request_id="r"))
        scope = it.scope()

        async with it.client.trace(scope, 1, 7) as streamed:
            pieces = [piece async for piece in streamed.chunks()]

        assert pieces == [b"a log", b" in p", b"ieces"]
        assert it.wire.targets == ["GET /api/v4/projects/1/jobs/7/trace"]
        assert scope.tally.calls == 1

    async def test_a_slice_is_asked_for_by_bytes(self, over, answer):
        it = over(answer(b""))

        async with it.client.trace(it.scope(), 1, 7, byte_offset=0, byte_limit=10):
            pass

        assert it.wire.targets[0].endswith("/trace?byte_offset=0&byte_limit=10")

    async def test_a_refusal_is_an_error_by_cause(self, over, answer):
        it = over(answer({"message": "404 Not found"}, 404))

        with pytest.raises(NotFound, match="the log of job 7 of project g/p"):
            async with it.client.trace(it.scope(), "g/p", 7):
                pytest.fail("there is no log")
