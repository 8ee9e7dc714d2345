"""What cannot be read is taken apart as far as a page goes: more of it would block the loop."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.errors import UpstreamInvalid
from gateway.upstream import salvage
from gateway.upstream.entities import Job
from gateway.upstream.reading import Reader
from gateway.upstream.salvage import MAX_ROWS, MAX_TOKENS
from gateway.upstream.wire import Answer


def answer(body: bytes) -> Answer:
    return Answer(200, {"content-type": "application/json"}.get, body)


def test_what_cannot_be_read_is_said_once() -> None:
    body = b'{"id":1,"name":"build","status":"failed","user":{"name":"Ada"}}'

    job: Any = Reader(Job).one(answer(body), endpoint="GET /jobs/:id", project=1)

    assert job.faults["user"].message == "the upstream's answer cannot be read: user: id is missing"


def test_a_list_of_countless_rows_is_refused_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    reads: list[int] = []
    read = salvage.Salvage.read

    def counted(*given: Any) -> Any:
        reads.append(1)
        return read(*given)

    monkeypatch.setattr(salvage.Salvage, "read", counted)
    body = b"[" + b",".join([b'{"id":1}'] * (MAX_ROWS + 1)) + b"]"

    with pytest.raises(UpstreamInvalid, match="too long to be taken apart"):
        Reader(Job).many(answer(body), endpoint="GET /jobs", project=1)

    assert not reads


def test_an_object_of_countless_marks_is_refused_whole() -> None:
    body = b'{"id":null,"x":[' + b"0," * MAX_TOKENS + b"0]}"

    with pytest.raises(UpstreamInvalid):
        Reader(Job).one(answer(body), endpoint="GET /job", project=1)


def test_a_full_page_of_faulty_rows_keeps_each_of_them() -> None:
    body = b"[" + b",".join(b'{"id":%d,"ref":null}' % (n + 1) for n in range(100)) + b"]"

    rows = Reader(Job).many(answer(body), endpoint="GET /jobs", project=1)

    assert [row.id for row in rows if isinstance(row, Job)] == list(range(1, 101))
