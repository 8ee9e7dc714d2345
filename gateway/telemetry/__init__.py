"""What can be seen of the gateway from outside: metrics (Prometheus) and traces (OpenTelemetry).

    hooks ─► Metrics ─► Cells ─► Exposition ─► GET /metrics          extra `metrics`
    hooks ─► Tracing ─► spans ─► OTLP                                extra `otel`

Both are users of hooks, as any other. What a metric means stands in `catalogue`. Only `exposition`
and `tracing` import what the extras bring, so that all else works without them.
"""
