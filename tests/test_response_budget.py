"""One anonymous request cannot make the gateway build more than a response may hold, nor hold the
loop: aliases over one log or one long text, and rows times fields.
"""

import json
import tracemalloc

import pytest
from graphql import get_introspection_query

from gateway.execution.schema import make_schema
from tests.harness.app import running_app
from tests.harness.stretches import shortest_stretch
from tests.upstream.conftest import RawServer, an_answer, say

pytestmark = [pytest.mark.anyio, pytest.mark.timed]

LOG = b"\x1b[0;33ma line of a log, as they are\x1b[0m\n" * 25_000
JOB = 'job(by: {path: {project: "1", job: "2"}})'
JOBS = 'project(id: "1") { jobs(first: 100)'
STRETCH_S = 0.05
LARGE_STRETCH_S = 0.15
TEXT = "fragment T on LogChunk { text }"


def job(number, message="short"):
    commit = {"id": "a" * 40, "short_id": "a" * 8, "title": "t", "message": message}
    pipeline = {"id": 3, "project_id": 1, "ref": "main", "sha": "a" * 40, "status": "success"}
    shown = {"id": number, "name": "job", "status": "success", "stage": "test", "ref": "main"}
    return shown | {"commit": commit, "pipeline": pipeline, "tag": False, "allow_failure": False}


def answering(rows, log=LOG):
    """Jobs at every path but that of a log."""

    async def answer(writer):
        is_log = "/trace " in server_heads[-1]
        body = log if is_log else an_answer(rows).body
        await say(body)(writer)

    server_heads = []
    return answer, server_heads


@pytest.fixture
async def over():
    async with RawServer().running() as server:

        def over(rows, **settings):
            server.answer, heads = answering(rows)
            server.heads = heads
            return running_app(upstream_url=server.origin, **settings)

        yield over


@pytest.mark.parametrize("form", ["PLAIN", "ANSI", "RAW"])
async def test_many_aliases_of_one_piece_of_a_log_are_made_once(over, form):
    aliases = " ".join(
        f"a{n}: tail(lines: {10_000 - n}, maxBytes: 10000, format: {form}) {{ ...T }}"
        for n in range(320)
    )
    query = f"{{ {JOB} {{ log {{ {aliases} }} }} }} {TEXT}"
    async with over(job(2)) as api:
        await api(query)
        stretch, answer = await shortest_stretch(lambda: api(query), limit_s=STRETCH_S)

    texts = {tail["text"] for tail in answer["data"]["job"]["log"].values()}
    assert "errors" not in answer
    assert len(texts) == 1
    assert stretch < STRETCH_S


async def test_a_log_under_more_aliases_than_fit_is_refused_before_it_is_built(over):
    aliases = " ".join(
        f"a{n}: tail(lines: 10000, maxBytes: 1048576) {{ ...T }}" for n in range(380)
    )
    async with over(job(2), max_response_bytes=5_000_000) as api:
        tracemalloc.start()
        answer = await api(f"{{ {JOB} {{ log {{ {aliases} }} }} }} {TEXT}")
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()

    [error] = answer["errors"]
    assert error["extensions"]["code"] == "RESPONSE_TOO_LARGE"
    assert error["message"] == (
        "the response would have more than 5000000 bytes (GATEWAY_MAX_RESPONSE_BYTES); most of them"
        " at job.log: select less there, or in several operations"
    )
    assert answer["data"] is None
    assert peak < 25_000_000


async def test_different_pieces_of_a_log_that_are_too_much_are_refused(over):
    aliases = " ".join(
        f"a{n}: slice(fromByte: {n}, maxBytes: 900000) {{ ...T }}" for n in range(99)
    )
    async with over(job(2), max_response_bytes=5_000_000) as api:
        answer = await api(f"{{ {JOB} {{ log {{ {aliases} }} }} }} {TEXT}")

    [error] = answer["errors"]
    assert error["extensions"]["code"] == "RESPONSE_TOO_LARGE"
    assert "(GATEWAY_MAX_RESPONSE_BYTES) with the logs of job.log.a" in error["message"]
    assert answer["data"] is None


async def test_a_long_message_under_many_aliases_is_refused_before_it_is_built(over):
    aliases = " ".join(f"a{n}: message" for n in range(1_900))
    rows = [job(200 - n, "m" * 20_000) for n in range(100)]
    query = (
        f'{{ project(id: "1") {{ jobs(first: 100) {{ nodes {{ commit {{ {aliases} }} }} }} }} }}'
    )
    async with over(rows, max_response_bytes=10_000_000) as api:
        await api("{ __typename }")
        tracemalloc.start()
        answer = await api(query)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()

    [error] = answer["errors"]
    assert error["extensions"]["code"] == "RESPONSE_TOO_LARGE"
    assert "most of them at project.jobs.nodes.commit:" in error["message"]
    assert peak < 80_000_000


async def test_a_large_response_that_fits_is_whole(over):
    aliases = " ".join(f"a{n}: message" for n in range(40))
    rows = [job(200 - n, "m" * 2_000) for n in range(100)]
    query = (
        f'{{ project(id: "1") {{ jobs(first: 100) {{ nodes {{ commit {{ {aliases} }} }} }} }} }}'
    )
    async with over(rows) as api:
        await api(query)
        stretch, answer = await shortest_stretch(lambda: api(query), limit_s=LARGE_STRETCH_S)

    nodes = answer["data"]["project"]["jobs"]["nodes"]
    assert [set(node["commit"].values()) for node in nodes] == [{"m" * 2_000}] * 100
    assert list(nodes[0]["commit"]) == [f"a{n}" for n in range(40)]
    assert stretch < LARGE_STRETCH_S


async def test_more_fields_than_allowed_are_refused_before_any_call(over):
    names = " ".join(f"a{n}: name" for n in range(60))
    query = f'{{ project(id: "1") {{ jobs(first: 100) {{ nodes {{ {names} }} }} }} }}'
    async with over([job(1)], max_response_nodes=5_000) as api:
        answer = await api(query)

    [error] = answer["errors"]
    assert error["extensions"]["code"] == "RESPONSE_TOO_LARGE"
    assert error["message"] == (
        "the response may have 6102 fields, rows counted; 5000 are allowed"
        " (GATEWAY_MAX_RESPONSE_NODES); most of them at project.jobs.nodes: ask for fewer rows or"
        " fields there, or in several operations"
    )


INTROSPECTION = get_introspection_query(
    specified_by_url=True,
    directive_is_repeatable=True,
    schema_description=True,
    input_value_deprecation=True,
)


async def test_introspection_of_millions_of_fields_is_refused(over):
    names = " ".join(f"a{n}: name" for n in range(1_900))
    query = f"{{ __schema {{ types {{ fields {{ type {{ fields {{ {names} }} }} }} }} }} }}"
    async with over([]) as api:
        answer = await api(query)

    [error] = answer["errors"]
    assert "more than 50000 fields" in error["message"]


@pytest.mark.parametrize(
    "query",
    [
        INTROSPECTION,
        (
            "query($d: Boolean = true) { __schema { types { n: name @skip(if: $d) __typename kind"
            ' fields(includeDeprecated: $d) { name ...F } } } it: __type(name: "Job") { name }'
            ' no: __type(name: "Nothing") { name } } fragment F on __Field { args { name } }'
        ),
    ],
)
async def test_introspection_in_turns_answers_as_the_reference_does(over, query):
    async with over([]) as api:
        answer = await api(query)

    expected = make_schema().execute_sync(query)
    assert expected.errors is None
    assert json.dumps(answer["data"]) == json.dumps(expected.data)


async def test_introspection_ends_at_its_deadline(over):
    async with over([], request_timeout_s=0.001) as api:
        answer = await api(INTROSPECTION)

    [error] = answer["errors"]
    assert error["extensions"]["code"] == "DEADLINE_EXCEEDED"


async def test_the_standard_introspection_holds_no_loop(over):
    async with over([]) as api:
        await api(INTROSPECTION)
        stretch, answer = await shortest_stretch(lambda: api(INTROSPECTION), limit_s=STRETCH_S)

    assert len(answer["data"]["__schema"]["types"]) > 50
    assert stretch < STRETCH_S


async def test_the_standard_introspection_fits_as_often_as_a_document_has_room_for_it(over):
    selected = INTROSPECTION[INTROSPECTION.index("{") : INTROSPECTION.index("fragment FullType")]
    schema = selected[selected.index("__schema") : selected.rindex("}")]
    times = " ".join(f"a{n}: {schema}" for n in range(4))
    query = f"{{ {times} }} {INTROSPECTION[INTROSPECTION.index('fragment FullType') :]}"
    async with over([]) as api:
        answer = await api(query)

    assert "errors" not in answer
    assert len({repr(schema) for schema in answer["data"].values()}) == 1
