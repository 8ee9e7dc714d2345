"""Where spans go: OTLP over HTTP, as the variables say, read by the format's own parser."""

import asyncio
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from gateway.parts import exporting_of
from gateway.settings import Settings, SettingsError
from tests.harness.command import ask, running

QUERY = 'query Jobs { project(id: "1") { jobs(first: 3) { nodes { name } } } }'


@contextmanager
def collector():
    """A collector's address, and the requests that it was sent: path, headers, message."""
    sent = []

    class Taking(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["content-length"]))
            sent.append((self.path, dict(self.headers), ExportTraceServiceRequest.FromString(body)))
            self.send_response(200)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Taking) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}", sent
        finally:
            server.shutdown()
            thread.join()


def test_spans_are_sent_as_the_variables_say(sandbox_server):
    token = sandbox_server.tokens["developer"]
    options = ("serve", "--port", "0", "--traces", "--upstream-url", sandbox_server.url)
    with collector() as (address, sent):
        environment = {
            "OTEL_EXPORTER_OTLP_ENDPOINT": address,
            "OTEL_EXPORTER_OTLP_HEADERS": "x-tenant=ci",
            "OTEL_SERVICE_NAME": "our-gateway",
            "OTEL_RESOURCE_ATTRIBUTES": "deployment.environment=test",
        }
        with running(*options, **environment) as served:
            ask(served.said("GraphQL"), QUERY, token)
            served.stop()

    [(path, headers, message)] = sent
    assert path == "/v1/traces"
    assert headers["x-tenant"] == "ci"
    [resource] = message.resource_spans
    told = {each.key: each.value.string_value for each in resource.resource.attributes}
    assert told["service.name"] == "our-gateway"
    assert told["deployment.environment"] == "test"
    spans = {span.name: span for scope in resource.scope_spans for span in scope.spans}
    assert spans.keys() == {"query", "project_jobs"}
    assert spans["project_jobs"].parent_span_id == spans["query"].span_id
    assert spans["query"].start_time_unix_nano <= spans["project_jobs"].start_time_unix_nano
    assert token.encode() not in message.SerializeToString()


def test_a_collector_that_is_not_there_stops_nothing(sandbox_server):
    token = sandbox_server.tokens["developer"]
    options = ("serve", "--port", "0", "--traces", "--upstream-url", sandbox_server.url)
    environment = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9",
        "OTEL_EXPORTER_OTLP_TIMEOUT": "1",
    }

    with running(*options, **environment) as served:
        answer = ask(served.said("GraphQL"), QUERY, token)
        records = served.stop()

    assert "errors" not in answer
    assert [record["record"] for record in records if record["record"] == "operation"]
    assert token not in str(records)


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("OTEL_TRACES_EXPORTER", "zipkin", "is none of otlp, console, none"),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc", "set it to http/protobuf"),
        ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "http/json", "set it to http/protobuf"),
    ],
)
def test_what_there_is_not_is_a_mistake(monkeypatch, variable, value, said):
    monkeypatch.setenv(variable, value)

    with pytest.raises(SettingsError, match=said):
        exporting_of(Settings(traces=True))


def test_nothing_is_sent_where_that_is_set(monkeypatch):
    monkeypatch.setenv("OTEL_TRACES_EXPORTER", "none")

    exporting = exporting_of(Settings(traces=True))

    assert exporting is not None
    asyncio.run(exporting.close())


def test_without_a_name_it_is_the_gateways_own(monkeypatch):
    monkeypatch.setenv("OTEL_TRACES_EXPORTER", "none")
    monkeypatch.delenv("OTEL_SERVICE_NAME", raising=False)

    exporting = exporting_of(Settings(traces=True))

    assert exporting.resource["service.name"] == "jobs-gateway"
