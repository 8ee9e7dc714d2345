"""README's GraphQL: each document is answered, in order, and as often as it is sent."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.harness.over import over

README = Path(__file__).parent.parent / "README.md"
DOCUMENTS = re.findall(r"```graphql\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)

pytestmark = pytest.mark.anyio


async def ask_in_turn(gateway):
    """Each document once, as the README has a reader do it; gives the answers' data."""
    told = []
    for document in DOCUMENTS:
        variables = {}
        if "$job" in document:
            [waiting] = told[-1]["project"]["jobs"]["nodes"]
            variables["job"] = waiting["id"]
        response = await gateway.execute(document, variables, role="developer")
        assert response.errors is None, response.errors
        told.append(response.data)
    return told


async def test_every_document_of_the_readme_is_answered_each_time(sandbox_server):
    async with over(sandbox_server) as gateway:
        times = [await ask_in_turn(gateway) for _ in range(5)]

    started = [told[-1]["jobPlay"] for told in times]
    assert len(DOCUMENTS) >= 5
    assert [each["userErrors"] for each in started] == [[]] * 5
    assert len({each["item"]["id"] for each in started}) == 5


async def test_one_that_was_started_is_refused_as_the_readme_says(sandbox_server):
    document = DOCUMENTS[-1]
    async with over(sandbox_server) as gateway:
        told = await ask_in_turn(gateway)
        again = {"job": told[-1]["jobPlay"]["item"]["id"]}
        if_waiting = await gateway.execute(document, again)
        any_way = await gateway.execute(document.replace("ifStatus: [MANUAL]", ""), again)

    codes = [
        [error["code"] for error in answer.data["jobPlay"]["userErrors"]]
        for answer in (if_waiting, any_way)
    ]
    assert codes == [["STATUS_CHANGED"], ["NOT_ALLOWED_IN_STATUS"]]
