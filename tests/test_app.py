"""The application as a whole: gateway, sandbox and everything between, in one process."""

import asyncio
import json
import re
from contextlib import AsyncExitStack

import httpx
import pytest
from graphql import OperationType, get_operation_ast, parse
from starlette.applications import Starlette
from starlette.routing import Mount

from gateway.app import create_app
from gateway.settings import Settings
from tests.harness.app import caller_of, running_app
from tests.harness.first_page import is_first_page, leads_to

pytestmark = pytest.mark.anyio

BROWSER = {"accept": "text/html"}


@pytest.fixture
async def caller():
    """A caller of a gateway over its embedded sandbox."""
    async with running_app(sandbox_jobs=50) as api:
        yield api.caller


async def test_every_tab_of_the_explorer_shows_something_with_the_explorers_token(caller):
    page = await caller.get("/graphql", headers=BROWSER)
    start = json.loads(re.search(r'id="start">(.*?)</script>', page.text)[1])

    async def run(tab):
        body = {"query": tab["query"], "variables": json.loads(tab["variables"])}
        answer = await caller.post("/graphql", json=body, headers=json.loads(start["headers"]))
        return answer.json()

    tabs = {get_operation_ast(parse(tab["query"])): tab for tab in start["tabs"]}
    answers = {
        node.name.value: await run(tab)
        for node, tab in tabs.items()
        if node.operation is not OperationType.SUBSCRIPTION
    }

    assert len(tabs) - len(answers) == 2
    assert [answer.get("errors") for answer in answers.values()] == [None] * 8
    shown = {name: answer["data"] for name, answer in answers.items()}
    assert any(
        job["log"]["tail"]["text"] for job in shown["FailedJobs"]["project"]["jobs"]["nodes"]
    )
    assert shown["PageThroughJobs"]["project"]["jobs"]["pageInfo"]["hasNextPage"] is True
    assert shown["PlayWithVariables"]["jobPlay"]["userErrors"] == []
    assert shown["TwoProjects"]["one"]["jobs"]["nodes"]
    assert shown["TwoProjects"]["other"]["jobs"]["nodes"]


async def test_without_a_credential_the_error_says_which_header_to_set(caller):
    query = '{ project(id: "1") { jobs { nodes { name } } } }'

    answer = await caller.post("/graphql", json={"query": query})

    [error] = answer.json()["errors"]
    assert error["extensions"]["code"] == "UNAUTHENTICATED"
    assert "PRIVATE-TOKEN" in error["message"]


async def test_the_root_is_the_page_of_pipelines(caller):
    assert is_first_page(await caller.get("/"))


async def test_without_an_explorer_the_root_leads_to_graphql():
    async with running_app(sandbox_jobs=0, explorer=False) as api:
        answer = await api.caller.get("/")

    # Relative, so that it holds behind a path prefix as well.
    assert leads_to(answer, "graphql")


async def test_it_is_ready_while_the_sandbox_answers(caller):
    assert (await caller.get("/health/ready")).json() == {"status": "ready"}


async def test_everything_is_closed_in_the_end():
    before = asyncio.all_tasks()

    async with running_app(sandbox_jobs=0) as api:
        url = api.gateway.sandbox.url

    async with httpx.AsyncClient() as caller:
        with pytest.raises(httpx.ConnectError):
            await caller.get(url)
    assert asyncio.all_tasks() == before


async def test_it_answers_503_while_it_does_not_run():
    async with caller_of(create_app(Settings())) as caller:
        answer = await caller.post("/graphql", json={"query": "{ __typename }"})

    assert answer.status_code == 503


async def test_any_asgi_server_starts_it_by_the_lifespan():
    app = create_app(Settings(sandbox_jobs=0))
    told: asyncio.Queue[str] = asyncio.Queue()
    messages = iter(["lifespan.startup", "lifespan.shutdown"])
    may_stop = asyncio.Event()

    async def receive():
        message = next(messages)
        if message == "lifespan.shutdown":
            await may_stop.wait()
        return {"type": message}

    async def send(message):
        await told.put(message["type"])

    lifespan = asyncio.create_task(app({"type": "lifespan", "state": {}}, receive, send))
    started = await told.get()
    async with caller_of(app) as caller:
        answer = await caller.post("/graphql", json={"query": "{ __typename }"})
    may_stop.set()
    await lifespan

    assert (started, await told.get()) == (
        "lifespan.startup.complete",
        "lifespan.shutdown.complete",
    )
    assert answer.json() == {"data": {"__typename": "Query"}}


@pytest.mark.parametrize("path", ["/graphql", "/graphql/"])
async def test_a_closing_slash_leads_nowhere_else(caller, path):
    """A redirect behind TLS once sent the credential on over plain HTTP."""
    answer = await caller.post(path, json={"query": "{ __typename }"})

    assert answer.json() == {"data": {"__typename": "Query"}}
    for closed in ("/health/live/", "/health/ready/"):
        assert (await caller.get(closed)).status_code == 200
    assert (await caller.get("/health/")).status_code == 404


def asking(app):
    transport = httpx.ASGITransport(app)
    return httpx.AsyncClient(transport=transport, base_url="http://parent", follow_redirects=True)


@pytest.mark.parametrize("path", ["/jobs/graphql", "/jobs/graphql/"])
@pytest.mark.parametrize("starts", ["by the parent's lifespan", "by the first request"])
async def test_it_is_mounted_in_another_application(path, starts):
    gateway = create_app(Settings(sandbox_jobs=0))
    parent = Starlette(routes=[Mount("/jobs", gateway)])
    before = asyncio.all_tasks()

    async with AsyncExitStack() as stack:
        if "parent" in starts:
            await stack.enter_async_context(gateway.running())
        async with asking(parent) as caller:
            answers = await asyncio.gather(
                *(caller.post(path, json={"query": "{ __typename }"}) for _ in range(3))
            )
            ready = await caller.get("/jobs/health/ready")
            start = await caller.get("/jobs/", follow_redirects=False)
            page = await caller.get("/jobs/", headers=BROWSER)
            nothing = await caller.get("/jobs/none")

    for task in asyncio.all_tasks() - before:
        # As the end of the event loop does.
        task.cancel()
        await asyncio.wait([task])
    assert [answer.json() for answer in answers] == [{"data": {"__typename": "Query"}}] * 3
    assert ready.json() == {"status": "ready"}
    assert is_first_page(start)
    assert page.status_code == 200
    assert "GraphQL is at /jobs/graphql" in nothing.text
    assert code_of(nothing) == "NOT_FOUND"
    assert gateway._endpoint is None


@pytest.mark.parametrize("path", ["/jobs/graphql", "/jobs/jobs/graphql"])
async def test_a_server_is_told_of_its_root_path(path):
    """A server puts `--root-path` before the path; a proxy may have left its prefix on as well."""
    gateway = create_app(Settings(sandbox_jobs=0))

    async def behind(scope, receive, send):
        await gateway({**scope, "root_path": "/jobs"}, receive, send)

    async with gateway.running(), asking(behind) as caller:
        answer = await caller.post(path, json={"query": "{ __typename }"})

    assert answer.json() == {"data": {"__typename": "Query"}}


async def test_the_sandbox_answers_others_only_if_it_is_asked_for():
    """An ASGI server may listen elsewhere than the settings say."""
    statuses, told = [], []
    for sandbox in (None, True):
        gateway = create_app(Settings(sandbox_jobs=0, sandbox=sandbox))

        async def beyond(scope, receive, send, gateway=gateway):
            await gateway({**scope, "server": ("10.0.0.1", 8000)}, receive, send)

        async with gateway.running(), asking(beyond) as caller:
            answers = [await caller.get(at) for at in ("/graphql?query={a}", "/health/live")]
        statuses.append([answer.status_code for answer in answers])
        told += [code_of(answer) for answer in answers if answer.is_error]

    assert statuses == [[403, 403], [200, 200]]
    assert told == ["FORBIDDEN", "FORBIDDEN"]


def code_of(answer):
    [error] = answer.json()["errors"]
    return error["extensions"]["code"]


async def test_pages_of_allowed_origins_may_read_health_and_errors():
    origin = {"origin": "https://ci.example.com"}
    gateway = create_app(Settings(sandbox_jobs=0, cors_origins=("https://ci.example.com",)))

    async with gateway.running(), asking(gateway) as caller:
        answers = [await caller.get(path, headers=origin) for path in ("/health/ready", "/none")]
        asked = {"access-control-request-method": "GET"}
        answers.append(await caller.options("/health/live", headers=origin | asked))
        other = await caller.get("/health/live", headers={"origin": "https://other.example"})
    async with asking(gateway) as caller:
        answers.append(await caller.post("/graphql", headers=origin))

    assert [answer.status_code for answer in answers] == [200, 404, 200, 503]
    assert (code_of(answers[1]), code_of(answers[3])) == ("NOT_FOUND", "UPSTREAM_UNAVAILABLE")
    for answer in answers:
        assert answer.headers["access-control-allow-origin"] == origin["origin"]
        assert answer.headers["vary"] == "origin"
    assert "access-control-allow-origin" not in other.headers


async def test_answers_are_compressed_by_default_and_not_where_that_is_off():
    query = {"query": "{ __schema { types { name description } } }"}
    told = []
    for compression in (True, False):
        gateway = create_app(Settings(sandbox_jobs=0, compression=compression))
        async with gateway.running(), asking(gateway) as caller:
            answer = await caller.post("/graphql", json=query)
            told.append(answer.headers.get("content-encoding"))

    assert told == ["gzip", None]


async def test_pages_are_as_large_as_the_setting_allows(sandbox_server):
    query = "query ($first: Int) { project(id: 1) { jobs(first: $first) { nodes { name } } } }"
    url, tokens = sandbox_server.url, sandbox_server.tokens

    async with running_app(tokens=tokens, upstream_url=url, max_page_size=3) as api:
        three = await api(query)
        four = await api(query, first=4)

    assert len(three["data"]["project"]["jobs"]["nodes"]) == 3
    assert four["errors"][0]["message"] == "first: 4 is out of range; ask for 1 to 3"
