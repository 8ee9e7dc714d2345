"""Metrics of several workers: any of them tells what all have counted, those that ended too."""

import fcntl
import os
from pathlib import Path

import pytest

from gateway.parts import measuring_of
from gateway.settings import Settings, SettingsError
from gateway.telemetry.catalogue import OPERATIONS, POLLERS
from gateway.telemetry.workers import WorkerCells, read_workers
from tests.harness.command import ask, get, running
from tests.telemetry.conftest import numbers_in

QUERY = "{ __typename }"
KEY = (OPERATIONS.name, ("a", "query", "ok"))


def test_two_workers_agree_with_the_tally_of_a_counted_workload(sandbox_server, tmp_path):
    options = ("serve", "--port", "0", "--metrics", "--upstream-url", sandbox_server.url)
    token = sandbox_server.tokens["developer"]

    def operations(url):
        numbers = numbers_in(get(f"{url}/metrics").text)
        return {key[1]: number for key, number in numbers.items() if key[0] == OPERATIONS.name}

    def workers(url):
        return numbers_in(get(f"{url}/metrics").text)["gateway_workers",]

    shared = {"PROMETHEUS_MULTIPROC_DIR": str(tmp_path)}
    with running(*options, **shared) as first, running(*options, **shared) as second:
        one, other = (place.said("GraphQL").removesuffix("/graphql") for place in (first, second))
        for number in range(13):
            ask(f"{(one, other)[number % 3 == 0]}/graphql", QUERY, token)
        told_by_each = operations(one), operations(other)
        workers_before = workers(one)
        second.process.kill()
        second.process.wait()
        told_after, workers_after = operations(one), workers(one)
        again = operations(one)

    [told] = told_by_each[0].values()
    assert told == 13
    assert told_by_each[0] == told_by_each[1] == told_after == again
    assert (workers_before, workers_after) == (2, 1)


def test_what_a_worker_that_ended_has_counted_stays_and_its_gauges_go(tmp_path):
    ended, runs = WorkerCells(tmp_path), WorkerCells(tmp_path)
    for cells, number in ((ended, 5), (runs, 3)):
        cells.values[cells.slot(OPERATIONS, "a", "query", "ok")] += number
        cells.values[cells.slot(POLLERS, "log")] = number
    ended.close()

    first, processes = read_workers(tmp_path)
    again, _ = read_workers(tmp_path)

    assert first == again == {KEY: (8.0,), (POLLERS.name, ("log",)): (3.0,)}
    assert processes == [os.getpid()]
    assert len(list(tmp_path.glob("*-*.cells"))) == 1
    runs.close()


def test_a_file_grows_while_others_read_it(tmp_path):
    cells = WorkerCells(tmp_path)
    for number in range(3_000):
        at = cells.slot(OPERATIONS, f"a name that is long enough {number}", "query", "ok")
        cells.values[at] += 1

    told, _ = read_workers(tmp_path)

    assert sum(number for (number,) in told.values()) == 3_000
    cells.close()


def test_a_folder_that_is_not_there_is_a_mistake(tmp_path, monkeypatch):
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path / "nowhere"))

    with pytest.raises(SettingsError, match="is no folder"):
        measuring_of(Settings(metrics=True))


def test_a_worker_is_not_taken_for_ended_while_it_begins(tmp_path, monkeypatch):
    seen = []
    lock = fcntl.flock

    def looked_at_before(file, how):
        seen.extend(tmp_path.glob("*-*.cells"))
        lock(file, how)

    with monkeypatch.context() as patched:
        patched.setattr(fcntl, "flock", looked_at_before)
        cells = WorkerCells(tmp_path)
    read_workers(tmp_path)
    cells.values[cells.slot(OPERATIONS, *KEY[1])] += 1

    assert seen == []
    assert read_workers(tmp_path)[0] == {KEY: (1.0,)}
    cells.close()


def test_who_is_killed_while_it_adds_up_makes_nothing_count_twice(tmp_path, monkeypatch):
    ended = WorkerCells(tmp_path)
    ended.values[ended.slot(OPERATIONS, *KEY[1])] += 5
    ended.close()

    with monkeypatch.context() as patched:
        patched.setattr(Path, "unlink", _killed)
        with pytest.raises(KeyboardInterrupt):
            read_workers(tmp_path)
    told = [read_workers(tmp_path)[0] for _ in range(2)]

    assert told == [{KEY: (5.0,)}] * 2
    assert list(tmp_path.glob("*-*.cells")) == []


def _killed(*_, **__):
    raise KeyboardInterrupt
