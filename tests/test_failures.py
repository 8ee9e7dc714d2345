"""What callers see when something is wrong: one field is null with a clear error, its siblings are
answered. Over HTTP, through the whole application, against a sandbox that misbehaves.
"""

import pytest

from gateway.sandbox import Fault
from gateway.transport.server import listen
from tests.harness.app import running_app

pytestmark = pytest.mark.anyio

JOBS = "{ jobs(first: 1) { nodes { name } } }"
SIBLINGS = f'{{ bad: project(id: "1") {JOBS} good: project(id: "6") {JOBS} }}'
ONLY_BAD = "/projects/1/"


@pytest.fixture
async def api(sandbox_server):
    url, tokens = sandbox_server.url, sandbox_server.tokens
    async with running_app(tokens=tokens, upstream_url=url, request_timeout_s=2) as api:
        yield api


@pytest.mark.parametrize(
    ("fault", "code", "status"),
    [
        ({"kind": "status", "status": 503}, "UPSTREAM_UNAVAILABLE", 503),
        ({"kind": "status", "status": 500}, "UPSTREAM_UNAVAILABLE", 500),
        ({"kind": "reset"}, "UPSTREAM_UNAVAILABLE", None),
        ({"kind": "cut_body"}, "UPSTREAM_UNAVAILABLE", None),
        ({"kind": "hang"}, "UPSTREAM_TIMEOUT", None),
        ({"kind": "slow_drip", "seconds": 1, "after_bytes": 1}, "UPSTREAM_TIMEOUT", None),
        ({"kind": "html"}, "UPSTREAM_INVALID", 200),
        ({"kind": "broken_json"}, "UPSTREAM_INVALID", 200),
        ({"kind": "redirect"}, "UPSTREAM_INVALID", 302),
        ({"kind": "rate_limit_endpoint", "retry_after": 60}, "RATE_LIMITED", 429),
        ({"kind": "rate_limit_global", "retry_after": 60}, "RATE_LIMITED", 429),
        ({"kind": "status", "status": 403}, "FORBIDDEN", 403),
        ({"kind": "status", "status": 418}, "UPSTREAM_REFUSED", 418),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_an_upstream_that_fails_costs_one_field(api, sandbox_server, fault, code, status):
    sandbox_server.sandbox.faults.append(Fault(route=ONLY_BAD, **fault))

    answer = await api(SIBLINGS)

    [error] = answer["errors"]
    assert answer["data"]["bad"] == {"jobs": None}
    assert len(answer["data"]["good"]["jobs"]["nodes"]) == 1
    assert error["path"] == ["bad", "jobs"]
    assert error["extensions"]["code"] == code
    assert error["extensions"]["upstream"].get("status") == status
    assert error["extensions"]["upstream"]["endpoint"] == "GET /projects/:id/jobs"


async def test_an_upstream_that_is_down_is_told(free_port):
    url = f"http://127.0.0.1:{free_port}"
    async with running_app(upstream_url=url, request_timeout_s=2) as api:
        answer = await api(f'{{ __typename project(id: "1") {JOBS} }}', token="glpat-any")

    assert answer["data"] == {"__typename": "Query", "project": {"jobs": None}}
    assert [error["extensions"]["code"] for error in answer["errors"]] == ["UPSTREAM_UNAVAILABLE"]


@pytest.fixture
def free_port():
    """A port nobody listens on."""
    with listen("127.0.0.1", 0) as listener:
        return listener.getsockname()[1]


@pytest.mark.parametrize(
    ("query", "path", "code", "role"),
    [
        (f'{{ project(id: "1") {JOBS} }}', ["project", "jobs"], "UNAUTHENTICATED", None),
        (f'{{ project(id: "1") {JOBS} }}', ["project", "jobs"], "UNAUTHENTICATED", "revoked"),
        (f'{{ project(id: "no/such") {JOBS} }}', ["project", "jobs"], "NOT_FOUND", "developer"),
        (
            '{ project(id: "1") { job(databaseId: "999999") { name } } }',
            ["project", "job"],
            "NOT_FOUND",
            "developer",
        ),
        (
            '{ project(id: "1") { pipeline(databaseId: "999999") { name } } }',
            ["project", "pipeline"],
            "NOT_FOUND",
            "developer",
        ),
        (
            '{ project(id: "1") { jobs(first: 5, after: "nonsense") { nodes { name } } } }',
            ["project", "jobs"],
            "BAD_USER_INPUT",
            "developer",
        ),
        (
            '{ project(id: "1") { jobs(first: -1) { nodes { name } } } }',
            ["project", "jobs"],
            "BAD_USER_INPUT",
            "developer",
        ),
        (
            '{ project(id: "1") { jobs(first: 100000) { nodes { name } } } }',
            ["project", "jobs"],
            "BAD_USER_INPUT",
            "developer",
        ),
        ('{ node(id: "nonsense") { id } }', ["node"], "BAD_USER_INPUT", "developer"),
        (
            '{ project(id: "../users/1") { jobs { nodes { name } } } }',
            ["project"],
            "BAD_USER_INPUT",
            "developer",
        ),
    ],
)
async def test_a_callers_mistake_is_told_at_its_place(api, query, path, code, role):
    answer = await api(f"{query[:-1]} ok: __typename }}", role=role)

    [error] = answer["errors"]
    assert error["extensions"]["code"] == code
    assert error["path"] == path
    assert answer["data"]["ok"] == "Query"


async def test_an_unknown_id_is_null_without_an_error(api):
    known = await api('{ project(id: "1") { jobs(first: 1) { nodes { id } } } }')
    id_ = known["data"]["project"]["jobs"]["nodes"][0]["id"]

    answer = await api("query ($id: ID!) { node(id: $id) { id } }", role="outsider", id=id_)
    unknown = await api("query ($id: ID!) { node(id: $id) { id } }", id="Sm9iOjE6Njo5OTk5OTk5")

    assert unknown == {"data": {"node": None}}
    assert answer["data"]["node"] in (None, {"id": id_})


async def test_no_answer_holds_a_credential(api, sandbox_server):
    sandbox_server.sandbox.faults.append(Fault(kind="html", status=500))

    answer = await api(SIBLINGS, token="glpat-a-secret")

    assert "glpat-a-secret" not in str(answer)
    assert answer["errors"]
