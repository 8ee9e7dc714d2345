"""Spans: their tree, their times and their ids, read back from an exporter in memory."""

import asyncio
from contextlib import asynccontextmanager

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode

from gateway.hooks import document_hash
from gateway.sandbox import Fault
from gateway.telemetry.tracing import Tracing

pytestmark = pytest.mark.anyio

NESTED = """
query Nested {
  project(id: "1") { jobs(first: 20) { nodes { pipeline { jobs(first: 3) { nodes { name } } } } } }
}
"""
JOBS = 'query Jobs { project(id: "1") { jobs(first: 3) { nodes { name } } } }'
TRACE = "0af7651916cd43dd8448eb211c80319c"
PARENT = "b7ad6b7169203331"
TRACEPARENT = {"traceparent": f"00-{TRACE}-{PARENT}-01", "tracestate": "vendor=value"}


@pytest.fixture
def tracing(seeing):
    """Runs the gateway with traces; gives it, and what gives the spans that have ended."""

    @asynccontextmanager
    async def tracing(**settings):
        exporter = InMemorySpanExporter()
        provider = TracerProvider(shutdown_on_exit=False)
        provider.add_span_processor(SimpleSpanProcessor(exporter))
        async with seeing(Tracing(provider.get_tracer("test")), **settings) as gateway:
            yield gateway, exporter.get_finished_spans

    return tracing


def of_name(spans, name):
    return [span for span in spans if span.name == name]


async def test_the_tree_of_a_nested_operation_is_as_it_was(tracing, sandbox_server):
    sandbox = sandbox_server.sandbox
    async with tracing() as (gateway, ended):
        before = len(sandbox.received)
        body = await gateway.post(NESTED)
        asked = len(sandbox.received) - before
        spans = ended()

    assert "errors" not in body
    [operation] = of_name(spans, "query")
    [first] = of_name(spans, "project_jobs")
    below = of_name(spans, "pipeline_jobs")
    assert len(spans) == 1 + asked == 2 + len(below)
    assert len(below) > 1
    for call in (first, *below):
        assert call.kind is SpanKind.CLIENT
        assert call.parent.span_id == operation.context.span_id
        assert call.context.trace_id == operation.context.trace_id
        assert operation.start_time <= call.start_time <= call.end_time <= operation.end_time
    # Level by level, and those of a level side by side.
    assert all(first.end_time <= call.start_time for call in below)
    assert max(call.start_time for call in below) < min(call.end_time for call in below)
    assert operation.kind is SpanKind.SERVER
    assert operation.attributes["graphql.operation.name"] == "Nested"
    assert operation.attributes["gateway.calls"] == asked
    assert operation.attributes["gateway.document"] == document_hash(NESTED)
    assert operation.attributes["http.response.status_code"] == 200


async def test_ids_go_from_the_caller_to_the_upstream_and_into_the_records(tracing, sandbox_server):
    sandbox = sandbox_server.sandbox
    async with tracing(log_level="debug") as (gateway, ended):
        before = len(sandbox.received)
        await gateway.post(NESTED, TRACEPARENT)
        asked = list(sandbox.received)[before:]
        spans, records = ended(), gateway.records()

    [operation] = of_name(spans, "query")
    assert f"{operation.context.trace_id:032x}" == TRACE
    assert f"{operation.parent.span_id:016x}" == PARENT
    calls = {f"{span.context.span_id:016x}" for span in spans if span.kind is SpanKind.CLIENT}
    assert {one.headers["traceparent"] for one in asked} == {
        f"00-{TRACE}-{span}-01" for span in calls
    }
    assert {one.headers["tracestate"] for one in asked} == {"vendor=value"}
    [told] = [record for record in records if record["record"] == "operation"]
    assert told["trace_id"] == TRACE
    assert told["span_id"] == f"{operation.context.span_id:016x}"
    assert {record["span_id"] for record in records if record["record"] == "call"} == calls


async def test_without_traces_the_callers_ids_pass_through_and_are_recorded(seeing, sandbox_server):
    sandbox = sandbox_server.sandbox
    async with seeing() as gateway:
        before = len(sandbox.received)
        await gateway.post(JOBS, TRACEPARENT)
        [asked] = list(sandbox.received)[before:]
        [record] = gateway.records()

    assert asked.headers["traceparent"] == TRACEPARENT["traceparent"]
    assert asked.headers["tracestate"] == "vendor=value"
    assert record["trace_id"] == TRACE
    assert "span_id" not in record


@pytest.mark.parametrize(
    "malformed",
    [
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331",
        "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "00-00000000000000000000000000000000-b7ad6b7169203331-01",
        "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
        "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
        "glpat-secret",
        "",
    ],
)
async def test_a_malformed_traceparent_is_passed_over(seeing, sandbox_server, malformed):
    sandbox = sandbox_server.sandbox
    async with seeing() as gateway:
        before = len(sandbox.received)
        await gateway.post(JOBS, {"traceparent": malformed, "tracestate": "vendor=value"})
        [asked] = list(sandbox.received)[before:]
        [record] = gateway.records()

    assert "traceparent" not in asked.headers
    assert "tracestate" not in asked.headers
    assert "trace_id" not in record


async def test_a_shared_call_is_linked_to_the_one_that_was_made(tracing, sandbox_server):
    sandbox_server.sandbox.faults.append(Fault(kind="latency", seconds=0.2))
    async with tracing() as (gateway, ended):
        await asyncio.gather(gateway.post(JOBS), gateway.post(JOBS))
        spans = ended()

    operations = of_name(spans, "query")
    calls = of_name(spans, "project_jobs")
    [made] = [call for call in calls if call.kind is SpanKind.CLIENT]
    [shared] = [call for call in calls if call.kind is SpanKind.INTERNAL]
    [link] = shared.links
    assert len(operations) == 2
    assert link.context.span_id == made.context.span_id
    assert made.parent.span_id != shared.parent.span_id
    assert {made.parent.span_id, shared.parent.span_id} == {
        operation.context.span_id for operation in operations
    }


async def test_a_kept_answer_and_a_wait_are_events_of_the_operation(tracing, sandbox_server):
    async with tracing(max_calls_in_flight=1) as (gateway, ended):
        await gateway.post(NESTED)
        await gateway.post(NESTED)
        first, second = of_name(ended(), "query")

    waits = [event for event in first.events if event.name == "wait"]
    assert {event.attributes["gateway.reason"] for event in waits} == {"room"}
    assert {event.attributes["gateway.route"] for event in waits} == {"pipeline_jobs"}
    assert all(first.start_time <= event.timestamp <= first.end_time for event in waits)
    kept = [event for event in second.events if event.name == "kept"]
    assert len(kept) == second.attributes["gateway.cached"] > 1


async def test_each_attempt_has_a_span_and_a_wait_before_it(tracing, sandbox_server):
    sandbox_server.sandbox.faults.append(Fault(kind="status", status=503, times=1))
    async with tracing() as (gateway, ended):
        await gateway.post(JOBS)
        spans = ended()

    [operation] = of_name(spans, "query")
    failed, worked = sorted(of_name(spans, "project_jobs"), key=lambda span: span.start_time)
    assert failed.attributes["http.response.status_code"] == 503
    assert failed.status.status_code is StatusCode.ERROR
    assert worked.attributes["http.request.resend_count"] == 1
    assert worked.status.status_code is StatusCode.UNSET
    [wait] = [event for event in operation.events if event.name == "wait"]
    assert wait.attributes["gateway.reason"] == "retry"
    assert failed.end_time <= wait.timestamp <= worked.start_time


async def test_a_subscription_is_one_span_and_its_polls_are_none_of_its(tracing, sandbox_server):
    job = sandbox_server.sandbox.create_job(1, 6, status="success")
    query = 'subscription { jobUpdated(job: {path: {project: "1", job: "%d"}}) { name pipeline {'
    query += " duration } } }"
    async with tracing() as (gateway, ended):
        await gateway.caller.post(
            "/graphql",
            json={"query": query % job},
            headers={
                "private-token": gateway.token,
                "accept": "text/event-stream",
                **TRACEPARENT,
            },
        )
        spans = ended()

    [subscription] = of_name(spans, "subscription")
    assert f"{subscription.context.trace_id:032x}" == TRACE
    assert subscription.attributes["gateway.events"] == 1
    assert subscription.attributes["gateway.ending"] == "complete"
    polls = [span for span in spans if span.parent is None]
    assert polls
    assert all(span.kind is SpanKind.CLIENT for span in polls)
    [edge] = of_name(spans, "pipeline")
    assert edge.parent.span_id == subscription.context.span_id


async def test_an_operation_of_a_trusted_document_has_its_name(tracing, tmp_path):
    (tmp_path / "Jobs.graphql").write_text(JOBS)
    async with tracing(trusted_documents=str(tmp_path)) as (gateway, ended):
        await gateway.post(JOBS)
        names = {span.name for span in ended()}

    assert names == {"query Jobs", "project_jobs"}


async def test_no_credential_and_no_id_is_in_a_name(tracing, sandbox_server):
    async with tracing() as (gateway, ended):
        await gateway.post('{ project(id: "1") { job(id: "7") { name } } }', TRACEPARENT)
        await gateway.post('query Job7 { job(by: {path: {project: "1", job: "7"}}) { name } }')
        spans = ended()

    assert not any(character.isdigit() for span in spans for character in span.name)
    assert not any(gateway.token in span.to_json() for span in spans)
