"""The ladder's rungs do what they are counted for, and the layers between them are the whole.

Without callgrind; `python -m tests.benchmarks.layers` counts.
"""

from __future__ import annotations

import asyncio
import math
from typing import TYPE_CHECKING, Any, cast

import msgspec
import pytest

from tests.benchmarks.in_process import Loop, run
from tests.benchmarks.ladder import RUNGS, rungs
from tests.benchmarks.layers import LAYERED, LAYERS, WHOLE, Counted, show_layers
from tests.benchmarks.operation import OPERATIONS
from tests.benchmarks.upstream import Answers
from tests.benchmarks.world import World

if TYPE_CHECKING:
    from tests.benchmarks.operation import Operation

# What asks nobody.
ALONE = {"nothing", "shown", "preparing", "encoding", "server"}
BODIES = ("encoding", "engine", "recorded", "server", "gateway", "floor")
ENTITIES = {"typename": 0, "one_job": 1, "few_20": 1, "nested": 5, "fifty_jobs": 3}


class Climbed:
    """What each rung gave, and how many upstream calls it made."""

    def __init__(self, operation: Operation) -> None:
        self.gave: dict[str, Any] = {}
        self.calls: dict[str, int] = {}
        run(Answers(World.make()), self._climb(operation))

    async def _climb(self, operation: Operation) -> None:
        loop = cast("Loop", asyncio.get_running_loop())
        async with rungs(loop, operation) as ladder:
            for name, rung in ladder.items():
                before = loop.answers.calls
                self.gave[name] = await rung()
                self.calls[name] = loop.answers.calls - before


@pytest.mark.parametrize("name", LAYERED)
def test_each_rung_gives_what_the_whole_gateway_does_by_as_many_calls(name: str) -> None:
    operation = OPERATIONS[name]

    climbed = Climbed(operation)

    answer = climbed.gave["gateway"]
    assert [climbed.gave[rung] for rung in BODIES] == [answer] * len(BODIES)
    data = msgspec.json.decode(answer)["data"]
    assert climbed.gave["plan"] == climbed.gave["shown"] == data
    assert len(climbed.gave["client"]) == len(climbed.gave["wire"]) == ENTITIES[name]
    assert climbed.calls == {
        rung: 0 if rung in ALONE else operation.calls for rung in climbed.calls
    }
    assert climbed.calls.keys() == set(RUNGS)


def test_the_layers_come_to_the_whole() -> None:
    # Powers of two: no sum is another one.
    costs = {"few_20": {rung: 2.0**place for place, rung in enumerate(RUNGS)}}
    counted = Counted(costs, costs, costs, 10.0, 8.0)

    layers = sum(counted.of(layer, costs, "few_20") for layer in LAYERS)

    assert math.isclose(layers, counted.of(WHOLE, costs, "few_20"))
    assert all(layer.title in show_layers(counted) for layer in LAYERS)
