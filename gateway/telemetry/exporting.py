"""Where spans go: by OTLP over HTTP, as OpenTelemetry's own variables say (extra `otel`).

    OTEL_TRACES_EXPORTER              otlp (default), console, none
    OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_EXPORTER_OTLP_HEADERS, …
    OTEL_SERVICE_NAME, OTEL_RESOURCE_ATTRIBUTES, OTEL_TRACES_SAMPLER, OTEL_BSP_…, OTEL_SDK_DISABLED

See https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/. The library
reads them; here they are checked where it would go on without a word.
"""

from __future__ import annotations

import asyncio
import os
from contextlib import suppress
from typing import TYPE_CHECKING, Final

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_NAME, SERVICE_VERSION, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, ConsoleSpanExporter

from gateway.telemetry.tracing import Tracing

if TYPE_CHECKING:
    from collections.abc import Mapping

    from opentelemetry.sdk.trace.export import SpanExporter

__all__ = ["Exporting"]

OWN_NAME: Final = "jobs-gateway"
# How long the end waits until what there is has been taken.
FLUSHED_S: Final = 3.0
_EXPORTERS: Final = {"otlp": OTLPSpanExporter, "console": ConsoleSpanExporter}


class Exporting:
    """The hook that traces, and what sends its spans from a thread of its own. Raises `ValueError`
    for variables that ask for what there is not.
    """

    def __init__(self, version: str, environment: Mapping[str, str] = os.environ) -> None:
        self._provider = TracerProvider(resource=_resource(version))
        for exporter in _exporters(environment):
            self._provider.add_span_processor(BatchSpanProcessor(exporter))
        self.hook = Tracing(self._provider.get_tracer(OWN_NAME, version))

    @property
    def resource(self) -> Mapping[str, object]:
        """What the spans say of the process."""
        return self._provider.resource.attributes

    async def close(self) -> None:
        """Send what there is; what nobody takes in time is lost."""
        flushing = asyncio.to_thread(self._provider.force_flush, round(FLUSHED_S * 1000))
        with suppress(TimeoutError):
            await asyncio.wait_for(flushing, FLUSHED_S)


def _resource(version: str) -> Resource:
    resource = Resource.create({SERVICE_VERSION: version})
    if str(resource.attributes.get(SERVICE_NAME, "")).startswith("unknown_service"):
        return resource.merge(Resource({SERVICE_NAME: OWN_NAME}))
    return resource


def _exporters(environment: Mapping[str, str]) -> list[SpanExporter]:
    named = environment.get("OTEL_TRACES_EXPORTER", "").strip() or "otlp"
    names = [name.strip() for name in named.split(",")]
    unknown = [name for name in names if name not in {*_EXPORTERS, "none"}]
    if unknown:
        raise ValueError(f"OTEL_TRACES_EXPORTER={named} is none of otlp, console, none")
    for variable in ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"):
        protocol = environment.get(variable, "").strip()
        if "otlp" in names and protocol not in {"", "http/protobuf"}:
            raise ValueError(
                f"{variable}={protocol} is not spoken here: set it to http/protobuf, and the"
                " endpoint to the collector's HTTP port (4318 by default)"
            )
    return [_EXPORTERS[name]() for name in names if name != "none"]
