"""The public audits of GraphQL over HTTP: npm `graphql-http`, `serverAudits`, all of them."""

import asyncio
import json
from pathlib import Path

import pytest

from tests.harness.app import listening

pytestmark = [pytest.mark.anyio, pytest.mark.node]

AUDITS_OF_1_23 = 61


@pytest.fixture(scope="module")
def audits(node_project) -> list[str]:
    """The command that runs them, but for the address."""
    folder = node_project(Path(__file__).parent / "audits")
    return ["node", str(folder / "audits.mjs")]


async def test_all_audits_pass(audits, caller):
    async with listening(caller.app) as address:
        running = await asyncio.create_subprocess_exec(
            *audits, address, stdout=asyncio.subprocess.PIPE
        )
        printed, _ = await asyncio.wait_for(running.communicate(), 60)

    results = json.loads(printed)
    failed = [
        f"{one['id']} {one['name']}: {one['reason']}" for one in results if one["status"] != "ok"
    ]
    assert failed == []
    assert len(results) == AUDITS_OF_1_23
    assert running.returncode == 0
