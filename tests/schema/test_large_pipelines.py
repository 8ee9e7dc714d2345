"""A pipeline of 10,000 builds: what is told of it, by how many calls, in how much memory."""

import tracemalloc

import pytest

from gateway.testing.server import serve
from tests.harness.over import over_driven
from tests.schema.conftest import Gate

SMALL, LARGE = 1, 2
BUILDS = {SMALL: 600, LARGE: 10_000}
SUMMARY = """query($id: ID!) { pipeline(by: {path: {project: "lab/app", pipeline: $id}}) {
  summary { total partial computeTime byStatus { status count } longest { name } } } }"""
# What the answers of six calls leave to chance.
TOLERANCE = 1.25


@pytest.fixture(scope="module")
def gate():
    pipelines = [
        {"id": number, "jobs": [{"name": f"job {place}", "log": None} for place in range(builds)]}
        for number, builds in BUILDS.items()
    ]
    world = {"projects": [{"id": 7, "path": "lab/app", "pipelines": pipelines}]}
    with serve(world=world) as server, over_driven(server) as over:
        yield Gate(over)


def peak_of(gate, pipeline):
    gate.ask(SUMMARY, id=pipeline)
    tracemalloc.start()
    try:
        gate.ask(SUMMARY, id=pipeline)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("pipeline", BUILDS)
def test_a_summary_reads_as_far_as_the_row_limit_and_says_that_it_is_partial(gate, pipeline):
    result = gate.ask(SUMMARY, id=pipeline)

    summary = result.data["pipeline"]["summary"]
    assert (summary["total"], summary["partial"]) == (500, True)
    assert summary["byStatus"] == [{"status": "SUCCESS", "count": 500}]
    assert len(result.calls) == 6


def test_a_summary_of_ten_thousand_builds_takes_no_more_memory_than_one_of_six_hundred(gate):
    small = peak_of(gate, SMALL)
    large = peak_of(gate, LARGE)

    assert large <= TOLERANCE * small, (small, large)
