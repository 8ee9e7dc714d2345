"""What the cyclic collector does while documents come and go, in a process set up for it."""

from __future__ import annotations

import subprocess
import sys

import pytest

pytestmark = pytest.mark.timed

# Documents at the limits, twice as many as are kept.
FLOOD = """
import gc
from gateway.execution.documents import Documents
from gateway.execution.executor import PlannedExecutor
from gateway.execution.limits import Limits
from gateway.execution.schema import make_schema
from gateway.memory import settle_in

documents = Documents(make_schema(PlannedExecutor), Limits())
settle_in()
collected = []
gc.callbacks.append(lambda phase, info: phase == "stop" and collected.append(info["generation"]))
job = 'job(by: {path: {project: "1", job: "2"}})'
fields = " ".join(f"a{number}: name" for number in range(1_900))
for number in range(16):
    operation = documents.get(f"query N{number} {{ {job} {{ {fields} }} }}").operation(None)
    operation.plan(operation.constants)
print(len(documents), *collected)
"""


def test_a_flood_of_the_largest_documents_makes_young_passes_only_and_few() -> None:
    ended = subprocess.run(
        [sys.executable, "-c", FLOOD], capture_output=True, text=True, check=True
    )

    kept, *collected = map(int, ended.stdout.split())
    assert kept == 8
    assert set(collected) == {0}
    assert len(collected) <= 5
