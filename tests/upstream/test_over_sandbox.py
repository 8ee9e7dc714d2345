"""The client over a real server: versions of GitLab, faults on the way, and recorded answers."""

from __future__ import annotations

import asyncio
import json
from itertools import takewhile
from pathlib import Path
from textwrap import dedent

import pytest

from gateway import upstream as upstream_package
from gateway.errors import (
    GatewayError,
    OutcomeUnknown,
    Redirected,
    Unauthenticated,
    UpstreamInvalid,
    UpstreamTimeout,
    UpstreamUnavailable,
)
from gateway.sandbox import KINDS, PROFILES, Fault
from gateway.turns import finished
from gateway.upstream import entities
from gateway.upstream.pages import KeysetCursor
from gateway.upstream.reading import Reader
from gateway.upstream.wire import Answer
from tests.harness.over import over

pytestmark = pytest.mark.anyio

RECORDED = Path(__file__).parents[3] / "shared" / "recorded"


class Upstream:
    """A client over the sandbox's server, and scopes for its roles."""

    def __init__(self, opened):
        self.client = opened.client
        self.sandbox = opened.server.sandbox
        self._opened = opened

    def scope(self, role="developer", seconds=10):
        return self._opened.scope(role, seconds=seconds)

    def received(self, method):
        return [request for request in self.sandbox.received if request.method == method]


@pytest.fixture(params=["http1", "httpx"])
async def upstream(request, sandbox_server):
    async with over(sandbox_server, wire=request.param) as opened:
        yield Upstream(opened)


@pytest.mark.parametrize(
    "profile",
    [pytest.param(name, marks=pytest.mark.sandbox(profile=name)) for name in sorted(PROFILES)],
)
class TestVersions:
    async def test_every_list_and_read(self, upstream, profile):
        client, scope = upstream.client, upstream.scope()

        keyset = await client.project_jobs_page(scope, 1, per_page=3)
        on = await client.project_jobs_page(scope, 1, per_page=3, cursor=KeysetCursor(keyset.next))
        jobs = await client.pipeline_jobs_page(scope, 1, 6, per_page=2)
        bridges = await client.bridges_page(scope, 1, 6, per_page=100)
        pipelines = await client.pipelines_page(scope, 1, per_page=2)
        job = await client.job(scope, 1, 8)
        detail = await client.pipeline(scope, 1, 6)
        project = await client.project(scope, 1)
        by_path = await client.job(scope, project.path_with_namespace, 8)
        commit = await client.commit(scope, 1, job.commit.id)

        assert keyset.items[-1].id == keyset.next > on.items[0].id
        assert (jobs.next_page, jobs.total) == (2, jobs.total)
        assert jobs.total >= 3
        assert all(isinstance(row, entities.Bridge) for row in bridges.items)
        assert len(pipelines.items) == 2
        assert detail.project == job.pipeline.project == project.id == 1
        assert (by_path.id, commit.id) == (8, job.commit.id)
        assert (scope.tally.calls, scope.tally.retried) == (10, 0)

    async def test_statuses_it_may_not_know(self, upstream, profile):
        words = ("canceling", "waiting_for_callback", "running")

        pages = [
            await upstream.client.project_jobs_page(
                upstream.scope(), 1, statuses=words, per_page=100
            )
            for _ in range(2)
        ]

        assert {row.status for row in pages[0].items} <= set(words)
        assert [row.id for row in pages[0].items] == [row.id for row in pages[1].items]
        assert pages[0].items

    async def test_the_job_tokens_endpoints(self, upstream, profile):
        scope = upstream.scope("job_token")

        assert (await upstream.client.current_job(scope)).id == 8
        assert (await upstream.client.allowed_agents(scope)).job.id == 8

    async def test_a_log_and_a_piece_of_it(self, upstream, profile):
        async with upstream.client.trace(upstream.scope(), 1, 1) as streamed:
            whole = b"".join([piece async for piece in streamed.chunks()])
        async with upstream.client.trace(
            upstream.scope(), 1, 1, byte_offset=4, byte_limit=10
        ) as streamed:
            piece = b"".join([piece async for piece in streamed.chunks()])

        assert piece in {whole, whole[4:14]}
        assert len(whole) > 14

    async def test_play_of_a_finished_manual_job(self, upstream, profile):
        played = await upstream.client.play(upstream.scope(), 1, 1, variables=[("NAME", "a value")])

        assert isinstance(played, entities.Job)
        assert len(upstream.received("POST")) == 1

    async def test_cancel_retry_and_erase(self, upstream, profile):
        client, scope = upstream.client, upstream.scope("maintainer")

        canceled = await client.cancel(scope, 1, 8)
        erased = await client.erase(scope, 1, 1)
        retried = await client.retry(scope, 1, 1)

        assert canceled.status in {"canceled", "canceling"}
        assert erased.erased_at is not None
        assert retried.id != 1
        assert len(upstream.received("POST")) == 3


KINDS_THAT_PASS = {"latency", "slow_drip", "wrong_content_type"}


def fault(kind, **known):
    return Fault(kind=kind, seconds=0.001, **known)


def scope_for(upstream, kind):
    """Only what never ends is not waited for: other answers may come late on a busy machine."""
    return upstream.scope(seconds=1 if kind == "hang" else 30)


class TestFaults:
    @pytest.mark.parametrize("kind", sorted(KINDS))
    async def test_a_read_gives_its_answer_or_an_error_by_cause(self, upstream, kind):
        upstream.sandbox.faults = [fault(kind)]

        if kind in KINDS_THAT_PASS:
            assert (await upstream.client.job(upstream.scope(), 1, 8)).id == 8
        else:
            with pytest.raises(GatewayError) as caught:
                await upstream.client.job(scope_for(upstream, kind), 1, 8)
            assert caught.value.code.startswith(("UPSTREAM_", "RATE_"))
            assert "glpat" not in str(caught.value)

    @pytest.mark.parametrize("kind", sorted(KINDS))
    async def test_a_write_is_sent_once(self, upstream, kind):
        upstream.sandbox.faults = [fault(kind)]

        if kind in KINDS_THAT_PASS:
            await upstream.client.cancel(upstream.scope(), 1, 8)
        else:
            with pytest.raises(GatewayError) as caught:
                await upstream.client.cancel(scope_for(upstream, kind), 1, 8)
            if kind in {"reset", "hang"}:
                assert type(caught.value) is OutcomeUnknown
            elif kind == "cut_body":  # its status has told
                assert "the write was carried out" in caught.value.message

        assert len(upstream.received("POST")) == 1

    @pytest.mark.parametrize(
        ("kind", "error"),
        [
            ("hang", UpstreamTimeout),
            ("reset", UpstreamUnavailable),
            ("cut_body", UpstreamUnavailable),
            ("status", UpstreamUnavailable),
            ("broken_json", UpstreamInvalid),
            ("html", UpstreamInvalid),
        ],
    )
    async def test_each_has_its_error(self, upstream, kind, error):
        upstream.sandbox.faults = [fault(kind)]

        with pytest.raises(error):
            await upstream.client.project_jobs_page(scope_for(upstream, kind), 1, per_page=20)

    @pytest.mark.parametrize("kind", ["reset", "cut_body", "status"])
    async def test_what_passes_is_sent_again(self, upstream, kind):
        upstream.sandbox.faults = [fault(kind, times=2)]
        scope = upstream.scope()

        assert (await upstream.client.job(scope, 1, 8)).id == 8
        assert (scope.tally.calls, scope.tally.retried) == (3, 2)

    async def test_a_log_that_is_cut_is_an_error_after_its_pieces(self, upstream):
        upstream.sandbox.faults = [fault("cut_body", after_bytes=5)]
        seen = []

        async def read():
            async with upstream.client.trace(upstream.scope(), 1, 1) as streamed:
                async for piece in streamed.chunks():
                    seen.append(piece)  # noqa: PERF401 - what came before the end counts

        with pytest.raises(UpstreamUnavailable):
            await read()
        assert len(b"".join(seen)) == 5

    async def test_a_credential_never_reaches_another_origin(self, upstream, server):
        upstream.sandbox.faults = [Fault(kind="redirect", location=server.origin)]

        for call in (
            upstream.client.job(upstream.scope(), 1, 8),
            upstream.client.project_jobs_page(upstream.scope(), 1, per_page=1),
        ):
            with pytest.raises(UpstreamInvalid):
                await call
        with pytest.raises(Redirected):
            await upstream.client.cancel(upstream.scope(), 1, 8)
        with pytest.raises(UpstreamInvalid):
            await upstream.client.trace(upstream.scope(), 1, 8).__aenter__()

        assert server.connections == 0

    async def test_a_caller_that_leaves_ends_its_call(self, upstream):
        upstream.sandbox.faults = [fault("hang")]
        read = asyncio.ensure_future(upstream.client.job(upstream.scope(), 1, 8))
        while not upstream.received("GET"):  # noqa: ASYNC110 - the server is in another thread
            await asyncio.sleep(0.001)

        read.cancel()

        with pytest.raises(asyncio.CancelledError):
            await read
        upstream.sandbox.faults = []
        assert (await upstream.client.job(upstream.scope(), 1, 8)).id == 8


async def test_no_credential_is_told_which_header_to_set(upstream):
    with pytest.raises(Unauthenticated, match="set the header PRIVATE-TOKEN"):
        await upstream.client.job(upstream.scope(None), 1, 8)


async def test_the_clients_first_example_works(sandbox_server, capsys):
    lines = dedent(upstream_package.__doc__).splitlines()
    start = next(number for number, line in enumerate(lines) if line.startswith("    async with"))
    example = "\n".join(takewhile(str.strip, lines[start:]))
    example = example.replace("https://gitlab.example.com", sandbox_server.url)
    example = example.replace('"group/project", 42', "1, 8")
    names = {**vars(upstream_package), **globals(), "token": sandbox_server.tokens["developer"]}

    exec(f"async def example():\n{example}", names)  # noqa: S102 - it is ours
    await names["example"]()

    assert capsys.readouterr().out == "running 1\n"


recorded = pytest.mark.skipif(not RECORDED.is_dir(), reason="the recorded answers are not here")


def headers_of(path):
    recorded = json.loads(path.read_text(encoding="utf-8"))
    return {name.lower(): value for name, value in recorded["headers"].items()}


@recorded
@pytest.mark.parametrize(
    ("name", "next_page", "total"),
    [
        ("list_headers__gitlab-com__page1of4", 2, 61),
        ("list_headers__gitlab-com__page2of4", 3, 61),
        ("list_headers__gitlab-com__page4of4", None, 61),
        ("list_headers__gitlab-com__single-page", None, 1),
        ("list_headers__gitlab-com__no-total-link-first-only", None, None),
        ("pipeline_jobs__gitlab-com__v19.5__scope-failed", None, 1),
        ("bridges__gitlab-com__v19.5__trigger_jobs-empty", None, 0),
    ],
)
async def test_recorded_headers_of_lists(over, name, next_page, total):
    headers = headers_of(RECORDED / f"{name}.headers.json")
    it = over(Answer(200, headers.get, b"[]"))

    offset = await it.client.pipeline_jobs_page(it.scope(), 1, 6, per_page=20)
    keyset = await it.client.project_jobs_page(it.scope(), 1, per_page=20)

    assert (offset.next_page, offset.total) == (next_page, total)
    # None of these lists is paged by keyset.
    assert keyset.next is None


SHAPES = {
    "job_allowed_agents": entities.AllowedAgents,
    "jobs_list": entities.Job,
    "pipeline_jobs": entities.Job,
    "job": entities.Job,
    "bridges": entities.Bridge,
    "pipelines_list": entities.Pipeline,
    "pipelines_detail": entities.PipelineDetail,
    "pipeline": entities.PipelineDetail,
}


@recorded
@pytest.mark.parametrize(
    "path",
    sorted(
        path
        for path in RECORDED.glob("*.json")
        if not path.name.startswith("error__") and ".headers." not in path.name
    ),
    ids=lambda path: path.stem,
)
def test_recorded_bodies_are_read_without_a_row_lost(path):
    shape = next(shape for name, shape in SHAPES.items() if path.name.startswith(name))
    body = path.read_bytes()
    sent = json.loads(body)
    answer = Answer(200, {}.get, body)

    rows = (
        finished(Reader(shape).many_in_steps(answer, endpoint="GET /x", project=1))
        if isinstance(sent, list)
        else [finished(Reader(shape).one_in_steps(answer, endpoint="GET /x"))]
    )
    sent = sent if isinstance(sent, list) else [sent]

    assert [type(row) for row in rows] == [shape] * len(sent)
    for row, row_sent in zip(rows, sent, strict=True):
        for name in shape.__struct_fields__:
            if isinstance(row_sent.get(name), int | str | float):
                assert getattr(row, name) == row_sent[name]
