"""Long lists of what cannot be read give the same in turns as at once, and hold nobody up."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from gateway.execution import long_lists
from gateway.turns import Turns
from tests.execution.comparison import Comparison
from tests.execution.corpus import CASES, Case
from tests.harness.app import running_app
from tests.harness.stretches import shortest_stretch
from tests.upstream.conftest import RawServer, say

if TYPE_CHECKING:
    from tests.execution.settling import SettlingLoop

STRETCH_S = 0.012
# A page of jobs none of which has what all upstreams send.
PAGE = b"[" + b",".join(b'{"id":%d,"name":"a","status":"b"}' % n for n in range(1, 101)) + b"]"
NODES = "nodes { name ref stage tag }"
FIELDS = "ref stage tag createdAt webUrl user { name } " + " ".join(
    f"a{number}: ref" for number in range(8)
)


@pytest.fixture
def in_turns(loop: SettlingLoop, monkeypatch: pytest.MonkeyPatch) -> Comparison:
    monkeypatch.setattr(long_lists, "LONG_LIST", 1)
    return Comparison(loop, turns=Turns())


@pytest.mark.parametrize("case", [pytest.param(case, id=case.name) for case in CASES])
def test_lists_in_turns_follow_each_rule(in_turns: Comparison, case: Case) -> None:
    answers = [in_turns.check(case.document, variables, case.world) for variables in case.variables]

    case.check(answers[-1])


async def answered(query: str, page: bytes = PAGE) -> Any:
    async with RawServer().running() as server:
        server.answer = say(page)
        async with running_app(upstream_url=server.origin) as api:
            await api(query)
            # Pages that can be decoded are kept now, so they come in the order of the operation.
            return await api(query)


@pytest.mark.anyio
@pytest.mark.parametrize(
    "query",
    [
        f'{{ project(id: "1") {{ jobs(first: 100) {{ {NODES} }} }} }}',
        f'{{ project(id: "1") {{ jobs(first: 100) {{ {NODES} edges {{ node {{ ref }} }} }} }} }}',
        (
            f'{{ a: project(id: "1") {{ jobs(first: 100) {{ {NODES} }} }}'
            f' b: project(id: "2") {{ jobs(first: 100) {{ {NODES} }} }}'
            f' c: job(by: {{path: {{project: "3", job: "4"}}}}) {{ ref }} }}'
        ),
        f'{{ project(id: "1") {{ jobs(first: 100) {{ {NODES[:-1]} log {{ lineCount }} }} }} }} }}',
    ],
    ids=["one", "two in one", "several and what comes between", "of what may wait"],
)
async def test_errors_come_in_the_order_they_come_in_at_once(
    query: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Several pages with a row that cannot be read would come in any order.
    row = b"" if "b: " in query else b',{"id":0,"name":7}'
    page = PAGE[:-1] + row + b"]"

    in_turns = await answered(query, page)
    monkeypatch.setattr(long_lists, "LONG_LIST", 10_000)
    at_once = await answered(query, page)

    assert len(at_once["errors"]) >= 100
    assert in_turns == at_once


@pytest.mark.anyio
@pytest.mark.timed
async def test_a_page_of_errors_does_not_hold_the_loop() -> None:
    query = f'{{ project(id: "1") {{ jobs(first: 50) {{ nodes {{ {FIELDS} }} }} }} }}'
    async with RawServer().running() as server:
        server.answer = say(PAGE)
        async with running_app(upstream_url=server.origin) as api:
            stretch, given = await shortest_stretch(lambda: api(query), limit_s=STRETCH_S)

    assert len(given["errors"]) > 500
    assert stretch < STRETCH_S
