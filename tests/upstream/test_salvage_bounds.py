"""What is long, or cannot be read as a whole, is read in steps, each of which holds the loop for a
moment only; and what holds too much is refused.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any

import httpx
import pytest

from gateway.app import Gateway
from gateway.errors import UpstreamInvalid
from gateway.settings import Settings
from gateway.transport.records import Records
from gateway.turns import Turns, finished
from gateway.upstream import salvage
from gateway.upstream.entities import Job
from gateway.upstream.reading import Reader
from gateway.upstream.salvage import is_salvaged
from gateway.upstream.taking_apart import AT_ONCE_BYTES, MAX_MARKS, MAX_ROWS, Unfit, rows_of
from gateway.upstream.wire import Answer
from tests.harness.app import listening, running_app
from tests.harness.stretches import shortest_stretch
from tests.upstream.conftest import RawServer, say

STRETCH_S = 0.05
SIZE_BYTES = 15_000_000
ROW = b'{"id":1,"name":"build","status":"failed",%b}'
FAULTY = ROW % (
    b'"stage":"test","ref":null,"user":{"name":"Ada"},"commit":{"id":"a","message":3},'
    b'"artifacts":[{"size":-1},{"file_type":"x"}],"tag_list":["a",null],"pipeline":{"id":0}'
)


def answer(body: bytes) -> Answer:
    return Answer(200, {"content-type": "application/json"}.get, body)


def filled(start: bytes, part: bytes, end: bytes, size_bytes: int = SIZE_BYTES) -> bytes:
    """So many bytes of JSON."""
    return start + part * (size_bytes // len(part)) + end


def test_what_cannot_be_read_is_said_once() -> None:
    body = b'{"id":1,"name":"build","status":"failed","user":{"name":"Ada"}}'

    job: Any = finished(Reader(Job).one_in_steps(answer(body), endpoint="GET /jobs/:id", project=1))

    assert job.faults["user"].message == "the upstream's answer cannot be read: user: id is missing"


def test_what_is_short_and_as_it_should_be_is_read_at_once() -> None:
    body = ROW % b'"ref":"main"'

    job = Reader(Job).one(answer(body))
    jobs = Reader(Job).many(answer(b"[%b]" % body), 1)

    assert isinstance(job, Job)
    assert jobs == [job]


@pytest.mark.parametrize("part", [b'"name":null', b'"stage":"%b"' % (b"a" * AT_ONCE_BYTES)])
def test_what_is_faulty_or_long_is_not_read_at_once(part: bytes) -> None:
    reader = Reader(Job)
    body = ROW % part

    assert reader.one(answer(body)) is None
    assert reader.many(answer(b"[%b]" % body), 1) is None


def test_a_list_of_countless_rows_is_refused_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    reads: list[int] = []
    read = salvage.Salvage.read

    def counted(*given: Any) -> Any:
        reads.append(1)
        return read(*given)

    monkeypatch.setattr(salvage.Salvage, "read", counted)
    body = b"[" + b",".join([b'{"id":1}'] * (MAX_ROWS + 1)) + b"]"

    with pytest.raises(UpstreamInvalid, match="holds too much"):
        finished(Reader(Job).many_in_steps(answer(body), endpoint="GET /jobs", project=1))

    assert not reads


def test_an_object_of_countless_marks_is_refused_whole() -> None:
    body = b'{"id":null,"x":[' + b"0," * MAX_MARKS + b"0]}"

    with pytest.raises(UpstreamInvalid):
        finished(Reader(Job).one_in_steps(answer(body), endpoint="GET /job", project=1))


def test_a_full_page_of_faulty_rows_keeps_each_of_them() -> None:
    body = b"[" + b",".join(b'{"id":%d,"ref":null}' % (n + 1) for n in range(100)) + b"]"

    rows = finished(Reader(Job).many_in_steps(answer(body), endpoint="GET /jobs", project=1))

    assert [row.id for row in rows if isinstance(row, Job)] == list(range(1, 101))


def test_a_page_that_is_dear_to_decode_is_read_row_by_row_and_whole() -> None:
    row = ROW % filled(b'"tag_list":[', b'"a",', b'"a"]', 8_000)
    body = b"[" + b",".join([row] * 60) + b"]"

    rows = finished(Reader(Job).many_in_steps(answer(body), endpoint="GET /jobs", project=1))

    assert [len(row.tag_list or ()) for row in rows if type(row) is Job] == [2_001] * 60


def test_a_text_that_is_dear_to_decode_costs_its_own_place_only() -> None:
    body = ROW % filled(b'"ref":"main","stage":"', b'\\"', b'"', 8_000_000)

    job = finished(Reader(Job).one_in_steps(answer(body), endpoint="GET /job", project=1))

    assert (job.ref, job.stage) == ("main", None)
    assert is_salvaged(job)


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        (b"[]", []),
        (b' [ 1 , "a,]\\"" ,[2,{}], {"k":[3]} ] ', [b"1", b'"a,]\\""', b"[2,{}]", b'{"k":[3]}']),
        (b"[1,]", [b"1", b""]),
        (b'["\\\\",2]', [b'"\\\\"', b"2"]),
        (b'["' + b"a" * 50_000 + b'\\"",2]', [b'"' + b"a" * 50_000 + b'\\""', b"2"]),
        (b'["' + b"\\n" * 5_000 + b'",2]', [b'"' + b"\\n" * 5_000 + b'"', b"2"]),
    ],
)
def test_a_list_is_taken_apart_at_its_own_commas(text: bytes, rows: list[bytes]) -> None:
    assert finished(rows_of(text)) == rows


@pytest.mark.parametrize(
    "text", [b"", b"{}", b"[1", b"[1]]", b"[[1]", b'["a]', b'["a\\"]', b'["a\\', b"[1][2]"]
)
def test_what_is_no_list_is_not_taken_apart(text: bytes) -> None:
    with pytest.raises(Unfit):
        finished(rows_of(text))


ANSWERS = {
    "a full page of faulty rows": b"[" + b",".join([FAULTY] * 100) + b"]",
    "as many faulty rows as are read": b"[" + b",".join([FAULTY] * MAX_ROWS) + b"]",
    "countless faulty files": b"[%b]"
    % b",".join([ROW % filled(b'"artifacts":[', b'{"size":1},', b"{}]", 2_700)] * 100),
    "escapes": filled(b'[{"id":null,"x":"', b'\\"', b'"}]'),
    "escapes of a text that is read": filled(b'[{"id":1,"name":"a","status":"', b"\\u00e9", b'"}]'),
    "a long text": filled(b'[{"id":1,"name":"a","status":"', b"a", b'"}]'),
    "nested lists": b'[{"id":1,"x":' + b"[" * 90_000 + b"]" * 90_000 + b"}]",
    "nested objects": b'[{"id":1,"user":' + b'{"user":' * 40_000 + b"1" + b"}" * 40_000 + b"}]",
    "open brackets": b"[" * SIZE_BYTES,
    "numbers that nobody reads": filled(b'[{"id":1,"x":[', b"0,", b"0]}]"),
    "tags": filled(b'[{"id":1,"name":"a","status":"b","tag_list":[', b'"a",', b'"a"]}]'),
    "rows": filled(b"[", b'{"id":1,"name":"a","status":"b"},', b"1]"),
    "rows that end nowhere": filled(b"[", b'{"id":1,"name":"a","status":"b"},', b""),
}


@pytest.mark.anyio
@pytest.mark.timed
@pytest.mark.parametrize("body", ANSWERS.values(), ids=ANSWERS)
async def test_no_answer_holds_the_loop(body: bytes) -> None:
    async def read() -> None:
        with suppress(UpstreamInvalid):
            await Turns().run(Reader(Job).many_in_steps(answer(body), endpoint="GET", project=1))

    stretch, _ = await shortest_stretch(read, limit_s=STRETCH_S)

    assert stretch < STRETCH_S


@pytest.mark.anyio
@pytest.mark.timed
async def test_many_operations_that_are_given_faulty_pages_do_not_hold_the_loop_together() -> None:
    query = '{ project(id: "1") { jobs(first: 100) { nodes { name ref stage tag } } } }'
    async with RawServer().running() as server:
        server.answer = say(ANSWERS["a full page of faulty rows"])
        async with running_app(upstream_url=server.origin) as api:
            stretch, given = await shortest_stretch(
                lambda: asyncio.gather(*[api(query) for _ in range(10)]), limit_s=STRETCH_S
            )

    assert len(given[0]["data"]["project"]["jobs"]["nodes"]) == 100
    assert stretch < STRETCH_S


@pytest.mark.anyio
@pytest.mark.timed
async def test_many_answers_that_come_at_once_do_not_hold_the_loop_together() -> None:
    aliases = " ".join(
        f'a{n}: project(id: "{n + 1}") {{ jobs(first: 100) {{ nodes {{ name stage }} }} }}'
        for n in range(30)
    )
    page = ANSWERS["a full page of faulty rows"]
    async with RawServer().running() as server:
        server.answer = say(page)
        async with running_app(upstream_url=server.origin, kept_reads=False) as api:
            stretch, given = await shortest_stretch(
                lambda: asyncio.gather(*[api(f"{{ {aliases} }}") for _ in range(2)]),
                limit_s=STRETCH_S,
            )

    assert len(given[0]["data"]) == 30
    assert stretch < STRETCH_S


@pytest.mark.anyio
@pytest.mark.parametrize(
    "page",
    [
        ANSWERS["a full page of faulty rows"],
        b"[%b]" % b",".join([ROW % filled(b'"stage":"', b"a", b'"', 2_000)] * 100),
    ],
    ids=["faulty", "long"],
)
async def test_what_was_kept_is_read_in_turns_as_well(page: bytes) -> None:
    """The server begins an operation without a task, and what is kept is there at once."""
    headers = {"private-token": "glpat-one"}
    answers = []
    async with RawServer().running() as server:
        server.answer = say(page)
        gateway = Gateway(Settings(upstream_url=server.origin), Records(lambda _: None))
        async with (
            gateway.running(),
            listening(gateway) as address,
            httpx.AsyncClient(headers=headers) as caller,
        ):
            # Documents that are new get a task; and what one decodes the other does not know.
            for fields in ("name tag", "name stage", "name tag", "name stage"):
                query = f'{{ project(id: "1") {{ jobs(first: 100) {{ nodes {{ {fields} }} }} }} }}'
                answer = await caller.post(address, json={"query": query})
                answers.append(answer.json()["data"]["project"]["jobs"])

    assert len(server.heads) == 1
    assert [len(jobs["nodes"]) for jobs in answers if jobs] == [100] * 4
