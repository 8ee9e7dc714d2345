"""The application as a whole: gateway, sandbox and everything between, in one process."""

import asyncio
import json
import re

import httpx
import pytest

from gateway.app import create_app
from gateway.settings import Settings
from tests.harness.app import caller_of, running_app

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

    answers = [await run(tab) for tab in start["tabs"]]

    assert [answer.get("errors") for answer in answers] == [None] * 6
    failed, pipeline, page, retried, played, two = [answer["data"] for answer in answers]
    assert any(job["log"]["tail"]["text"] for job in failed["project"]["jobs"]["nodes"])
    assert any(bridge["downstreamPipeline"] for bridge in pipeline["pipeline"]["bridges"]["nodes"])
    assert page["project"]["jobs"]["pageInfo"]["hasNextPage"] is True
    assert retried["jobRetry"]["userErrors"] == played["jobPlay"]["userErrors"] == []
    assert two["one"]["jobs"]["nodes"]
    assert two["other"]["jobs"]["nodes"]


async def test_without_a_credential_the_error_says_which_header_to_set(caller):
    query = '{ project(id: "1") { jobs { nodes { name } } } }'

    answer = await caller.post("/graphql", json={"query": query})

    [error] = answer.json()["errors"]
    assert error["extensions"]["code"] == "UNAUTHENTICATED"
    assert "PRIVATE-TOKEN" in error["message"]


async def test_the_root_leads_to_the_explorer(caller):
    answer = await caller.get("/")

    # Relative, so that it holds behind a path prefix as well.
    assert (answer.status_code, answer.headers["location"]) == (307, "graphql")


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


async def test_pages_are_as_large_as_the_setting_allows(sandbox_server):
    query = "query ($first: Int) { project(id: 1) { jobs(first: $first) { nodes { name } } } }"
    url, tokens = sandbox_server.url, sandbox_server.tokens

    async with running_app(tokens=tokens, upstream_url=url, max_page_size=3) as api:
        three = await api(query)
        four = await api(query, first=4)

    assert len(three["data"]["project"]["jobs"]["nodes"]) == 3
    assert four["errors"][0]["message"] == "first: 4 is out of range; ask for 1 to 3"
