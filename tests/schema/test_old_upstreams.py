"""Filters of a project's pipelines over upstreams that pass over them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gateway.sandbox import PROFILES
from gateway.testing.server import serve
from tests.harness.over import over_driven
from tests.schema.conftest import Gate

WORLD = {"projects": [{"id": 7, "path": "lab/app", "visibility": "public"}]}
PAGE = """query($after: String, $first: Int, $name: String, $since: DateTime, $until: DateTime,
    $by: PipelineOrder! = ID, $order: SortOrder! = DESC) {
  project(id: 7) { pipelines(first: $first, after: $after, name: $name, createdAfter: $since,
      createdBefore: $until, orderBy: $by, order: $order) {
    scanned nodes { databaseId } pageInfo { hasNextPage endCursor } } } }"""
FIRST_HOUR = "2026-11-01T01:00:00Z"
NIGHTLY = range(3, 240, 40)


def upstream(profile):
    """A gateway over a project of 240 pipelines, six of them nightly, half of them an hour late."""
    with serve(world=WORLD, profile=profile) as server, over_driven(server) as over:
        sandbox = server.sandbox
        pipelines = []
        for number in range(240):
            if number == 120:
                sandbox.advance(7200)
            name = "nightly" if number in NIGHTLY else f"push {number}"
            pipelines.append(sandbox.create_pipeline(7, name=name))
        yield Gate(over), pipelines


@pytest.fixture(scope="module", params=PROFILES)
def version(request):
    for gate, pipelines in upstream(request.param):
        yield gate, pipelines, request.param


def walk(gate, **variables):
    found, after, scanned = [], None, 0
    while True:
        result = gate.ask(PAGE, after=after, **variables)
        assert result.errors == {}
        page = result.data["project"]["pipelines"]
        found += [node["databaseId"] for node in page["nodes"]]
        scanned += page["scanned"]
        if not page["pageInfo"]["hasNextPage"]:
            return found, scanned
        after = page["pageInfo"]["endCursor"]


@pytest.mark.parametrize("first", [2, 20])
@pytest.mark.parametrize(("by", "order"), [("ID", "DESC"), ("ID", "ASC"), ("UPDATED_AT", "DESC")])
def test_a_name_finds_the_same_whether_the_upstream_heeds_it_or_not(version, first, by, order):
    gate, pipelines, profile = version

    found, scanned = walk(gate, first=first, name="nightly", by=by, order=order)

    nightly = {pipelines[number] for number in NIGHTLY}
    assert len(found) == len(set(found))
    assert set(found) == nightly
    if by == "ID":
        assert found == sorted(found, reverse=order == "DESC")
    assert (scanned >= 240) == (profile == "16")


@pytest.mark.parametrize(("since", "until"), [(FIRST_HOUR, None), (None, FIRST_HOUR)])
def test_so_does_a_time_of_creation(version, since, until):
    gate, pipelines, _ = version

    found, _ = walk(gate, first=100, since=since, until=until)

    assert found == (pipelines[120:] if since else pipelines[:120])[::-1]


def test_a_list_from_the_newest_on_is_read_no_further_than_a_time_of_creation_reaches(version):
    gate, *_ = version

    _, scanned = walk(gate, first=100, since=FIRST_HOUR)

    assert 120 <= scanned <= 200


def test_the_further_calls_are_counted_as_retried_and_an_upstream_that_heeds_it_needs_none(version):
    gate, _, profile = version

    result = gate.ask(PAGE, first=6, name="nightly")

    assert result.estimated == 1
    assert len(result.calls) == (4 if profile == "16" else 1)


def test_in_an_order_without_a_way_through_the_list_the_error_says_what_to_do(version):
    gate, _, profile = version

    result = gate.ask(PAGE, first=6, name="nightly", by="REF")

    if profile == "16":
        assert result.codes == {"project.pipelines": "BAD_USER_INPUT"}
        assert "passes over a filter" in result.errors["project.pipelines"]["message"]
    else:
        assert result.errors == {}


def test_where_rows_tell_no_names_the_error_says_so():
    for gate, _ in upstream(replace(PROFILES["16"], pipeline_names=False)):
        result = gate.ask(PAGE, first=6, name="nightly")

        assert result.codes == {"project.pipelines": "BAD_USER_INPUT"}
        assert "leave name out" in result.errors["project.pipelines"]["message"]
