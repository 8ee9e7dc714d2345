"""`/metrics`: what is counted, that it agrees with what happened, and how it is told."""

import asyncio
import os
import sys
import time

import pytest
from prometheus_client.openmetrics.parser import (
    text_string_to_metric_families as openmetrics_families,
)
from prometheus_client.parser import text_string_to_metric_families

from gateway.hooks import Hook, OperationEvent, document_hash
from gateway.parts import exporting_of, measuring_of
from gateway.sandbox import Fault
from gateway.settings import Settings, SettingsError
from gateway.telemetry.catalogue import METRICS, OPERATIONS
from gateway.telemetry.cells import Cells, merged, parse
from gateway.telemetry.exposition import rendered
from gateway.telemetry.metrics import MAX_HASHED, Metrics

pytestmark = pytest.mark.anyio

JOBS = 'query Jobs { project(id: "1") { jobs(first: 3) { nodes { name } } } }'
JOB = 'query Job($id: ID!) { job(by: {path: {project: "1", job: $id}}) { name } }'
NESTED = '{ project(id: "1") { jobs(first: 5) { nodes { pipeline { duration } } } } }'
RETRY = 'mutation { jobRetry(input: {job: {path: {project: "1", job: "%d"}}}) { __typename } }'


class Tally(Hook):
    """Counts by itself, from the same events."""

    def __init__(self):
        self.ended = []
        self.calls = []

    def operation_ended(self, operation):
        self.ended.append(operation)

    def call_ended(self, call):
        self.calls.append(call)


async def test_operations_that_were_joined_to_equal_ones_are_counted(seeing):
    tally = Tally()

    async with seeing(tally, metrics=True) as gateway:
        await asyncio.gather(*(gateway.post(JOBS) for _ in range(20)))
        numbers = await gateway.metrics()

    joined = sum(one.is_joined for one in tally.ended)
    assert numbers[("gateway_operations_joined_total",)] == joined > 0


async def test_they_agree_with_the_tally_of_a_counted_workload(seeing, sandbox_server):
    sandbox = sandbox_server.sandbox
    failed = sandbox.create_job(1, 6, status="failed")
    tally = Tally()

    async with seeing(tally, metrics=True) as gateway:
        before = len(sandbox.received)
        await asyncio.gather(*(gateway.post(JOBS) for _ in range(20)))
        for number in range(7):
            await gateway.post(JOB, id=str(1 + number % 3))
        await gateway.post(JOB, id="999999999")
        await gateway.post(NESTED)
        await gateway.post(RETRY % failed)
        for _ in range(4):
            await gateway.post("{ nope }")
        sandbox.faults.append(Fault(kind="status", route="project_jobs", times=1))
        await gateway.post(JOBS, {"cache-control": "no-cache"})
        numbers = await gateway.metrics()
        asked = len(sandbox.received) - before

    jobs = document_hash(JOBS)
    assert numbers["gateway_operations_total", jobs, "ok", "query"] == 21
    assert numbers["gateway_operation_duration_seconds_count", jobs, "query"] == 21
    assert numbers["gateway_operations_total", "none", "refused", "none"] == 4
    assert numbers["gateway_operations_total", document_hash(JOB), "partial", "query"] == 1
    assert numbers["gateway_operation_errors_total", "NOT_FOUND"] == 1
    assert numbers["gateway_writes_total", "retry", "DONE"] == 1
    calls = {
        origin: sum(
            number
            for (name, *labels), number in numbers.items()
            if name == "gateway_calls_total" and labels[0] == origin
        )
        for origin in ("made", "shared", "kept", "retried")
    }
    ended = tally.ended
    assert calls["made"] + calls["retried"] == asked == sum(one.calls for one in ended)
    assert calls["retried"] == 1
    assert calls["shared"] == sum(one.shared for one in ended) > 0
    assert calls["kept"] == sum(one.cached for one in ended) > 0
    assert numbers["gateway_calls_total", "made", "503", "project_jobs"] == 1
    assert sum(calls.values()) == len(tally.calls)
    made = sum(
        number
        for (name, *_), number in numbers.items()
        if name == "gateway_call_duration_seconds_count"
    )
    assert made == asked


async def test_durations_are_those_that_hooks_were_told(seeing):
    tally = Tally()

    async with seeing(tally, metrics=True) as gateway:
        for _ in range(5):
            await gateway.post(JOBS)
        numbers = await gateway.metrics()

    jobs = document_hash(JOBS)
    took_s = [one.duration_s for one in tally.ended]
    total_s = numbers["gateway_operation_duration_seconds_sum", jobs, "query"]
    assert total_s == pytest.approx(sum(took_s))
    for end in (0.005, 0.1, 30.0):
        bucket = numbers["gateway_operation_duration_seconds_bucket", str(end), jobs, "query"]
        assert bucket == sum(one <= end for one in took_s)
    assert numbers["gateway_operation_duration_seconds_bucket", "+Inf", jobs, "query"] == 5


async def test_limits_are_counted_by_their_setting(seeing):
    async with seeing(metrics=True, max_calls=3, max_depth=8) as gateway:
        await gateway.post(NESTED)
        await gateway.post("{ a" + "{ a" * 9 + "}" * 10)
        numbers = await gateway.metrics()
    async with seeing(metrics=True, max_calls=3, limits="measure") as gateway:
        await gateway.post(NESTED)
        measured = await gateway.metrics()

    assert numbers["gateway_limits_exceeded_total", "refused", "max_calls"] == 1
    assert numbers["gateway_limits_exceeded_total", "refused", "max_depth"] == 1
    assert measured["gateway_limits_exceeded_total", "measured", "max_calls"] == 1


async def test_requests_that_never_became_an_operation_are_counted(seeing):
    async with seeing(metrics=True) as gateway:
        await gateway.caller.put("/graphql")
        await gateway.caller.post("/graphql", content=b"{", headers={"content-type": "text/plain"})
        numbers = await gateway.metrics()

    assert numbers["gateway_requests_total", "405"] == 1
    assert numbers["gateway_requests_total", "415"] == 1


async def test_operations_of_trusted_documents_are_told_by_their_name(seeing, tmp_path):
    (tmp_path / "Jobs.graphql").write_text(JOBS)

    async with seeing(metrics=True, trusted_documents=str(tmp_path)) as gateway:
        await gateway.post(JOBS)
        await gateway.post("query Other { __typename }")
        numbers = await gateway.metrics()

    told = {
        key[1]: number for key, number in numbers.items() if key[0] == "gateway_operations_total"
    }
    assert told == {"Jobs": 1, document_hash("query Other { __typename }"): 1}
    assert numbers["gateway_documents", "trusted"] == 1


async def test_gauges_show_how_the_parts_stand(seeing):
    async with seeing(metrics=True, max_upstream_connections=7) as gateway:
        await gateway.post(JOBS)
        numbers = await gateway.metrics()

    assert numbers["gateway_credentials", "accepted"] == 1
    assert numbers["gateway_connections_max",] == 7
    assert numbers["gateway_kept_bytes",] > 0
    assert numbers["gateway_documents", "compiled"] == 1
    assert numbers["gateway_operations_in_flight",] == 0
    assert numbers["gateway_workers",] == 1
    assert numbers["process_resident_memory_bytes",] > 1_000_000


async def test_what_is_left_of_the_upstreams_limit_is_told(seeing, sandbox_server):
    sandbox_server.sandbox.limits.everything = 10

    async with seeing(metrics=True, kept_reads=False) as gateway:
        for _ in range(6):
            await gateway.post(JOBS)
        numbers = await gateway.metrics()

    left = {
        tuple(labels): number
        for (name, *labels), number in numbers.items()
        if name == "gateway_pace_left_ratio"
    }
    assert left == {("throttle_authenticated_api",): pytest.approx(0.4)}


async def test_subscriptions_are_counted_while_they_run_and_when_they_end(seeing, sandbox_server):
    job = sandbox_server.sandbox.create_job(1, 6, status="success")
    document = 'subscription { jobUpdated(job: {path: {project: "1", job: "%d"}}) { status } }'

    async with seeing(metrics=True) as gateway:
        answer = await gateway.caller.post(
            "/graphql",
            json={"query": document % job},
            headers={"private-token": gateway.token, "accept": "text/event-stream"},
        )
        numbers = await gateway.metrics()

    assert b"event: complete" in answer.content
    assert numbers["gateway_subscriptions", "jobUpdated"] == 0
    assert numbers["gateway_subscriptions_ended_total", "complete", "jobUpdated"] == 1
    assert numbers["gateway_subscription_events_total", "jobUpdated"] == 1


async def test_both_formats_are_read_by_their_own_parsers(seeing):
    openmetrics = "application/openmetrics-text; version=1.0.0"

    async with seeing(metrics=True) as gateway:
        await gateway.post(JOBS)
        plain = await gateway.caller.get("/metrics")
        told = await gateway.caller.get("/metrics", headers={"accept": openmetrics})

    assert plain.headers["content-type"].startswith("text/plain")
    assert told.headers["content-type"].startswith("application/openmetrics-text")
    names = {family.name for family in text_string_to_metric_families(plain.text)}
    assert names == {family.name for family in openmetrics_families(told.text)}
    assert {name.removesuffix("_total") for name in METRICS} <= names


async def test_they_are_off_where_nobody_wants_them(seeing):
    async with seeing() as gateway:
        answer = await gateway.caller.get("/metrics")

    assert answer.status_code == 404


async def test_no_credential_and_no_name_of_a_callers_is_in_them(seeing):
    async with seeing(metrics=True) as gateway:
        await gateway.post("query glpatSecretName { __typename }")
        text = (await gateway.caller.get("/metrics")).text

    assert gateway.token not in text
    assert "glpatSecretName" not in text


def test_an_extra_that_is_missing_is_a_mistake_that_says_so(monkeypatch):
    for module in ("measuring", "exposition", "exporting", "tracing"):
        monkeypatch.delitem(sys.modules, f"gateway.telemetry.{module}", raising=False)
    monkeypatch.setitem(sys.modules, "prometheus_client", None)
    monkeypatch.setitem(sys.modules, "opentelemetry", None)
    for name in [name for name in sys.modules if name.startswith("opentelemetry.")]:
        monkeypatch.setitem(sys.modules, name, None)

    with pytest.raises(SettingsError, match=r"pip install '\.\[metrics\]'"):
        measuring_of(Settings(metrics=True))
    with pytest.raises(SettingsError, match=r"pip install '\.\[otel\]'"):
        exporting_of(Settings(traces=True))


class TestNames:
    def test_a_flood_of_documents_makes_no_more_series_than_are_allowed(self):
        cells = Cells()
        metrics = Metrics(cells)

        for number in range(3 * MAX_HASHED):
            metrics.operation_ended(operation(f"{{ a{number}: __typename }}"))

        told = parse(cells.content())
        operations = {key[1][0]: numbers[0] for key, numbers in told.items() if of(key, OPERATIONS)}
        assert len(operations) == MAX_HASHED + 1
        assert operations["other"] == 2 * MAX_HASHED

    def test_an_operation_of_a_trusted_document_is_told_by_its_name(self):
        cells = Cells()
        metrics = Metrics(cells)

        metrics.operation_ended(operation("query Jobs { __typename }", "Jobs", trusted="jobs"))

        told = parse(cells.content())
        assert told[OPERATIONS.name, ("Jobs", "query", "ok")] == (1.0,)

    def test_refused_documents_have_one_series(self):
        cells = Cells()
        metrics = Metrics(cells)

        for number in range(10):
            refused = operation(f"{{ nope{number} }}", outcome="refused")
            refused.type = None
            metrics.operation_ended(refused)

        told = parse(cells.content())
        assert told[OPERATIONS.name, ("none", "none", "refused")] == (10.0,)


@pytest.mark.timed
def test_a_scrape_takes_less_than_a_hundredth_of_a_core_at_one_in_15_s():
    cells = Cells()
    metrics = Metrics(cells)
    for number in range(2 * MAX_HASHED):
        for outcome in ("ok", "partial"):
            metrics.operation_ended(operation(f"{{ a{number}: __typename }}", outcome=outcome))
    content = cells.content()

    began = time.process_time()
    _, text = rendered(parse(content), [os.getpid()], "")
    took_s = time.process_time() - began

    assert text.count(b"\n") > 15 * MAX_HASHED
    assert took_s < 0.15


class TestCells:
    def test_they_grow_and_keep_what_they_hold(self):
        cells = Cells()
        places = [
            cells.slot(OPERATIONS, f"name {number} …", "query", "ok") for number in range(3000)
        ]

        for number, place in enumerate(places):
            cells.values[place] += number

        told = parse(cells.content())
        assert list(told.values()) == [(float(n),) for n in range(3000)]

    def test_what_is_none_is_passed_over(self):
        assert parse(b"") == parse(b"something else entirely") == {}

    def test_gauges_of_several_workers_are_merged_each_its_own_way(self):
        samples = [
            {
                ("gateway_pace_left_ratio", ("general",)): (0.5,),
                ("gateway_pollers", ("log",)): (2.0,),
            },
            {
                ("gateway_pace_left_ratio", ("general",)): (0.1,),
                ("gateway_pollers", ("log",)): (3.0,),
            },
            {("gateway_circuit_open", ()): (1.0,)},
            {("gateway_circuit_open", ()): (0.0,)},
        ]

        total = merged(samples)

        assert total["gateway_pace_left_ratio", ("general",)] == (0.1,)
        assert total["gateway_pollers", ("log",)] == (5.0,)
        assert total["gateway_circuit_open", ()] == (1.0,)

    def test_labels_are_escaped(self):
        cells = Cells()
        cells.values[cells.slot(OPERATIONS, 'a"b\\c\nd', "query", "ok")] += 1

        _, text = rendered(parse(cells.content()), [], "")

        [family] = [
            one
            for one in text_string_to_metric_families(text.decode())
            if one.name == "gateway_operations"
        ]
        assert family.samples[0].labels["operation"] == 'a"b\\c\nd'


def operation(document, name=None, *, outcome="ok", trusted=None):
    event = OperationEvent("r-1", "http", 0.0, document=document, name=name, type="query")
    event.outcome = outcome
    event.trusted = trusted
    return event


def of(key, metric):
    return key[0] == metric.name
